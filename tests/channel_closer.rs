//! `ChannelCloser`: rules C1 to C5 of the design, and fault 9 of the originals.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::within;
use crossbeam_channel::{bounded, select};
use rungroup::ChannelCloser;

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough to be noticed, short enough to be waited for in vain.
const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn c1_guards_are_given_until_the_side_is_closed() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let sending = (closer.add_sender().unwrap(), closer.add_sender_owned().unwrap());
        let receiving = (closer.add_receiver().unwrap(), closer.add_receiver_owned().unwrap());
        assert_eq!((closer.senders(), closer.receivers()), (2, 2));
        closer.close();
        assert!(closer.add_sender().is_none() && closer.add_sender_owned().is_none());
        drop(sending);
        assert!(closer.add_receiver().is_none() && closer.add_receiver_owned().is_none());
        assert_eq!((closer.senders(), closer.receivers()), (0, 2));
        drop(receiving);
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c2_no_sender_is_added_once_closing_is_visible() {
    within(LIMIT, || {
        for _ in 0..200 {
            let (closer, start) = (ChannelCloser::new(), Barrier::new(3));
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        start.wait();
                        loop {
                            let announced = closer.closing().is_closed();
                            let added = closer.add_sender().is_some();
                            assert!(!(announced && added));
                            if announced {
                                break;
                            }
                        }
                    });
                }
                start.wait();
                closer.close();
                assert!(closer.add_sender().is_none());
            });
        }
    });
}

#[test]
fn c2_no_receiver_is_added_once_close_notify_is_visible() {
    within(LIMIT, || {
        for _ in 0..200 {
            let (closer, start) = (ChannelCloser::new(), Barrier::new(3));
            thread::scope(|scope| {
                let sending = closer.add_sender().unwrap();
                for _ in 0..2 {
                    scope.spawn(|| {
                        start.wait();
                        loop {
                            let announced = closer.close_notify().is_closed();
                            let added = closer.add_receiver().is_some();
                            assert!(!(announced && added));
                            if announced {
                                break;
                            }
                        }
                    });
                }
                closer.close();
                start.wait();
                sending.done();
                assert!(closer.add_receiver().is_none());
            });
            assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
        }
    });
}

#[test]
fn c3_receivers_may_come_as_long_as_a_sender_is_there() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let (sender, items) = bounded(1);
        let sending = closer.add_sender().unwrap();
        closer.close();
        sender.send(1).unwrap();
        thread::scope(|scope| {
            // The channel is full: the second item needs a receiver that came after the close.
            let receiver = scope.spawn(|| {
                let _receiving = closer.add_receiver().expect("a sender is there");
                items.recv().unwrap() + items.recv().unwrap()
            });
            sender.send(2).unwrap();
            sending.done();
            closer.wait();
            assert_eq!(receiver.join().unwrap(), 3);
        });
    });
}

#[test]
fn c3_without_senders_the_receivers_are_told_at_once() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let receiving = closer.add_receiver().unwrap();
        closer.close();
        assert!(closer.close_notify().is_closed());
        assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().count(), 1);
        receiving.done();
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c3_what_is_left_in_the_channel_is_received_after_being_told() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let (sender, items) = bounded(8);
        let receiving = closer.add_receiver().unwrap();
        for item in 0..8 {
            let sending = closer.add_sender().unwrap();
            sender.send(item).unwrap();
            sending.done();
        }
        thread::scope(|scope| {
            scope.spawn(|| closer.close_then_wait());
            closer.close_notify().wait();
            assert_eq!(items.try_iter().count(), 8);
            receiving.done();
        });
    });
}

#[test]
fn c4_still_running_tells_of_the_senders_and_then_of_the_receivers() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let sending = closer.add_sender().unwrap().named("parser");
        let receiving = (closer.add_receiver().unwrap().named("writer"), closer.add_receiver());

        let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(still.to_string(), "not closed, 1 sender is running: 'parser'");
        closer.close();
        let still = closer.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(still.to_string(), "1 sender is still running: 'parser'");
        sending.done();
        let still = closer.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(
            still.to_string(),
            "2 receivers are still running: 'writer' and 1 without a name"
        );
        drop(receiving);
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c4_what_senders_and_receivers_did_is_visible_to_who_waited() {
    within(LIMIT, || {
        let (closer, work) = (ChannelCloser::new(), Arc::new(AtomicU32::new(0)));
        for _ in 0..4 {
            let sending = closer.add_sender_owned().unwrap();
            let receiving = closer.add_receiver_owned().unwrap();
            let (closing, told) = (closer.closing().clone(), closer.close_notify().clone());
            let (for_sender, for_receiver) = (Arc::clone(&work), Arc::clone(&work));
            thread::spawn(move || {
                closing.wait();
                for_sender.fetch_add(1, Ordering::Relaxed);
                sending.done();
            });
            thread::spawn(move || {
                told.wait();
                assert_eq!(for_receiver.fetch_add(10, Ordering::Relaxed) % 10, 4);
                receiving.done();
            });
        }
        closer.close_then_wait();
        assert_eq!(work.load(Ordering::Relaxed), 44);
    });
}

#[test]
fn fault9_receivers_are_told_only_when_the_last_sender_has_left() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let senders = [(); 2].map(|()| closer.add_sender_owned().unwrap());
        let receiving = closer.add_receiver().unwrap();
        closer.close();
        assert!(closer.closing().is_closed());
        for sending in senders {
            assert!(!closer.close_notify().is_closed());
            // It is the drop that tells, on whatever thread.
            thread::spawn(move || drop(sending)).join().unwrap();
        }
        assert!(closer.close_notify().is_closed());
        receiving.done();
        closer.wait();
    });
}

#[test]
fn fault9_a_sender_in_a_full_channel_is_not_left_there() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let (sender, items) = bounded(1);
        let (sending, receiving) = (closer.add_sender().unwrap(), closer.add_receiver().unwrap());
        sender.send(0).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                // Blocks, and looks at no notification.
                (1..100).for_each(|item| sender.send(item).unwrap());
                sending.done();
            });
            closer.close();
            let received = scope.spawn(|| {
                let mut received = 0;
                while !closer.close_notify().is_closed() || !items.is_empty() {
                    select! {
                        recv(items) -> item => received += u32::from(item.is_ok()),
                        recv(closer.close_notify().receiver()) -> _ => {}
                    }
                }
                receiving.done();
                received
            });
            closer.wait();
            assert_eq!(received.join().unwrap(), 100);
        });
    });
}

#[test]
fn fault9_closing_twice_is_fine() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        thread::scope(|scope| {
            scope.spawn(|| closer.close_then_wait());
            scope.spawn(|| closer.close_then_wait());
        });
        closer.close();
        closer.close_then_wait();
        assert!(closer.is_closed() && closer.close_notify().is_closed());
    });
}

#[test]
fn fault9_a_done_is_counted_once() {
    within(LIMIT, || {
        let closer = ChannelCloser::new();
        let senders = (closer.add_sender().unwrap(), closer.add_sender().unwrap());
        senders.0.done();
        closer.close();
        assert_eq!(closer.senders(), 1);
        assert!(!closer.close_notify().is_closed(), "an extra done would have told the receivers");
        senders.1.done();
        assert_eq!(closer.wait_timeout(Duration::ZERO), Ok(()));
    });
}
