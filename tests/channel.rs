//! `channel`: rules C1 to C5 of the design, for a channel with its closer built in.

// Real threads are the subject, and tests have no other way to them.
#![allow(clippy::disallowed_methods)]

mod common;

use std::cell::Cell;
use std::hint;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use common::{SOON, tasks, within};
use crossbeam_channel::{never, select};
use rungroup::channel::{
    self, Hold, IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError,
    Sender, Sending, TryIter, TryRecvError, TrySendError,
};
use rungroup::{ChannelCloser, ChannelGroupCloser};

/// Long enough to be noticed, short enough to be waited for in vain.
const MOMENT: Duration = Duration::from_millis(10);
/// Longer than any test may take.
const LONG: Duration = Duration::from_mins(10);

/// Lets other threads get as far as they can: waits in vain for something that does not come.
fn let_others_block() {
    assert!(never::<()>().recv_timeout(MOMENT).is_err());
}

/// Spawns a thread that does what blocks, and waits until it does. The kernel shows the first 15 bytes of
/// a name, and a thread that was joined for a moment yet: so a name is used once.
fn spawn_till_asleep<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    blocks: impl FnOnce() -> R + Send + 'scope,
) -> ScopedJoinHandle<'scope, R> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, blocks).unwrap();
    tasks::wait_till_asleep(name);
    thread
}

/// An item that counts its drops.
#[derive(Debug)]
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn of(dropped: &Arc<AtomicU32>) -> Self {
        Self(Arc::clone(dropped))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn drops() -> (Arc<AtomicU32>, impl Fn() -> u32) {
    let dropped = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&dropped);
    (dropped, move || counter.load(Ordering::Relaxed))
}

#[test]
fn both_ends_go_to_other_threads_if_the_items_do() {
    fn goes<T: Send + Sync + Clone + 'static>() {}
    goes::<Sender<Cell<u32>>>();
    goes::<Receiver<Cell<u32>>>();
}

#[test]
fn both_ends_may_be_used_after_a_panic_whatever_the_items_are() {
    fn may<T: UnwindSafe + RefUnwindSafe>() {}
    may::<Sender<Cell<u32>>>();
    may::<Sending<'_, Cell<u32>>>();
    may::<Receiver<Cell<u32>>>();
    may::<Iter<'_, Cell<u32>>>();
    may::<TryIter<'_, Cell<u32>>>();
    may::<IntoIter<Cell<u32>>>();
    may::<Hold>();
}

#[test]
fn c1_each_receiver_counts_until_it_is_dropped() {
    let (sender, receiver) = channel::bounded::<u32>(1);
    assert_eq!((sender.closer().senders(), sender.closer().receivers()), (0, 1));
    let other = receiver.clone();
    assert_eq!(sender.closer().receivers(), 2);
    drop(receiver);
    assert_eq!(other.closer().receivers(), 1);
    assert!(!sender.is_closed() && !other.is_closed(), "one is left");
}

#[test]
fn c2_after_the_close_every_send_is_refused_and_gives_its_item_back() {
    within(SOON, || {
        for capacity in [0, 1, 4] {
            let (sender, receiver) = channel::bounded(capacity);
            sender.close();
            assert!(sender.is_closed() && receiver.is_closed());
            assert_eq!(sender.send("a"), Err(SendError::Closed("a")));
            assert_eq!(sender.try_send("b"), Err(TrySendError::Closed("b")));
            assert_eq!(sender.send_timeout("c", LONG), Err(SendTimeoutError::Closed("c")));
            assert!(sender.enter().is_none());
            assert!(receiver.is_empty());
        }
    });
}

#[test]
fn c2_any_end_closes_for_all_of_them_and_closing_twice_is_fine() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded::<u32>(1);
        let (other, another) = (sender.clone(), receiver.clone());
        another.close();
        sender.close();
        receiver.closer().close();
        assert!(other.is_closed() && receiver.is_closed());
        assert_eq!(other.send(1).unwrap_err().into_inner(), 1);
        assert_eq!((receiver.recv(), another.recv()), (Err(RecvError), Err(RecvError)));
        other.close_then_wait();
    });
}

