//! `ChannelGroupCloser`: rules C2 to C4 of the design, and fault 9 of the originals.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use common::within;
use rungroup::{ChannelCloser, ChannelGroupCloser};

const LIMIT: Duration = Duration::from_secs(20);
/// Long enough to be noticed, short enough to be waited for in vain.
const MOMENT: Duration = Duration::from_millis(10);

fn row<const N: usize>() -> ([ChannelCloser; N], ChannelGroupCloser) {
    let channels = [(); N].map(|()| ChannelCloser::new());
    let group = ChannelGroupCloser::new(channels.clone());
    (channels, group)
}

#[test]
fn c2_after_any_close_has_returned_the_first_channel_takes_no_sender() {
    within(LIMIT, || {
        for _ in 0..200 {
            let ([first, second], group) = row();
            let (receiving, start) = (second.add_receiver().unwrap(), Barrier::new(3));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        start.wait();
                        group.close();
                        assert!(first.add_sender().is_none());
                        assert!(group.is_closed());
                    });
                }
            });
            assert!(second.is_closed());
            receiving.done();
            group.wait();
        }
    });
}

#[test]
fn c3_a_channel_is_told_only_when_the_one_before_it_has_drained() {
    within(LIMIT, || {
        let ([first, second, third], group) = row();
        let (sending, receiving) = (first.add_sender_owned(), first.add_receiver_owned());
        let downstream = second.add_receiver().unwrap();

        group.close();
        assert!(first.is_closed() && !second.is_closed());
        assert!(second.add_sender().is_some(), "open until its turn");
        // Nobody waits: the threads that leave are what closes the next.
        thread::spawn(move || drop(sending)).join().unwrap();
        assert!(!second.is_closed());
        thread::spawn(move || drop(receiving)).join().unwrap();
        assert!(second.is_closed());
        assert_eq!(first.wait_timeout(Duration::ZERO), Ok(()));

        assert!(!third.is_closed());
        downstream.done();
        assert!(third.is_closed());
        assert_eq!(group.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c3_a_channel_closed_on_its_own_closes_the_next_only_with_the_group() {
    within(LIMIT, || {
        let ([first, second], group) = row();
        first.close_then_wait();
        assert!(!second.is_closed() && !group.is_closed());
        group.close();
        assert!(second.is_closed());
    });
}

#[test]
fn c3_a_group_that_closes_among_its_drains_always_ends() {
    within(LIMIT, || {
        for _ in 0..200 {
            let ([first, second, third], group) = row();
            let start = Barrier::new(3);
            thread::scope(|scope| {
                // It drains while the group links it to the next.
                scope.spawn(|| {
                    let receiving = second.add_receiver().unwrap();
                    start.wait();
                    first.close();
                    receiving.done();
                });
                scope.spawn(|| {
                    start.wait();
                    group.close();
                });
                start.wait();
                third.wait();
                group.wait();
            });
        }
    });
}

#[test]
fn c3_a_long_row_of_empty_channels_takes_no_deep_stack() {
    within(LIMIT, || {
        let channels: Vec<_> = (0..20_000).map(|_| ChannelCloser::new()).collect();
        let receiving = channels[0].add_receiver_owned().unwrap();
        let group = ChannelGroupCloser::new(channels);
        group.close();
        receiving.done();
        assert_eq!(group.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn c4_still_running_says_which_channel() {
    within(LIMIT, || {
        let ([first, second], group) = row();
        let sending = first.add_sender().unwrap().named("reader");
        let receiving = second.add_receiver().unwrap();

        let still = group.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(still.channel(), Some(0));
        assert!(!still.is_closed());
        group.close();
        let still = group.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(still.to_string(), "channel 1 of 2: 1 sender is still running: 'reader'");
        sending.done();
        let still = group.wait_timeout(MOMENT).unwrap_err();
        assert_eq!(still.channel(), Some(1));
        assert_eq!(still.to_string(), "channel 2 of 2: 1 receiver is still running");
        receiving.done();
        assert_eq!(group.wait_timeout(MOMENT), Ok(()));
    });
}

/// A channel drains every few milliseconds, which is well within the limit each time, until the wait has
/// returned: with a limit for each channel it would see them all drain.
#[test]
fn c4_the_limit_is_for_all_channels_together() {
    const PACE: Duration = Duration::from_millis(5);
    within(LIMIT, || {
        let channels: Vec<_> = (0..1000).map(|_| ChannelCloser::new()).collect();
        let group = ChannelGroupCloser::new(channels.clone());
        let running: Vec<_> = channels.iter().map(ChannelCloser::add_receiver_owned).collect();
        group.close();
        let (waited, has_waited) = mpsc::channel();
        thread::spawn(move || waited.send(group.wait_timeout(20 * PACE)));
        let mut running = running.into_iter();
        let waited = loop {
            match has_waited.recv_timeout(PACE) {
                Ok(waited) => break waited,
                Err(_) => drop(running.next()),
            }
        };
        assert!(waited.is_err(), "it went on for as long as channels drained");
    });
}

#[test]
fn c4_a_group_of_none_has_drained() {
    within(LIMIT, || {
        let group = ChannelGroupCloser::new([]);
        assert!(!group.is_closed());
        group.close_then_wait();
        assert!(group.is_closed());
        assert_eq!(group.wait_timeout(Duration::ZERO), Ok(()));
    });
}

#[test]
fn fault9_closing_twice_is_fine() {
    within(LIMIT, || {
        let ([first, second], group) = row();
        thread::scope(|scope| {
            scope.spawn(|| group.close_then_wait());
            scope.spawn(|| group.clone().close_then_wait());
            scope.spawn(|| first.close_then_wait());
        });
        group.close_then_wait();
        second.close();
        assert!(second.is_closed() && second.close_notify().is_closed());
    });
}
