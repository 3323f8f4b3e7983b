//! `channel` under load, closed by anybody at any time: what was accepted is received, what was
//! refused comes back, every item is dropped once, and nobody waits for ever. Rules C2 to C4 of the
//! design. About two seconds in all, other ones each time; `RUNGROUP_SEED` repeats the choices of a
//! run, though not what the threads make of them.

// Real threads are the subject, and tests have no other way to them; the seed is for whoever reads
// of a failure.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod common;

use std::hash::{BuildHasher, RandomState};
use std::num::NonZero;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::within;
use crossbeam_channel::select;
use rungroup::ChannelGroupCloser;
use rungroup::channel::{self, Receiver, Sender};

const LIMIT: Duration = Duration::from_mins(1);
const CAPACITIES: [usize; 6] = [0, 1, 2, 3, 4, 64];

/// xorshift64*: one for each thread, all from the seed of the run.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn of_this_run() -> Self {
        let given = std::env::var("RUNGROUP_SEED").ok().map(|it| it.parse().expect("a number"));
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        eprintln!("RUNGROUP_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    fn another(&mut self) -> Self {
        Self((self.below(u64::MAX >> 33) << 32 | self.below(u64::MAX >> 33)) | 1)
    }

    fn moment(&mut self) -> Duration {
        Duration::from_micros(self.below(200))
    }
}

struct Item {
    id: u64,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Item {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a round is, beside chance.
#[derive(Debug)]
struct Plan {
    capacity: usize,
    /// Half of them send, half receive.
    threads: usize,
    /// The how many-eth item on either side is followed by a close.
    close_at: u32,
    /// Of a thousand chances that a receiver has to leave early, how many it takes.
    leaving: u64,
}

#[test]
fn c3_accepted_is_received_and_refused_comes_back_whoever_closes() {
    within(LIMIT, || {
        let mut dice = Dice::of_this_run();
        let threads = 4 * thread::available_parallelism().map_or(2, NonZero::get);
        for round in 0..240 {
            let plan = Plan {
                capacity: CAPACITIES[round % CAPACITIES.len()],
                threads,
                close_at: u32::try_from(dice.below(400)).unwrap(),
                // Mostly nobody leaves, so that everything has to arrive.
                leaving: [0, 0, 0, 30][usize::try_from(dice.below(4)).unwrap()],
            };
            one_round(&plan, &mut dice);
        }
    });
}

fn one_round(plan: &Plan, dice: &mut Dice) {
    let (sender, receiver) = channel::bounded::<Item>(plan.capacity);
    let closer = sender.closer().clone();
    let (made, dropped) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let (sent, taken) = (AtomicU32::new(0), AtomicU32::new(0));
    // With a handle of the channel kept no item is dropped only because the channel is.
    let idle = (plan.leaving > 0 || dice.below(2) == 0).then(|| sender.clone());
    let start = Barrier::new(plan.threads + 1);
    let (mut accepted, got) = thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut receivers = Vec::new();
        let (start, made, dropped, sent, taken) = (&start, &made, &dropped, &sent, &taken);
        for index in 0..u64::try_from(plan.threads / 2).unwrap() {
            let (sender, mut dice_of_sender) = (sender.clone(), dice.another());
            senders.push(scope.spawn(move || {
                start.wait();
                let mut accepted = Vec::new();
                for number in 0..200 {
                    let id = index << 32 | number;
                    made.fetch_add(1, Ordering::Relaxed);
                    let item = Item { id, dropped: Arc::clone(dropped) };
                    match send(&sender, item, &mut dice_of_sender) {
                        Sent::Accepted => accepted.push(id),
                        Sent::NotNow(item) => assert_eq!(item.id, id),
                        Sent::Refused(item) => {
                            assert_eq!(item.id, id);
                            assert!(sender.is_closed());
                            break;
                        }
                    }
                    if sent.fetch_add(1, Ordering::Relaxed) == plan.close_at {
                        sender.close();
                    }
                }
                accepted
            }));
            let (receiver, mut dice) = (receiver.clone(), dice.another());
            receivers.push(scope.spawn(move || {
                start.wait();
                let mut got = Vec::new();
                while dice.below(1000) >= plan.leaving {
                    match receive(&receiver, &mut dice) {
                        Received::Item(item) => got.push(item.id),
                        Received::NotNow => {}
                        Received::End => return (got, true),
                    }
                    if taken.fetch_add(1, Ordering::Relaxed) == plan.close_at {
                        receiver.close();
                    }
                }
                (got, false)
            }));
        }
        // Those of the threads are all that there are, but for one sender that does nothing.
        drop((sender, receiver));
        // An outsider, before or after the others.
        let limit = dice.moment() * 20;
        let outsider = closer.clone();
        scope.spawn(move || {
            outsider.closing().wait_timeout(limit);
            outsider.close_then_wait();
        });
        start.wait();
        closer.wait();
        let accepted: Vec<_> = senders.into_iter().flat_map(|it| it.join().unwrap()).collect();
        let got: Vec<_> = receivers.into_iter().map(|it| it.join().unwrap()).collect();
        (accepted, got)
    });
    let somebody_stayed = got.iter().any(|(_, end)| *end);
    let mut got: Vec<_> = got.into_iter().flat_map(|(items, _)| items).collect();
    accepted.sort_unstable();
    got.sort_unstable();
    if somebody_stayed {
        assert_eq!(got, accepted, "{plan:?}");
    } else {
        assert!(got.windows(2).all(|pair| pair[0] != pair[1]), "received twice: {plan:?}");
        let lost = |id| accepted.binary_search(id).is_err();
        assert!(!got.iter().any(lost), "received, but not accepted: {plan:?}");
    }
    let (made, dropped) = (made.into_inner(), dropped.load(Ordering::Relaxed));
    assert_eq!(dropped, made, "{plan:?}");
    drop(idle);
}