#[test]
fn c2_a_send_that_blocks_is_refused_at_the_close_with_its_item() {
    within(SOON, || {
        for capacity in [0, 1, 3] {
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            thread::scope(|scope| {
                let plain =
                    spawn_till_asleep(scope, &format!("c2-plain-{capacity}"), || sender.send(1));
                let limited = spawn_till_asleep(scope, &format!("c2-limit-{capacity}"), || {
                    sender.send_timeout(2, LONG)
                });
                assert!(!plain.is_finished() && !limited.is_finished());
                receiver.close();
                // Nobody receives: it is the close that ends them.
                assert_eq!(plain.join().unwrap(), Err(SendError::Closed(1)));
                assert_eq!(limited.join().unwrap(), Err(SendTimeoutError::Closed(2)));
            });
            assert_eq!(receiver.iter().count(), capacity, "no more than was accepted");
            sender.close_then_wait();
        }
    });
}

#[test]
fn c3_what_was_accepted_is_received_and_then_comes_the_end() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(8);
        (0..8).for_each(|item| sender.send(item).unwrap());
        sender.close();
        assert_eq!((receiver.recv(), receiver.try_recv()), (Ok(0), Ok(1)));
        assert_eq!(receiver.recv_timeout(LONG), Ok(2));
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        for _ in 0..2 {
            assert_eq!(receiver.recv(), Err(RecvError));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(receiver.recv_timeout(LONG), Err(RecvTimeoutError::Closed));
        }
    });
}

/// The last item and the close come between a receiver's look and its being told, again and again.
#[test]
fn c3_the_last_item_is_not_overtaken_by_the_end() {
    within(SOON, || {
        let (to_send, senders) = mpsc::channel::<Sender<u32>>();
        let sending = thread::spawn(move || {
            for sender in senders {
                sender.send(1).unwrap();
                sender.close();
            }
        });
        for _ in 0..10_000 {
            let (sender, receiver) = channel::bounded(1);
            to_send.send(sender).unwrap();
            let item = loop {
                // It is about `try_recv`, so there is nothing to wait on.
                match receiver.try_recv() {
                    Err(TryRecvError::Empty) => hint::spin_loop(),
                    item => break item,
                }
            };
            assert_eq!(item, Ok(1));
        }
        drop(to_send);
        sending.join().unwrap();
    });
}

#[test]
fn c3_no_end_comes_as_long_as_a_sender_is_inside() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(4);
        let sending = sender.enter().unwrap();
        sender.close();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(receiver.recv_timeout(MOMENT), Err(RecvTimeoutError::Timeout));
        sending.channel().send(1).unwrap();
        drop(sending);
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    });
}

#[test]
fn c3_receivers_that_block_are_woken_by_the_close() {
    within(SOON, || {
        for capacity in [0, 2] {
            let (sender, receiver) = channel::bounded::<u32>(capacity);
            let waiting: Vec<_> = (0..4)
                .map(|_| (receiver.clone(), receiver.clone()))
                .flat_map(|(one, other)| {
                    [
                        thread::spawn(move || one.recv().is_err()),
                        thread::spawn(move || {
                            other.recv_timeout(LONG) == Err(RecvTimeoutError::Closed)
                        }),
                    ]
                })
                .collect();
            drop(receiver);
            let_others_block();
            sender.close_then_wait();
            assert!(waiting.into_iter().all(|it| it.join().unwrap()));
        }
    });
}

#[test]
fn c3_dropping_the_last_sender_closes() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(4);
        let other = sender.clone();
        sender.send(1).unwrap();
        drop(sender);
        assert!(!receiver.is_closed());
        other.send(2).unwrap();
        let closer = other.closer().clone();
        thread::scope(|scope| {
            let sum = scope.spawn(|| receiver.iter().sum::<u32>());
            drop(other);
            assert_eq!(sum.join().unwrap(), 3);
        });
        assert!(closer.is_closed());
        closer.wait();
    });
}

#[test]
fn c3_dropping_the_last_receiver_closes_and_sends_say_so() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(4);
        let other = receiver.clone();
        drop(receiver);
        sender.send(1).unwrap();
        drop(other);
        assert!(sender.is_closed());
        assert_eq!(sender.send(2), Err(SendError::Disconnected(2)));
        assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
        assert_eq!(sender.send_timeout(4, LONG), Err(SendTimeoutError::Disconnected(4)));
        sender.close_then_wait();
    });
}

