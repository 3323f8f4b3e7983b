//! Closers of all kinds under load: nobody waits for ever, nothing is lost. Rules C3 and C4 of the
//! design. About a second in all.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use common::within;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use rungroup::{ChannelCloser, ChannelGroupCloser, Closer};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn c4_closes_among_adds_and_dones_always_drain() {
    within(LIMIT, || {
        for _ in 0..200 {
            let (closer, inside) = (Closer::new(), AtomicU32::new(0));
            let start = Barrier::new(5);
            thread::scope(|scope| {
                for name in ["a", "b", "c"] {
                    let (closer, inside, start) = (&closer, &inside, &start);
                    scope.spawn(move || {
                        start.wait();
                        while let Some(mut running) = closer.add_running() {
                            inside.fetch_add(1, Ordering::Relaxed);
                            if name == "a" {
                                running = running.named(name);
                            }
                            inside.fetch_sub(1, Ordering::Relaxed);
                            drop(running);
                        }
                    });
                }
                scope.spawn(|| {
                    start.wait();
                    closer.wait();
                    assert!(closer.is_closed(), "drained before it was announced");
                    assert_eq!(inside.load(Ordering::Relaxed), 0);
                });
                start.wait();
                closer.close_then_wait();
                assert_eq!(inside.load(Ordering::Relaxed), 0);
            });
        }
    });
}

/// Eight threads on one bounded channel, closed by one of the senders at an item that no one knows
/// beforehand, by another thread at the same time, again and again: not one item is lost.
#[test]
fn c3_all_that_is_sent_is_received_whenever_it_is_closed() {
    within(LIMIT, || {
        let mut seed = 0x9e37_79b9_u32;
        for round in 0..400 {
            // xorshift32: enough disorder, and the same one every time.
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            one_round(round, seed);
        }
    });
}

fn one_round(round: u32, seed: u32) {
    let closer = ChannelCloser::new();
    let (sender, items) = bounded((seed % 4) as usize);
    let close_at = seed / 4 % 300;
    let (sent, received) = (AtomicU32::new(0), AtomicU32::new(0));
    // One receiver enters before there is anything to receive, so that there is always one.
    let first = closer.add_receiver_owned().unwrap();
    thread::scope(|scope| {
        for index in 0..4 {
            let (closer, sender, sent) = (&closer, &sender, &sent);
            scope.spawn(move || {
                // Two with a guard for each item, two with one for as long as nobody closes.
                while let Some(_sending) = closer.add_sender() {
                    loop {
                        select! {
                            send(sender, index) -> done => done.unwrap(),
                            recv(closer.closing().receiver()) -> _ => break,
                        }
                        if sent.fetch_add(1, Ordering::Relaxed) == close_at {
                            closer.close();
                        }
                        if index % 2 == 0 {
                            break;
                        }
                    }
                }
            });
        }
        for _ in 0..4 {
            scope.spawn(|| {
                if let Some(_receiving) = closer.add_receiver() {
                    pass_on(&closer, &items, |_| _ = received.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        let rest = scope.spawn(|| {
            closer.close_notify().wait();
            let rest = items.try_iter().count();
            first.done();
            u32::try_from(rest).unwrap()
        });
        // A second close, about when the first comes.
        scope.spawn(|| {
            closer.closing().wait_timeout(Duration::from_millis(u64::from(seed % 8)));
            closer.close_then_wait();
        });
        closer.wait();
        received.fetch_add(rest.join().unwrap(), Ordering::Relaxed);
    });
    let (sent, received) = (sent.into_inner(), received.into_inner());
    assert_eq!(sent, received, "round {round}, seed {seed:#x}");
    assert!(items.is_empty());
}

#[test]
fn c3_what_enters_the_first_channel_comes_out_of_the_last() {
    within(LIMIT, || {
        for _ in 0..100 {
            let [a, b, c] = [(); 3].map(|()| ChannelCloser::new());
            let group = ChannelGroupCloser::new([a.clone(), b.clone(), c.clone()]);
            let (input, to_middle) = bounded(1);
            let (from_middle, to_last) = bounded(1);
            let (from_last, output) = bounded(1);
            let guards = [&a, &b].map(|from| from.add_receiver_owned().unwrap());
            let [a_in, b_in] = guards;
            let [b_out, c_out] = [&b, &c].map(|to| to.add_sender_owned().unwrap());
            let end = c.add_receiver_owned().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    pass_on(&a, &to_middle, |item| from_middle.send(item).unwrap());
                    drop((a_in, b_out));
                });
                scope.spawn(|| {
                    pass_on(&b, &to_last, |item| from_last.send(item).unwrap());
                    drop((b_in, c_out));
                });
                let received = scope.spawn(|| {
                    let mut received = 0;
                    pass_on(&c, &output, |_| received += 1);
                    end.done();
                    received
                });
                let sent = [(); 2].map(|()| scope.spawn(|| feed(&a, &input)));
                // Closed as soon as one item has come a long way: everything is on the move.
                scope.spawn(|| {
                    a.closing().wait_timeout(Duration::from_millis(1));
                    group.close();
                });
                group.wait();
                let sent: u32 = sent.into_iter().map(|thread| thread.join().unwrap()).sum();
                assert_eq!(received.join().unwrap(), sent);
            });
        }
    });
}

fn feed(closer: &ChannelCloser, input: &Sender<u32>) -> u32 {
    let mut sent = 0;
    while let Some(_sending) = closer.add_sender() {
        input.send(sent).unwrap();
        sent += 1;
    }
    sent
}

/// Receives until told, then takes what is left. The caller holds the guard.
fn pass_on(closer: &ChannelCloser, items: &Receiver<u32>, mut to: impl FnMut(u32)) {
    loop {
        select! {
            recv(items) -> item => to(item.unwrap()),
            recv(closer.close_notify().receiver()) -> _ => break,
        }
    }
    items.try_iter().for_each(to);
}
