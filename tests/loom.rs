//! The models of the closers, and of the tokens by which units are told to stop: loom runs each through
//! every interleaving of its threads, and every value that a relaxed or stale read may give, within the
//! bounds said there. Rules C2 to C7 and L7 of the design; the protocol of the closers is in
//! `src/closer/count/protocol.md`.
//!
//! ```console
//! $ RUSTFLAGS="--cfg loom" cargo test --profile models --no-default-features --test loom
//! ```
//!
//! The threads are loom's, and so are the locks, condition variables and atomics inside the library
//! (`src/sync/model.rs`); everything else is the library itself. A limit that passes is a thread that
//! comes to its one step at any point. What loom does not see, the bridges to crossbeam's `select!`
//! and to file descriptors, is for `tests/closer_stress.rs`.
//!
//! What has to be *visible* is a relaxed store that a relaxed load has to see: loom gives a stale
//! value wherever the orderings in between allow it. A wake-up that is lost is a deadlock, which loom
//! reports. `tests/loom_broken.rs` breaks the library on purpose and sees that these models fail.

#![cfg(loom)]
// How many interleavings there were, for `--nocapture`.
#![allow(clippy::disallowed_macros)]

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use rungroup::{
    ChannelCloser, ChannelGroupCloser, Closer, RunningOwned, StopToken, number_this_thread,
};

/// All interleavings.
fn model(run: impl Fn() + Sync + Send + 'static) {
    explore(None, run);
}

/// The interleavings in which a thread that could go on is interrupted for another at most so many
/// times: where there are too many in all. What it takes for a bug to show is rarely more than two.
fn model_interrupted(times: usize, run: impl Fn() + Sync + Send + 'static) {
    explore(Some(times), run);
}

fn explore(interruptions: Option<usize>, run: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = interruptions;
    model.max_branches = 10_000;
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    model.check({
        let runs = Arc::clone(&runs);
        move || {
            runs.fetch_add(1, Relaxed);
            run();
        }
    });
    println!("{} interleavings", runs.load(Relaxed));
}

/// What tasks leave behind: how many have been inside and left, by a store that nothing orders but
/// the closer.
#[derive(Clone)]
struct Traces(Arc<AtomicUsize>);

impl Traces {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    /// Counts, then leaves.
    fn leave<G>(&self, guard: G) {
        self.0.fetch_add(1, Relaxed);
        drop(guard);
    }