/// Whoever is refused finds the reason there, however soon.
#[test]
fn c3_no_send_is_refused_before_it_is_known_that_the_last_receiver_has_gone() {
    within(SOON, || {
        let (to_send, senders) = mpsc::channel::<Sender<u32>>();
        let sending = thread::spawn(move || {
            for sender in senders {
                let refused = (0..).find_map(|item| sender.send(item).err()).unwrap();
                assert!(refused.is_disconnected());
            }
        });
        for round in 0..500 {
            let (sender, receiver) = channel::bounded(round % 3);
            to_send.send(sender).unwrap();
            let _ = receiver.recv();
            drop(receiver);
        }
        drop(to_send);
        sending.join().unwrap();
    });
}

#[test]
fn c3_receivers_that_leave_after_a_close_are_no_reason_for_a_refusal() {
    let (sender, receiver) = channel::bounded(4);
    sender.close();
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError::Closed(1)));
}

#[test]
fn c3_a_send_that_blocks_while_the_last_receiver_goes_gets_its_item_back() {
    within(SOON, || {
        for capacity in [0, 1, 3] {
            let (sender, receiver) = channel::bounded(capacity);
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            thread::scope(|scope| {
                let plain =
                    spawn_till_asleep(scope, &format!("c3-plain-{capacity}"), || sender.send(1));
                let limited = spawn_till_asleep(scope, &format!("c3-limit-{capacity}"), || {
                    sender.send_timeout(2, LONG)
                });
                drop(receiver);
                assert_eq!(plain.join().unwrap(), Err(SendError::Disconnected(1)));
                assert_eq!(limited.join().unwrap(), Err(SendTimeoutError::Disconnected(2)));
            });
            assert!(sender.is_empty());
        }
    });
}

#[test]
fn c3_what_is_left_is_dropped_with_the_last_receiver() {
    let (dropped, count) = drops();
    let (sender, receiver) = channel::bounded(4);
    (0..3).for_each(|_| sender.send(Counted::of(&dropped)).unwrap());
    let other = receiver.clone();
    drop(receiver);
    assert_eq!(count(), 0);
    drop(other);
    assert_eq!(count(), 3, "while a sender is still there");
    assert!(sender.is_empty());
}

#[test]
fn c3_what_comes_too_late_for_the_last_receiver_is_dropped_by_its_sender() {
    let (dropped, count) = drops();
    let (sender, receiver) = channel::bounded(4);
    let (one, other) = (sender.enter().unwrap(), sender.enter().unwrap());
    drop(receiver);
    one.channel().send(Counted::of(&dropped)).unwrap();
    drop(one);
    other.channel().send(Counted::of(&dropped)).unwrap();
    drop(other);
    assert_eq!((count(), sender.len()), (2, 0));
    assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
}

#[test]
fn c3_a_panic_in_the_drop_of_an_item_leaves_none_behind() {
    struct Item {
        panics: bool,
        _counted: Counted,
    }
    impl Drop for Item {
        fn drop(&mut self) {
            // A second one would end the process, and a failed assertion is one.
            if self.panics && !thread::panicking() {
                // Unlike `panic!` it says nothing on stderr.
                resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let (dropped, count) = drops();
    let item = |panics| Item { panics, _counted: Counted::of(&dropped) };

    let (sender, receiver) = channel::bounded(4);
    for panics in [false, true, false, false] {
        sender.send(item(panics)).unwrap();
    }
    assert!(catch_unwind(|| drop(receiver)).is_err());
    assert_eq!((count(), sender.len()), (4, 0), "dropped by the last receiver");
    assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());

    let (sender, receiver) = channel::bounded(4);
    let sending = sender.enter().unwrap();
    drop(receiver);
    for panics in [true, false, false] {
        sending.channel().send(item(panics)).unwrap();
    }
    assert!(catch_unwind(|| drop(sending)).is_err());
    assert_eq!((count(), sender.len()), (7, 0), "swept by their sender");
    assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
}

/// Who asks holds a sender, and waits for a reply whose other end is in the item.
#[test]
fn c3_nobody_waits_for_the_reply_to_an_item_that_nobody_receives() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(1);
        let (reply, replied) = channel::bounded::<u32>(1);
        sender.send(reply).unwrap();
        thread::scope(|scope| {
            let asking = scope.spawn(|| replied.recv());
            drop(receiver);
            assert_eq!(asking.join().unwrap(), Err(RecvError));
        });
        drop(sender);
    });
}