enum Sent {
    Accepted,
    NotNow(Item),
    Refused(Item),
}

/// One of the ways to send, by chance.
fn send(sender: &Sender<Item>, item: Item, dice: &mut Dice) -> Sent {
    match dice.below(4) {
        0 => match sender.send(item) {
            Ok(()) => Sent::Accepted,
            Err(refused) => Sent::Refused(refused.into_inner()),
        },
        1 => match sender.try_send(item) {
            Ok(()) => Sent::Accepted,
            Err(refused) if refused.is_full() => Sent::NotNow(refused.into_inner()),
            Err(refused) => Sent::Refused(refused.into_inner()),
        },
        2 => match sender.send_timeout(item, dice.moment()) {
            Ok(()) => Sent::Accepted,
            Err(refused) if refused.is_timeout() => Sent::NotNow(refused.into_inner()),
            Err(refused) => Sent::Refused(refused.into_inner()),
        },
        _ => {
            let Some(sending) = sender.enter() else { return Sent::Refused(item) };
            select! {
                send(sending.channel(), item) -> sent => {
                    assert!(sent.is_ok());
                    Sent::Accepted
                }
                recv(sender.closing().receiver()) -> _ => Sent::Refused(item),
                default(dice.moment()) => Sent::NotNow(item),
            }
        }
    }
}

enum Received {
    Item(Item),
    NotNow,
    End,
}

/// One of the ways to receive, by chance.
fn receive(receiver: &Receiver<Item>, dice: &mut Dice) -> Received {
    match dice.below(4) {
        0 => receiver.recv().map_or(Received::End, Received::Item),
        1 => match receiver.try_recv() {
            Ok(item) => Received::Item(item),
            Err(none) if none.is_empty() => Received::NotNow,
            Err(_) => Received::End,
        },
        2 => match receiver.recv_timeout(dice.moment()) {
            Ok(item) => Received::Item(item),
            Err(none) if none.is_timeout() => Received::NotNow,
            Err(_) => Received::End,
        },
        _ => select! {
            recv(receiver.items()) -> item => Received::Item(item.unwrap()),
            recv(receiver.close_notify().receiver()) -> _ => {
                receiver.iter().next().map_or(Received::End, Received::Item)
            }
            default(dice.moment()) => Received::NotNow,
        },
    }
}

#[test]
fn c3_what_enters_a_pipeline_comes_out_whenever_it_is_closed() {
    within(LIMIT, || {
        let mut dice = Dice::of_this_run();
        for round in 0..120 {
            let mut capacity = || CAPACITIES[usize::try_from(dice.below(6)).unwrap()];
            let (input, to_first) = channel::bounded::<u64>(capacity());
            let (from_first, to_second) = channel::bounded::<u64>(capacity());
            let (from_second, output) = channel::bounded::<u64>(capacity());
            let row = [&input, &from_first, &from_second].map(|it| it.closer().clone());
            let pipeline = ChannelGroupCloser::new(row);
            // With the senders kept, it is the group that ends each stage.
            let kept = (input.clone(), from_first.clone(), from_second.clone());
            thread::scope(|scope| {
                for _ in 0..2 {
                    for (from, to) in [(&to_first, &from_first), (&to_second, &from_second)] {
                        let (from, to) = (from.clone(), to.clone());
                        scope.spawn(move || {
                            from.iter().for_each(|item| to.send(item).expect("closed after us"));
                        });
                    }
                }
                drop((to_first, to_second));
                let result = scope.spawn(move || output.iter().sum::<u64>());
                let feeding: Vec<_> = (0..2)
                    .map(|_| {
                        let input = input.clone();
                        scope.spawn(move || feed(&input))
                    })
                    .collect();
                input.closing().wait_timeout(dice.moment());
                pipeline.close_then_wait();
                let fed: u64 = feeding.into_iter().map(|it| it.join().unwrap()).sum::<u64>();
                assert_eq!(result.join().unwrap(), fed, "round {round}");
            });
            drop(kept);
        }
    });
}

/// Sends 1, 2, 3 … until it is refused, and returns the sum.
fn feed(input: &Sender<u64>) -> u64 {
    let mut sum = 0;
    for item in 1.. {
        match input.send(item) {
            Ok(()) => sum += item,
            Err(_) => break,
        }
    }
    sum
}