    fn seen(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// A thread that counts on stripe `number`.
fn on<R: 'static>(number: usize, run: impl FnOnce() -> R + 'static) -> thread::JoinHandle<R> {
    thread::spawn(move || {
        number_this_thread(number);
        run()
    })
}

/// A closer that has its stripes, as one has been inside.
fn counted_on() -> Closer {
    let closer = Closer::new();
    drop(closer.add_running().expect("open"));
    closer
}

/// A guard that was counted up on stripe `number`.
fn entered(closer: &Closer, number: usize) -> RunningOwned {
    number_this_thread(number);
    let running = closer.add_running_owned();
    number_this_thread(0);
    running.expect("open")
}

/// Enters if it may, leaves a trace and leaves; says whether it was let in.
fn visit(closer: &Closer, traces: &Traces) -> usize {
    closer.add_running().map(|running| traces.leave(running)).into_iter().count()
}

// An add against the close

fn an_add_against_the_close(number: usize, new: impl Fn() -> Closer + Send + Sync + 'static) {
    model(move || {
        let (closer, traces) = (new(), Traces::new());
        let visitor = on(number, {
            let (closer, traces) = (closer.clone(), traces.clone());
            move || visit(&closer, &traces)
        });
        closer.close_then_wait();
        // Either it was let in and all that it did is visible, or it is refused, also later.
        let seen = traces.seen();
        assert!(closer.add_running().is_none());
        assert_eq!(seen, visitor.join().unwrap());
    });
}

#[test]
fn c6_an_add_on_the_stripe_that_is_marked_first() {
    an_add_against_the_close(0, counted_on);
}

#[test]
fn c6_an_add_on_the_stripe_that_is_marked_last() {
    an_add_against_the_close(1, counted_on);
}

#[test]
fn c6_two_adds_against_the_close() {
    model(|| two_adds(&counted_on()));
}

fn two_adds(closer: &Closer) {
    let traces = Traces::new();
    let visitors = [0, 1].map(|number| {
        let (closer, traces) = (closer.clone(), traces.clone());
        on(number, move || visit(&closer, &traces))
    });
    closer.close_then_wait();
    let seen = traces.seen();
    let entered: usize = visitors.map(|visitor| visitor.join().unwrap()).iter().sum();
    assert_eq!(seen, entered);
}

/// Whichever stripe it would have counted on: they are not marked at once.
fn no_add_once_told(number: usize, new: impl Fn() -> Closer + Send + Sync + 'static) {
    model(move || {
        let closer = new();
        let closing = on(1, {
            let closer = closer.clone();
            move || closer.close()
        });
        number_this_thread(number);
        if closer.close_notify().is_closed() {
            assert!(closer.add_running().is_none());
        }
        closing.join().unwrap();
    });
}

#[test]
fn c2_no_add_succeeds_once_the_notification_is_visible() {
    no_add_once_told(0, counted_on);
}

#[test]
fn c2_nor_on_the_stripe_that_is_marked_last() {
    no_add_once_told(1, counted_on);
}

fn refused_sees_what_was_done_before(new: impl Fn() -> Closer + Send + Sync + 'static) {
    model(move || {
        let (closer, done) = (new(), Arc::new(AtomicUsize::new(0)));
        let closing = on(1, {
            let (closer, done) = (closer.clone(), Arc::clone(&done));
            move || {
                done.store(1, Relaxed);
                closer.close();
            }
        });
        if closer.add_running().is_none() {
            assert_eq!(done.load(Relaxed), 1);
        }
        closing.join().unwrap();
    });
}

#[test]
fn c2_whoever_is_refused_sees_what_was_done_before_the_close() {
    refused_sees_what_was_done_before(counted_on);
}

// The first add against the close: one of them makes the stripes

#[test]
fn c6_the_first_add_against_the_close() {
    an_add_against_the_close(0, Closer::new);
}

#[test]
fn c6_the_first_add_on_another_stripe_against_the_close() {
    an_add_against_the_close(1, Closer::new);
}

#[test]
fn c6_two_first_adds_against_the_close() {
    model_interrupted(3, || two_adds(&Closer::new()));
}

#[test]
fn c2_no_first_add_succeeds_once_the_notification_is_visible() {
    no_add_once_told(0, Closer::new);
}

#[test]
fn c2_nor_on_a_stripe_that_was_never_made() {
    no_add_once_told(1, Closer::new);
}

#[test]
fn c2_whoever_is_refused_first_of_all_sees_what_was_done_before_the_close() {
    refused_sees_what_was_done_before(Closer::new);
}

// A done against the close

fn a_done_against_the_close(added_on: usize, done_on: usize) {
    model(move || {
        let (closer, traces) = (Closer::new(), Traces::new());
        let running = entered(&closer, added_on);
        let leaving = on(done_on, {
            let traces = traces.clone();
            move || traces.leave(running)
        });
        closer.close_then_wait();
        assert_eq!(traces.seen(), 1);
        leaving.join().unwrap();
    });
}

#[test]
fn c6_a_done_on_the_stripe_of_its_add_against_the_close() {
    a_done_against_the_close(0, 0);
}

#[test]
fn c6_a_done_on_a_stripe_that_is_marked_later_than_that_of_its_add() {
    a_done_against_the_close(0, 1);
}

/// The done may find its stripe marked when that of the add has not been moved: it counts down from a
/// remainder to which it has not been added.
#[test]
fn c6_a_done_before_the_stripe_of_its_add_was_moved() {
    a_done_against_the_close(1, 0);
}

#[test]
fn c6_two_dones_on_different_stripes_against_the_close() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let leaving = [(0, 1), (1, 0)].map(|(added_on, done_on)| {
            let (running, traces) = (entered(&closer, added_on), traces.clone());
            on(done_on, move || traces.leave(running))
        });
        closer.close_then_wait();
        assert_eq!(traces.seen(), 2);
        for thread in leaving {
            thread.join().unwrap();
        }
    });
}

