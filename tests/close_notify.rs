//! `CloseNotify`: rule C5 of the design.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::within;
use crossbeam_channel::{TryRecvError, select};
use rungroup::Closer;

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough to be noticed, short enough to be waited for in vain.
const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn c5_select_sees_the_close_now_and_later() {
    within(LIMIT, || {
        let closer = Closer::new();
        let told = closer.close_notify().clone();
        let (ready, is_ready) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let made_before = told.receiver().clone();
            ready.send(()).unwrap();
            select! { recv(made_before) -> told => assert!(told.is_err()) }
        });
        is_ready.recv().unwrap();
        closer.close();
        waiter.join().unwrap();

        // Again, and on a channel that is made only after the close.
        let late = Closer::new();
        late.close();
        for closer in [&closer, &late] {
            select! { recv(closer.close_notify().receiver()) -> told => assert!(told.is_err()) }
        }
    });
}

#[test]
fn c5_select_waits_while_open() {
    within(LIMIT, || {
        let closer = Closer::new();
        let told = select! {
            recv(closer.close_notify().receiver()) -> _ => true,
            default(MOMENT) => false,
        };
        assert!(!told);
    });
}

/// Dropping a closer is not closing, to a clone of the channel as well, as long as there is something
/// that could be told.
#[test]
fn c5_a_clone_of_the_select_channel_is_told_by_the_close_alone_beside_a_notify() {
    within(LIMIT, || {
        let closer = Closer::new();
        let (notify, running) = (closer.close_notify().clone(), closer.add_running_owned());
        let told = notify.receiver().clone();
        drop(closer);
        assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
        drop(running);
        assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
        assert!(!notify.is_closed());
        drop(notify);
        // Nobody is left who could close.
        assert_eq!(told.try_recv(), Err(TryRecvError::Disconnected));
    });
}

#[test]
fn c5_the_notification_can_be_waited_for_and_tested() {
    within(LIMIT, || {
        let closer = Closer::new();
        let told = closer.close_notify();
        assert!(!told.is_closed());
        assert!(!told.wait_timeout(MOMENT));
        thread::scope(|scope| {
            scope.spawn(|| told.wait());
            scope.spawn(|| assert!(told.wait_timeout(LIMIT)));
            closer.close();
        });
        assert!(told.is_closed());
        assert!(told.wait_timeout(Duration::ZERO));
    });
}

#[cfg(feature = "net")]
fn is_readable(fd: impl std::os::fd::AsFd, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::try_from(limit).unwrap())).unwrap() == 1
}

#[cfg(feature = "net")]
#[test]
fn c5_the_descriptor_becomes_readable_at_the_close_and_stays_so() {
    within(LIMIT, || {
        let closer = Closer::new();
        let notify = closer.close_notify();
        let fd = notify.as_fd().unwrap().try_clone_to_owned().unwrap();
        assert!(!is_readable(&fd, MOMENT));
        let waiter = thread::spawn(move || is_readable(&fd, LIMIT) && is_readable(&fd, LIMIT));
        closer.close();
        assert!(waiter.join().unwrap());
        assert!(is_readable(notify.as_fd().unwrap(), LIMIT));
        // One that is made later is so from the beginning.
        let later = Closer::new();
        later.close();
        assert!(is_readable(later.close_notify().as_fd().unwrap(), LIMIT));
    });
}

#[cfg(feature = "net")]
#[test]
fn c5_a_duplicate_of_the_descriptor_is_told_by_the_close_alone_beside_a_notify() {
    within(LIMIT, || {
        let closer = Closer::new();
        let notify = closer.close_notify().clone();
        let fd = notify.as_fd().unwrap().try_clone_to_owned().unwrap();
        drop(closer);
        assert!(!is_readable(&fd, MOMENT));
        drop(notify);
        assert!(is_readable(&fd, LIMIT), "nobody is left who could close");
    });
}
