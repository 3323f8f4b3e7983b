//! A pseudo-terminal: what a child process sees as a terminal, and its test reads.

// Each test file is a crate of its own, and it is public to them.
#![allow(unreachable_pub)]

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The two sides of a terminal.
pub struct Terminal {
    screen: File,
    inside: OwnedFd,
}

impl Terminal {
    /// One of so many columns; 0 for one that does not know.
    pub fn new(columns: u16) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&screen).expect("granted");
        unlockpt(&screen).expect("unlocked");
        let path = ptsname(&screen, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let inside = rustix::fs::open(path, flags, Mode::empty()).expect("opened");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&inside, size).expect("a size");
        Self { screen: screen.into(), inside }
    }

    /// The side for a process, as one of its streams.
    pub fn inside(&self) -> OwnedFd {
        self.inside.try_clone().expect("cloned")
    }

    /// All that was shown until the last process has left, with the line ends that it was written
    /// with.
    pub fn shown(self) -> String {
        let Self { mut screen, inside } = self;
        drop(inside);
        let (mut shown, mut part) = (Vec::new(), [0; 1024]);
        loop {
            match screen.read(&mut part) {
                Ok(0) => break,
                Ok(count) => shown.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // How Linux says that nobody is inside any more.
                Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => break,
                Err(error) => panic!("{error}"),
            }
        }
        String::from_utf8(shown).expect("text").replace("\r\n", "\n")
    }
}