/// All have been marked before they leave: the two count the remainder down, and the one that comes
/// last, whichever it is, has seen what the other did.
#[test]
fn c6_two_dones_after_the_close() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let guards = [0, 1].map(|number| entered(&closer, number));
        closer.close();
        let leaving = guards.map(|running| {
            let traces = traces.clone();
            on(0, move || traces.leave(running))
        });
        closer.wait();
        assert_eq!(traces.seen(), 2);
        for thread in leaving {
            thread.join().unwrap();
        }
    });
}

/// One has left before the mark, one leaves after it and is the last: who waits for that, and is not
/// the one that closed, has seen what both did.
#[test]
fn c6_what_was_done_before_the_close_against_a_late_done() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let [early, late] = [0, 1].map(|number| entered(&closer, number));
        let closing = on(0, {
            let (closer, traces) = (closer.clone(), traces.clone());
            move || {
                traces.leave(early);
                closer.close();
            }
        });
        let leaving = on(1, {
            let traces = traces.clone();
            move || traces.leave(late)
        });
        closer.wait();
        assert_eq!(traces.seen(), 2);
        closing.join().unwrap();
        leaving.join().unwrap();
    });
}

/// Of a close and a done, what was done before the one is seen behind the other. The channel rests on
/// it: the last receiver says that nobody will receive, closes, and throws away what is left; a sender
/// that has sent leaves, and looks whether anybody will. One of them finds the item.
fn one_sees_the_other(is_closed_before: bool) {
    model(move || {
        let closer = Closer::new();
        let [item, abandoned] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let sending = entered(&closer, 1);
        if is_closed_before {
            closer.close();
        }
        let sender = on(1, {
            let (item, abandoned) = (Arc::clone(&item), Arc::clone(&abandoned));
            move || {
                item.store(1, Relaxed);
                drop(sending);
                abandoned.load(Relaxed) == 1
            }
        });
        abandoned.store(1, Relaxed);
        closer.close();
        let found = item.load(Relaxed) == 1;
        assert!(sender.join().unwrap() || found, "neither sees the other");
    });
}

#[test]
fn c6_a_close_sees_what_was_done_before_a_done_or_is_seen_behind_it() {
    one_sees_the_other(false);
}

#[test]
fn c6_and_so_does_a_close_that_is_not_the_first() {
    one_sees_the_other(true);
}

// Several that close

#[test]
fn c2_of_two_that_close_each_finds_it_closed_when_its_close_returns() {
    model(|| {
        let closer = Closer::new();
        let close = |closer: &Closer| {
            closer.close();
            assert!(closer.is_closed());
            for number in [0, 1] {
                number_this_thread(number);
                assert!(closer.add_running().is_none());
            }
        };
        let other = on(1, {
            let closer = closer.clone();
            move || close(&closer)
        });
        close(&closer);
        closer.wait();
        other.join().unwrap();
    });
}

#[test]
fn c6_two_that_close_and_one_that_leaves() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let running = entered(&closer, 1);
        let leaving = on(0, {
            let traces = traces.clone();
            move || traces.leave(running)
        });
        let other = on(1, {
            let closer = closer.clone();
            move || closer.close()
        });
        closer.close_then_wait();
        assert_eq!(traces.seen(), 1);
        other.join().unwrap();
        leaving.join().unwrap();
    });
}