#[test]
fn c3_every_item_is_dropped_once_wherever_it_ends() {
    within(SOON, || {
        let (dropped, count) = drops();
        let (sender, receiver) = channel::bounded(2);
        let item = || Counted::of(&dropped);
        sender.send(item()).unwrap();
        sender.send(item()).unwrap();
        drop(sender.try_send(item()).unwrap_err().into_inner());
        assert_eq!(count(), 1, "full");
        drop(sender.send_timeout(item(), MOMENT).unwrap_err().into_inner());
        assert_eq!(count(), 2, "timed out");
        thread::scope(|scope| {
            let refused = scope.spawn(|| sender.send(item()));
            let_others_block();
            sender.close();
            drop(refused.join().unwrap());
        });
        assert_eq!(count(), 3, "refused");
        drop(receiver.recv());
        assert_eq!(count(), 4, "received");
        drop(receiver);
        assert_eq!(count(), 5, "left");
        drop(sender);
        assert_eq!(count(), 5);
    });
}

#[test]
fn c4_a_wait_covers_the_dropping_of_what_was_left() {
    struct Item(ChannelCloser, Arc<AtomicU32>);
    impl Drop for Item {
        fn drop(&mut self) {
            let still = self.0.wait_timeout(Duration::ZERO).is_err();
            self.1.fetch_add(u32::from(still), Ordering::Relaxed);
        }
    }
    let (seen, running) = drops();
    let (sender, receiver) = channel::bounded(2);
    let closer = sender.closer().clone();
    sender.send(Item(closer.clone(), seen)).unwrap();
    drop(receiver);
    assert_eq!(running(), 1, "the receiver was still running when the item was dropped");
    assert!(closer.wait_timeout(Duration::ZERO).is_ok());
}

/// It is no receiver's any more, and its sender has to have left before it knows of it.
#[test]
fn c4_a_wait_does_not_cover_what_a_sender_sweeps() {
    struct Item(ChannelCloser, Arc<AtomicU32>);
    impl Drop for Item {
        fn drop(&mut self) {
            let drained = self.0.wait_timeout(Duration::ZERO).is_ok();
            self.1.fetch_add(u32::from(drained), Ordering::Relaxed);
        }
    }
    let (seen, drained) = drops();
    let (sender, receiver) = channel::bounded(2);
    let sending = sender.enter().unwrap();
    drop(receiver);
    sending.channel().send(Item(sender.closer().clone(), seen)).unwrap();
    drop(sending);
    assert_eq!(drained(), 1, "waits were over when the item was dropped");
}

/// Both have gone, with items inside: no sender is there to be told, no receiver to take them.
#[test]
fn c3_items_are_dropped_when_the_senders_went_first() {
    let (dropped, count) = drops();
    let (sender, receiver) = channel::bounded(2);
    sender.send(Counted::of(&dropped)).unwrap();
    drop(sender);
    assert_eq!(count(), 0);
    drop(receiver);
    assert_eq!(count(), 1);
}

#[test]
fn c3_an_item_may_use_its_own_channel_when_it_is_dropped() {
    struct Item(Sender<Item>, Arc<AtomicU32>);
    impl Drop for Item {
        fn drop(&mut self) {
            // One that is refused is dropped in turn; it ends, as that one has no third.
            if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
                let again = Item(self.0.clone(), Arc::clone(&self.1));
                assert!(self.0.try_send(again).is_err_and(|it| it.is_disconnected()));
            }
        }
    }
    within(SOON, || {
        let (dropped, count) = drops();
        let (sender, receiver) = channel::bounded(2);
        sender.send(Item(sender.clone(), dropped)).unwrap();
        drop(receiver);
        assert_eq!(count(), 2);
    });
}

#[test]
fn c3_with_a_capacity_of_0_an_item_is_accepted_when_it_is_taken() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(0);
        assert_eq!((sender.capacity(), sender.len()), (0, 0));
        assert!(sender.is_empty() && sender.is_full());
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        thread::scope(|scope| {
            let sent = scope.spawn(|| {
                for item in 1..=100 {
                    if item % 2 == 0 {
                        sender.send(item).unwrap();
                    } else {
                        sender.send_timeout(item, LONG).unwrap();
                    }
                }
                sender.close_then_wait();
            });
            assert_eq!(receiver.recv(), Ok(1));
            assert_eq!(receiver.recv_timeout(LONG), Ok(2));
            assert_eq!(receiver.iter().sum::<u32>(), 5050 - 3);
            sent.join().unwrap();
        });
    });
}

