//! An item through a closable channel, against crossbeam's bounded channel with a guard around each
//! send: what somebody would write who has only the closer. On one thread, and from one to another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rungroup::{ChannelCloser, channel};

use super::crew::{Crew, Work};
use super::paired::statistics::Target;
use super::paired::{Bench, Variant, together};

const TARGET: Target = Target::AtMost(1.15);
const CLOSABLE: &str = "`channel`";
const BY_HAND: &str = "crossbeam's and `add_sender`";
const OPEN: &str = "nobody closes";

pub(crate) fn rows(bench: &mut Bench) {
    all_deliver();
    let ((send, receive), (send_by_hand, receive_by_hand)) = (closable(64), by_hand(64));
    let mut ours = Variant::new(CLOSABLE, on_one_thread(send, receive));
    let mut by_hand = Variant::new(BY_HAND, on_one_thread(send_by_hand, receive_by_hand));
    bench.compare("item, one thread", &mut ours, &mut by_hand, TARGET);
    between_two(bench, "item, between two threads, capacity 64", 64);
    between_two(bench, "item, between two threads, capacity 1", 1);
}

/// The same two threads do either, in turns: on which cores they are makes more of a difference.
fn between_two(bench: &mut Bench, what: &str, capacity: usize) {
    let ((send, receive), (send_by_hand, receive_by_hand)) =
        (closable(capacity), by_hand(capacity));
    let is_ours = Arc::new(AtomicBool::new(true));
    let (ours, ours_too) = (Arc::clone(&is_ours), Arc::clone(&is_ours));
    let sending = move |times| {
        if ours.load(Ordering::Relaxed) {
            (0..u64::from(times)).for_each(&send);
        } else {
            (0..u64::from(times)).for_each(&send_by_hand);
        }
    };
    let receiving = move |times| {
        if ours_too.load(Ordering::Relaxed) {
            together(&receive)(times);
        } else {
            together(&receive_by_hand)(times);
        }
    };
    let crew = Crew::new(vec![Box::new(sending) as Work, Box::new(receiving)]);
    // Starting the crew is what tells it.
    let do_either = |choice, times| {
        is_ours.store(choice, Ordering::Relaxed);
        crew.round(times).0
    };
    let mut ours = Variant::new(CLOSABLE, |times| do_either(true, times));
    let mut theirs = Variant::new(BY_HAND, |times| do_either(false, times));
    bench.compare(what, &mut ours, &mut theirs, TARGET);
}

fn closable(capacity: usize) -> (impl Fn(u64) + Send, impl Fn() -> u64 + Send) {
    let (sender, receiver) = channel::bounded(capacity);
    (move |item| sender.send(item).expect(OPEN), move || receiver.recv().expect(OPEN))
}

fn by_hand(capacity: usize) -> (impl Fn(u64) + Send, impl Fn() -> u64 + Send) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    let closer = ChannelCloser::new();
    let send = move |item| {
        let _sending = closer.add_sender().expect(OPEN);
        sender.send(item).expect(OPEN);
    };
    (send, move || receiver.recv().expect(OPEN))
}

fn on_one_thread(send: impl Fn(u64), receive: impl Fn() -> u64) -> impl FnMut(u32) -> Duration {
    together(move || {
        send(7);
        receive()
    })
}

/// What is compared has to do the same: to deliver all, in order.
fn all_deliver() {
    fn delivered(send: impl Fn(u64), receive: impl Fn() -> u64) -> Vec<u64> {
        (0..8).for_each(send);
        (0..8).map(|_| receive()).collect()
    }
    let ((send, receive), (send_by_hand, receive_by_hand)) = (closable(8), by_hand(8));
    assert_eq!(delivered(send, receive), delivered(send_by_hand, receive_by_hand));
}