// Waiting

#[test]
fn c4_a_wait_against_the_last_done() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let running = entered(&closer, 0);
        closer.close();
        let leaving = on(0, {
            let traces = traces.clone();
            move || traces.leave(running)
        });
        closer.wait();
        assert_eq!(traces.seen(), 1);
        leaving.join().unwrap();
    });
}

#[test]
fn c4_two_waits_against_the_last_done() {
    model(|| {
        let closer = Closer::new();
        let running = entered(&closer, 0);
        closer.close();
        let waiting = on(1, {
            let closer = closer.clone();
            move || closer.wait()
        });
        let leaving = on(0, move || drop(running));
        closer.wait();
        waiting.join().unwrap();
        leaving.join().unwrap();
    });
}

/// A wait that has returned found it announced: nobody sees a closer drained and "open".
#[test]
fn c2_a_wait_against_the_close_and_the_last_done_finds_it_closed() {
    model(|| {
        let closer = Closer::new();
        let running = entered(&closer, 1);
        let leaving = on(0, move || drop(running));
        let waiting = on(1, {
            let closer = closer.clone();
            move || {
                closer.wait();
                assert!(closer.is_closed());
            }
        });
        closer.close();
        leaving.join().unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn c5_a_wait_for_the_notification_against_the_close() {
    model(|| {
        let (closer, before) = (Closer::new(), Traces::new());
        let told = on(1, {
            let (closing, before) = (closer.close_notify().clone(), before.clone());
            move || {
                closing.wait();
                assert_eq!(before.seen(), 1);
            }
        });
        before.leave(());
        closer.close();
        told.join().unwrap();
    });
}

#[test]
fn c4_a_limit_against_the_last_done() {
    model(|| {
        let (closer, traces) = (Closer::new(), Traces::new());
        let running = entered(&closer, 0);
        closer.close();
        let leaving = on(0, {
            let traces = traces.clone();
            move || traces.leave(running)
        });
        match closer.wait_timeout(Duration::from_secs(1)) {
            Ok(()) => assert_eq!(traces.seen(), 1),
            Err(still) => assert!(still.is_closed() && still.count() <= 1, "{still}"),
        }
        closer.wait();
        assert_eq!(traces.seen(), 1);
        leaving.join().unwrap();
    });
}

// Two steps, and several channels

#[test]
fn c3_receivers_are_told_when_all_that_was_accepted_has_been_sent() {
    model(|| {
        let (closer, sent) = (ChannelCloser::new(), Traces::new());
        drop(closer.add_sender().unwrap()); // it has its stripes
        let receiving = closer.add_receiver_owned().unwrap();
        let sender = on(1, {
            let (closer, sent) = (closer.clone(), sent.clone());
            move || closer.add_sender().map(|sending| sent.leave(sending)).into_iter().count()
        });
        let receiver = on(0, {
            let (closer, sent) = (closer.clone(), sent.clone());
            move || {
                closer.close_notify().wait();
                assert!(closer.is_closed() && closer.add_sender().is_none());
                assert!(closer.add_receiver().is_none());
                let received = sent.seen();
                receiving.done();
                received
            }
        });
        closer.close();
        assert_eq!(sender.join().unwrap(), receiver.join().unwrap());
        closer.wait();
    });
}

#[test]
fn c3_the_wait_is_over_when_the_last_receiver_has_left() {
    model_interrupted(4, || {
        let (closer, traces) = (ChannelCloser::new(), Traces::new());
        let (sending, receiving) =
            (closer.add_sender_owned().unwrap(), closer.add_receiver_owned().unwrap());
        let sender = on(1, {
            let traces = traces.clone();
            move || traces.leave(sending)
        });
        let receiver = on(0, {
            let (told, traces) = (closer.close_notify().clone(), traces.clone());
            move || {
                told.wait();
                traces.leave(receiving);
            }
        });
        closer.close_then_wait();
        assert_eq!(traces.seen(), 2);
        sender.join().unwrap();
        receiver.join().unwrap();
    });
}

#[test]
fn c3_a_group_tells_the_second_channel_when_the_first_has_drained() {
    model_interrupted(3, || {
        let (first, second) = (ChannelCloser::new(), ChannelCloser::new());
        let group = ChannelGroupCloser::new([first.clone(), second.clone()]);
        let traces = Traces::new();
        let receiving = first.add_receiver_owned().unwrap();
        let receiver = on(0, {
            let (first, second, traces) = (first.clone(), second.clone(), traces.clone());
            move || {
                first.close_notify().wait();
                assert!(!second.is_closed());
                traces.leave(receiving);
            }
        });
        let next = on(1, {
            let (second, traces) = (second.clone(), traces.clone());
            move || {
                second.closing().wait();
                assert_eq!(traces.seen(), 1);
            }
        });
        group.close_then_wait();
        receiver.join().unwrap();
        next.join().unwrap();
    });
}

/// The first channel is closed by another, and drains while the group links it to the second: the
/// link is found by the one who drains, or it is closed by the one who links.
#[test]
fn c3_a_group_that_closes_while_its_first_channel_drains() {
    model(|| {
        let (first, second) = (ChannelCloser::new(), ChannelCloser::new());
        let group = ChannelGroupCloser::new([first.clone(), second.clone()]);
        let sending = first.add_sender_owned().unwrap();
        let leaving = on(1, move || drop(sending));
        group.close_then_wait();
        assert!(second.is_closed());
        leaving.join().unwrap();
    });
}

// ---- tokens that share a bell ----

/// All who block on one of them wake up, on whichever they do.
#[test]
fn l7_tokens_at_one_bell_are_set_together() {
    model(|| {
        let tokens = StopToken::at_one_bell(2);
        let waiting: Vec<_> =
            tokens.iter().cloned().map(|token| on(0, move || token.wait().to_string())).collect();
        StopToken::set_together(&tokens, &"enough".into());
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), "requested: enough");
        }
    });
}

