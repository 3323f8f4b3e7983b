//! An item through a closable channel, against crossbeam's bounded channel with a guard around each
//! send: what somebody would write who has only the closer. On one thread, and from one to another.

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

fn between_two(bench: &mut Bench, what: &str, capacity: usize) {
    let ((send, receive), (send_by_hand, receive_by_hand)) =
        (closable(capacity), by_hand(capacity));
    let (ours, theirs) = (crew(send, receive), crew(send_by_hand, receive_by_hand));
    let mut ours = Variant::new(CLOSABLE, |times| ours.each(times));
    let mut theirs = Variant::new(BY_HAND, |times| theirs.each(times));
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

fn on_one_thread(
    send: impl Fn(u64),
    receive: impl Fn() -> u64,
) -> impl FnMut(u32) -> std::time::Duration {
    together(move || {
        send(7);
        receive()
    })
}

/// One sends as many as the other receives.
fn crew(send: impl Fn(u64) + Send + 'static, receive: impl Fn() -> u64 + Send + 'static) -> Crew {
    let send = move |times| (0..u64::from(times)).for_each(&send);
    let receive = move |times| _ = together(&receive)(times);
    Crew::new(vec![Box::new(send) as Work, Box::new(receive)])
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
