//! Blocking calls on sockets that end at stop, without polling: each waits in one `poll` of two
//! descriptors, the socket's and the stop token's.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::clock;
use crate::context::ServeContext;
use crate::stop::StopToken;

/// How long `accept` leaves the system alone when it is out of descriptors or memory: doubled from
/// the first to the last, and cut short by a stop.
const EXHAUSTED: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// How a [`ServeContext::wait_readable`] ended.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Readable, service_fn};
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("reader", |ctx| {
///     let (mut ours, mut theirs) = UnixStream::pair()?;
///     theirs.write_all(b"hello")?;
///     let mut text = [0; 5];
///     match ctx.wait_readable(&ours, None)? {
///         Readable::Ready => ours.read_exact(&mut text)?,
///         Readable::TimedOut => return Err("nobody says anything".into()),
///         Readable::Stopped => return Ok(()),
///     }
///     assert_eq!(&text, b"hello");
///     Ok(())
/// }));
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Readable {
    /// There is something to read, or the end, or an error: a read will not block.
    Ready,
    /// The limit has passed.
    TimedOut,
    /// The unit is to stop. There may be something to read, too.
    Stopped,
}

/// A listener that [`ServeContext::accept`] can accept from: std's TCP and Unix listeners.
///
/// # Examples
///
/// ```
/// use rungroup::{Accept, BoxError, Group, ServeContext, service_fn};
/// use std::net::{TcpListener, TcpStream};
///
/// /// Counts the connections, of whichever kind, until `limit` or the stop.
/// fn count<L: Accept>(ctx: &ServeContext, listener: &L, limit: u32) -> Result<u32, BoxError> {
///     let mut connections = 0;
///     while connections < limit && ctx.accept(listener)?.is_some() {
///         connections += 1;
///     }
///     Ok(connections)
/// }
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let _clients = [
///     TcpStream::connect(listener.local_addr()?)?,
///     TcpStream::connect(listener.local_addr()?)?,
/// ];
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("counter", move |ctx| {
///     assert_eq!(count(ctx, &listener, 2)?, 2);
///     Ok(())
/// }));
/// group.run()?;
/// # Ok::<(), BoxError>(())
/// ```
pub trait Accept: AsFd + sealed::Sealed {
    /// An accepted connection.
    type Stream;
    /// Who is at its other end.
    type Addr;
    #[doc(hidden)]
    fn accept_one(&self) -> io::Result<(Self::Stream, Self::Addr)>;
    #[doc(hidden)]
    fn set_listener_nonblocking(&self) -> io::Result<()>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::net::TcpListener {}
    impl Sealed for std::os::unix::net::UnixListener {}
}

macro_rules! accept {
    ($listener:ty, $stream:ty, $addr:ty) => {
        impl Accept for $listener {
            type Stream = $stream;
            type Addr = $addr;

            fn accept_one(&self) -> io::Result<($stream, $addr)> {
                let (stream, addr) = self.accept()?;
                // Linux gives a blocking stream, BSD one that is as the listener.
                #[cfg(not(target_os = "linux"))]
                stream.set_nonblocking(false)?;
                Ok((stream, addr))
            }

            fn set_listener_nonblocking(&self) -> io::Result<()> {
                self.set_nonblocking(true)
            }
        }
    };
}

accept!(TcpListener, TcpStream, SocketAddr);
accept!(UnixListener, UnixStream, UnixAddr);

impl ServeContext {
    /// Waits for a connection; `None` as soon as the unit is to stop. The listener is set to
    /// non-blocking, the stream comes blocking.
    ///
    /// A connection that its client has given up is passed over. When the system is out of
    /// descriptors or memory it waits (10 ms, doubled up to a second; a stop cuts it short) and
    /// tries again, since what frees them is that other connections end.
    ///
    /// # Errors
    ///
    /// Any other error of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// let address = listener.local_addr().unwrap();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", move |ctx| {
    ///     while let Some((_stream, _peer)) = ctx.accept(&listener)? {
    ///         ctx.handle().stop("one is enough");
    ///     }
    ///     Ok(())
    /// }));
    /// let _client = TcpStream::connect(address).unwrap();
    /// group.run().unwrap();
    /// ```
    pub fn accept<L: Accept>(&self, listener: &L) -> io::Result<Option<(L::Stream, L::Addr)>> {
        listener.set_listener_nonblocking()?;
        let mut pause = EXHAUSTED.0;
        loop {
            if self.stopped().is_stopped() {
                return Ok(None);
            }
            let result = listener.accept_one().map(Some).or_else(|error| {
                // Nobody there: wait for somebody, then try again.
                if error.kind() == io::ErrorKind::WouldBlock {
                    wait_readable(self.stopped(), listener.as_fd(), None).map(|_| None)
                } else {
                    Err(error)
                }
            });
            match result {
                Ok(Some(connection)) => return Ok(Some(connection)),
                Ok(None) => pause = EXHAUSTED.0,
                Err(error) if is_passing(&error) => {}
                Err(error) if is_exhausted(&error) => {
                    self.sleep(pause);
                    pause = (pause * 2).min(EXHAUSTED.1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until a read of `socket` would not block, for `limit` at most (`None`: without limit),
    /// or until the unit is to stop, which goes first: from then on it is always
    /// [`Stopped`](Readable::Stopped). To answer what has come by then, read on with the socket set to
    /// non-blocking or with a read timeout.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left for the stop token's own, on its first use; any other
    /// error of its `poll`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Readable, service_fn};
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("reader", |ctx| {
    ///     let (ours, theirs) = UnixStream::pair()?;
    ///     let limit = Some(Duration::from_millis(1));
    ///     assert_eq!(ctx.wait_readable(&ours, limit)?, Readable::TimedOut);
    ///     drop(theirs);
    ///     assert_eq!(ctx.wait_readable(&ours, None)?, Readable::Ready);
    ///     Ok(())
    /// }));
    /// group.run().unwrap();
    /// ```
    pub fn wait_readable(
        &self,
        socket: &impl AsFd,
        limit: Option<Duration>,
    ) -> io::Result<Readable> {
        wait_readable(self.stopped(), socket.as_fd(), limit.and_then(clock::after))
    }
}

fn wait_readable(
    stop: &StopToken,
    socket: BorrowedFd<'_>,
    deadline: Option<Instant>,
) -> io::Result<Readable> {
    let stop_fd = stop.as_fd()?;
    loop {
        if stop.is_stopped() {
            return Ok(Readable::Stopped);
        }
        let mut fds = [
            PollFd::from_borrowed_fd(socket, PollFlags::IN),
            PollFd::from_borrowed_fd(stop_fd, PollFlags::IN),
        ];
        let left = deadline.map(|at| at.saturating_duration_since(clock::now()));
        // A limit that the system cannot express is as good as none.
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(Readable::TimedOut),
            Ok(_) if !fds[1].revents().is_empty() => return Ok(Readable::Stopped),
            Ok(_) => return Ok(Readable::Ready),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Errors of `accept` that say nothing about the listener: of the connection, or, on Linux, of the
/// network that it came over. accept(2) says to try again after these.
fn is_passing(error: &io::Error) -> bool {
    let of_network = [Errno::NETDOWN, Errno::NETUNREACH, Errno::HOSTDOWN, Errno::HOSTUNREACH];
    let of_protocol = [Errno::PROTO, Errno::NOPROTOOPT, Errno::CONNABORTED, Errno::CONNRESET];
    let passing = of_network.iter().chain(&of_protocol).chain(&[Errno::INTR]);
    passing.map(|errno| Some(errno.raw_os_error())).any(|errno| error.raw_os_error() == errno)
}

/// Out of descriptors, in the process or in the system, or of memory.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    exhausted.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::{Errno, is_exhausted, is_passing};

    #[test]
    fn o5_an_error_of_one_connection_is_not_one_of_the_listener() {
        let is_passing = |errno: Errno| is_passing(&Error::from(errno));
        assert!(is_passing(Errno::CONNABORTED) && is_passing(Errno::PROTO));
        assert!(is_passing(Errno::NETUNREACH) && is_passing(Errno::HOSTUNREACH));
        assert!(!is_passing(Errno::BADF) && !is_passing(Errno::INVAL) && !is_passing(Errno::MFILE));
        assert!(is_exhausted(&Error::from(Errno::MFILE)));
    }
}