/// As when the engine comes to what whoever asked has told already, or is about to.
#[test]
fn l7_two_set_the_same_tokens_at_one_bell() {
    model(|| {
        let tokens = StopToken::at_one_bell(2);
        let token = tokens[1].clone();
        let waiting = on(0, move || token.wait().to_string());
        let same = tokens.clone();
        let other = on(1, move || StopToken::set_together(&same, &"enough".into()));
        StopToken::set_together(&tokens, &"enough".into());
        assert_eq!(waiting.join().unwrap(), "requested: enough");
        other.join().unwrap();
    });
}

/// Who blocks on the one wakes up, and who blocks on the other goes on to block until that is set.
#[test]
fn l7_a_token_is_set_and_its_neighbour_is_not() {
    model(|| {
        let tokens = StopToken::at_one_bell(2);
        let waiting: Vec<_> =
            tokens.iter().cloned().map(|token| on(0, move || token.wait().to_string())).collect();
        for (token, (waiting, why)) in tokens.iter().zip(waiting.into_iter().zip(["one", "two"])) {
            StopToken::set_together(std::slice::from_ref(token), &why.into());
            assert_eq!(waiting.join().unwrap(), format!("requested: {why}"));
        }
    });
}

/// With a limit, which may pass at any point: then the token is not set, or it is.
#[test]
fn l7_a_limit_passes_while_tokens_are_set_together() {
    model(|| {
        let tokens = StopToken::at_one_bell(2);
        let patient = tokens[1].clone();
        let waiting = on(0, move || patient.wait_timeout(Duration::from_secs(1)).is_some());
        StopToken::set_together(&tokens, &"enough".into());
        if !waiting.join().unwrap() {
            assert!(tokens[1].is_stopped(), "set since");
        }
    });
}