#[test]
fn c4_timeouts_come_in_time_and_give_the_item_back() {
    within(SOON, || {
        for capacity in [0, 1] {
            let (sender, receiver) = channel::bounded(capacity);
            let start = Instant::now();
            assert_eq!(receiver.recv_timeout(MOMENT), Err(RecvTimeoutError::Timeout));
            (0..capacity).for_each(|_| sender.send(0).unwrap());
            assert_eq!(sender.send_timeout(1, MOMENT), Err(SendTimeoutError::Timeout(1)));
            assert!(start.elapsed() >= 2 * MOMENT);
            assert_eq!(sender.send_timeout(1, Duration::ZERO), Err(SendTimeoutError::Timeout(1)));
            assert!(!sender.is_closed());
        }
    });
}

#[test]
fn c4_a_limit_beyond_all_clocks_is_none() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                sender.send_timeout(1, Duration::MAX).unwrap();
                sender.send_timeout(2, Duration::MAX).unwrap();
            });
            assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
            assert_eq!(receiver.recv_timeout(Duration::MAX), Ok(2));
        });
    });
}

#[test]
fn c4_a_wait_covers_the_handling_of_the_last_item() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(1);
        let (taken, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let handled = Arc::new(AtomicU32::new(0));
        let worker = {
            let (taken, go, handled) = (Arc::clone(&taken), Arc::clone(&go), Arc::clone(&handled));
            thread::spawn(move || {
                for item in receiver {
                    taken.wait();
                    go.wait();
                    handled.store(item, Ordering::Relaxed);
                }
            })
        };
        sender.send(7).unwrap();
        taken.wait();
        sender.close();
        assert!(sender.is_empty());
        assert_eq!(sender.closer().wait_timeout(MOMENT).unwrap_err().count(), 1);
        go.wait();
        sender.close_then_wait();
        assert_eq!(handled.load(Ordering::Relaxed), 7);
        worker.join().unwrap();
    });
}

#[test]
fn c4_a_receiver_that_has_seen_the_end_is_not_waited_for() {
    type Asks = fn(&Receiver<u32>);
    let ask: [Asks; 5] = [
        |it| assert!(it.recv().is_err()),
        |it| assert_eq!(it.try_recv(), Err(TryRecvError::Closed)),
        |it| assert_eq!(it.recv_timeout(LONG), Err(RecvTimeoutError::Closed)),
        |it| assert_eq!(it.iter().next(), None),
        |it| assert_eq!(it.try_iter().next(), None),
    ];
    within(SOON, move || {
        for sees_the_end in ask {
            let (sender, receiver) = channel::bounded(1);
            sender.send(1).unwrap();
            sender.close();
            assert_eq!(receiver.recv(), Ok(1));
            assert_eq!(sender.closer().wait_timeout(Duration::ZERO).unwrap_err().count(), 1);
            sees_the_end(&receiver);
            sender.close_then_wait(); // the receiver is there
            assert_eq!(receiver.recv(), Err(RecvError));
        }
    });
}

#[test]
fn c4_a_clone_made_after_the_close_is_waited_for_like_the_others() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(2);
        sender.send(1).unwrap();
        sender.close();
        assert!(receiver.close_notify().is_closed(), "no receiver is added any more");
        let late = receiver.clone();
        drop(receiver);
        assert!(sender.closer().wait_timeout(Duration::ZERO).is_err());
        assert_eq!(late.recv(), Ok(1), "it is not the last receiver's drop that took it");
        assert!(sender.closer().wait_timeout(Duration::ZERO).is_err());
        assert_eq!(late.recv(), Err(RecvError));
        assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
    });
}

#[test]
fn c4_a_clone_made_after_the_end_is_not_waited_for() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded::<u32>(2);
        sender.close();
        assert_eq!(receiver.recv(), Err(RecvError));
        let late = receiver.clone();
        sender.close_then_wait();
        assert_eq!(late.recv(), Err(RecvError));
    });
}

