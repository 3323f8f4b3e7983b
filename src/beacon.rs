//! A descriptor that becomes readable once, for every poller, and stays so. It knows nothing of what it
//! stands for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

pub(crate) use system::Beacon;

/// An event counter of the kernel's: one descriptor, and lit by one short write.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::{AsFd, BorrowedFd, io};
    use rustix::event::{EventfdFlags, eventfd};
    use std::os::fd::OwnedFd;

    /// So many, taken one by one, that whoever reads from it, against what it is for, does not put it out.
    const ENDLESS: u64 = u64::MAX - 1;

    #[derive(Debug)]
    pub(crate) struct Beacon(OwnedFd);

    impl Beacon {
        pub(crate) fn new() -> io::Result<Self> {
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
            Ok(Self(eventfd(0, flags)?))
        }

        /// Again is as good as once: there is no room for more, then.
        pub(crate) fn light(&self) {
            let _ = rustix::io::write(&self.0, &ENDLESS.to_ne_bytes());
        }
    }

    /// Nobody is left to light it: whoever polls a duplicate would do so for ever. A pair of sockets has
    /// that by itself.
    impl Drop for Beacon {
        fn drop(&mut self) {
            self.light();
        }
    }

    impl AsFd for Beacon {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

/// One end of a pair of sockets, of which the other is closed: its end is there to be read for ever.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::{AsFd, BorrowedFd, io};
    use crate::sync::Mutex;
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(crate) struct Beacon {
        ours: UnixStream,
        theirs: Mutex<Option<UnixStream>>,
    }

    impl Beacon {
        pub(crate) fn new() -> io::Result<Self> {
            let (ours, theirs) = UnixStream::pair()?;
            Ok(Self { ours, theirs: Mutex::new(Some(theirs)) })
        }

        pub(crate) fn light(&self) {
            drop(self.theirs.lock().take());
        }
    }

    impl AsFd for Beacon {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.ours.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_readable(beacon: &Beacon) -> bool {
        let mut fds = [PollFd::new(beacon, PollFlags::IN)];
        let at_once = Timespec::try_from(Duration::ZERO).unwrap();
        poll(&mut fds, Some(&at_once)).unwrap() == 1
    }

    #[test]
    fn a_beacon_that_is_lit_stays_so_whoever_reads_from_it() {
        let beacon = Beacon::new().unwrap();
        assert!(!is_readable(&beacon));
        beacon.light();
        for _ in 0..1_000 {
            let _ = rustix::io::read(&beacon, &mut [0; 64]);
            assert!(is_readable(&beacon));
        }
        beacon.light();
        assert!(is_readable(&beacon));
    }
}