#[test]
fn c4_who_holds_on_is_waited_for_after_the_end() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded::<u32>(2);
        let hold = receiver.hold();
        sender.close();
        let late = receiver.hold();
        assert_eq!(receiver.recv(), Err(RecvError));
        drop(hold);
        assert_eq!(sender.closer().wait_timeout(MOMENT).unwrap_err().count(), 1);
        drop(late);
        let nothing = receiver.hold();
        sender.close_then_wait();
        drop(nothing);
    });
}

#[test]
fn c4_who_holds_on_is_waited_for_after_the_last_receiver_was_dropped() {
    let (dropped, count) = drops();
    let (sender, receiver) = channel::bounded(2);
    sender.send(Counted::of(&dropped)).unwrap();
    let hold = receiver.hold();
    drop(receiver);
    assert_eq!(count(), 1, "nobody can receive it");
    assert!(sender.send(Counted::of(&dropped)).unwrap_err().is_disconnected());
    let still = sender.closer().wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(still.to_string(), "1 receiver is still running");
    drop(hold);
    assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
}

#[test]
fn c4_who_takes_a_batch_is_waited_for_while_it_holds_on() {
    type Takes = fn(&Receiver<u32>) -> Vec<u32>;
    let takes: [Takes; 2] = [|it| it.try_iter().collect(), |it| it.iter().collect()];
    for takes in takes {
        for holds in [true, false] {
            let (sender, receiver) = channel::bounded(4);
            (1..=3).for_each(|item| sender.send(item).unwrap());
            sender.close();
            let hold = holds.then(|| receiver.hold());
            let batch = takes(&receiver);
            let waits = sender.closer().wait_timeout(Duration::ZERO).is_err();
            assert_eq!(waits, holds, "while the batch is handled");
            assert_eq!(batch, [1, 2, 3]);
            drop(hold);
            assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
        }
    }
}

#[test]
fn c4_still_running_tells_the_names_of_receivers() {
    let (sender, receiver) = channel::bounded::<u32>(2);
    let writer = receiver.named("writer");
    let (index, hold) = (writer.clone().named("index"), writer.hold());
    sender.close();
    let still = sender.closer().wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(still.to_string(), "2 receivers are still running: 'writer', 'index'");
    drop((writer, hold));
    let still = sender.closer().wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(still.to_string(), "1 receiver is still running: 'index'");
    drop(index);
    assert!(sender.closer().wait_timeout(Duration::ZERO).is_ok());
}

#[test]
fn c4_a_name_comes_too_late_for_what_counts_together() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded::<u32>(2);
        let names = || {
            let waited = sender.closer().wait_timeout(Duration::ZERO);
            waited.map_err(|still| still.names().join(", "))
        };
        let hold = receiver.hold();
        let receiver = receiver.named("too late");
        sender.close();
        assert_eq!(names(), Err(String::new()), "somebody holds on to it as it was");
        drop(hold);
        let receiver = receiver.named("writer");
        assert_eq!(names(), Err("writer".to_owned()));
        let late = receiver.clone().named("too late");
        assert_eq!(names(), Err("writer".to_owned()), "a clone that shares its place");
        drop(receiver);
        let late = late.named("reader");
        assert_eq!(names(), Err("reader".to_owned()));
        assert_eq!(late.recv(), Err(RecvError));
        drop(late.named("after the end"));
        assert_eq!(names(), Ok(()));
    });
}

#[test]
fn c1_a_receiver_that_panics_has_left() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(0);
        let worker = thread::spawn(move || {
            let item: u32 = receiver.recv().unwrap();
            panic!("the last receiver fails at {item}");
        });
        sender.send(1).unwrap();
        // It may be refused before it has to wait, or while it waits.
        assert_eq!(sender.send(2), Err(SendError::Disconnected(2)));
        sender.close_then_wait();
        assert!(worker.join().is_err());
    });
}

#[test]
fn c1_a_sender_that_panics_has_left() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(4);
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let sending = sender.enter().unwrap();
            sending.channel().send(1).unwrap();
            panic!("while it is inside");
        }));
        assert!(panics.is_err());
        sender.close();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [1]);
        sender.close_then_wait();
    });
}

#[test]
fn c3_a_pipeline_of_three_drains_front_to_back() {
    within(SOON, || {
        for capacity in [0, 1, 4] {
            let (input, to_double) = channel::bounded::<u32>(capacity);
            let (doubled, to_add) = channel::bounded::<u32>(capacity);
            let (sums, output) = channel::bounded::<u32>(capacity);
            // The test keeps a sender of each: it is the group that closes them, and nothing else.
            let kept = (input.clone(), doubled.clone(), sums.clone());
            let row = [&input, &doubled, &sums].map(|it| it.closer().clone());
            let pipeline = ChannelGroupCloser::new(row);
            for _ in 0..3 {
                let (to_double, doubled) = (to_double.clone(), doubled.clone());
                thread::spawn(move || {
                    to_double.iter().for_each(|it| doubled.send(2 * it).unwrap());
                });
            }
            drop(to_double);
            thread::spawn(move || {
                let _until_sent = to_add.hold();
                let sum = to_add.iter().sum();
                sums.send(sum).unwrap();
            });
            let result = thread::spawn(move || output.iter().collect::<Vec<_>>());
            for item in 1..=100 {
                input.send(item).unwrap();
            }
            pipeline.close_then_wait();
            assert_eq!(result.join().unwrap(), [10_100]);
            assert!(kept.0.is_closed() && kept.1.is_closed() && kept.2.is_closed());
        }
    });
}

#[test]
fn c5_receiving_in_select_sees_every_item_and_the_end() {
    within(SOON, || {
        for capacity in [0, 3] {
            let (sender, receiver) = channel::bounded::<u32>(capacity);
            thread::scope(|scope| {
                let sum = scope.spawn(|| {
                    let (receiver, mut sum) = (receiver, 0);
                    loop {
                        select! {
                            recv(receiver.items()) -> item => sum += item.unwrap(),
                            recv(receiver.close_notify().receiver()) -> _ => break,
                        }
                    }
                    sum + receiver.iter().sum::<u32>()
                });
                (1..=100).for_each(|item| sender.send(item).unwrap());
                sender.close_then_wait();
                assert_eq!(sum.join().unwrap(), 5050);
            });
        }
    });
}

#[test]
fn c5_sending_in_select_holds_up_the_end_and_hears_of_the_close() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(1);
        let send = |item: String| {
            let Some(sending) = sender.enter() else { return Err(item) };
            select! {
                send(sending.channel(), item) -> sent => { sent.unwrap(); Ok(()) }
                recv(sender.closing().receiver()) -> _ => Err(item),
            }
        };
        assert_eq!(send("accepted".to_owned()), Ok(()));
        thread::scope(|scope| {
            let refused = scope.spawn(|| send("refused".to_owned()));
            let_others_block();
            receiver.close();
            assert_eq!(refused.join().unwrap(), Err("refused".to_owned()));
        });
        assert_eq!(send("late".to_owned()), Err("late".to_owned()));
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["accepted"]);
        sender.close_then_wait();
    });
}

#[test]
fn iterators_end_with_the_channel_or_when_there_is_nothing() {
    within(SOON, || {
        let (sender, receiver) = channel::bounded(8);
        (0..6).for_each(|item| sender.send(item).unwrap());
        assert_eq!(receiver.iter().take(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert!(!receiver.is_closed());
        (6..8).for_each(|item| sender.send(item).unwrap());
        sender.close();
        assert_eq!((&receiver).into_iter().next(), Some(6));
        let mut rest = receiver.into_iter();
        assert_eq!((rest.next(), rest.next(), rest.next()), (Some(7), None, None));
        sender.close_then_wait();
    });
}

#[test]
fn errors_say_why_and_never_ask_the_item() {
    struct Mute;
    let texts = [
        SendError::Closed(Mute).to_string(),
        TrySendError::Full(Mute).to_string(),
        TrySendError::from(SendError::Disconnected(Mute)).to_string(),
        SendTimeoutError::Timeout(Mute).to_string(),
        RecvError.to_string(),
        TryRecvError::Empty.to_string(),
        RecvTimeoutError::Timeout.to_string(),
    ];
    let expected = [
        "the channel is closed",
        "the channel is full",
        "the channel has no receiver any more",
        "there was no room in the channel in time",
        "the channel is closed",
        "the channel is empty",
        "no item came in time",
    ];
    assert_eq!(texts, expected);
    assert_eq!(format!("{:?}", SendError::Closed(Mute)), "Closed(..)");
}
