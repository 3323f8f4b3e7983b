//! Closers of all kinds under load: nobody gets in after a close, nobody waits for ever or too
//! short, nothing is lost. Rules C1 to C4 and C6 of the design. A few seconds in all.
//!
//! What is done is random, and another each time. A failure prints its seed: with it in
//! `RUNGROUP_STRESS_SEED` the same is done again, though the threads may take other turns.
//! `RUNGROUP_STRESS_PERCENT` is how much is done, for tools under which everything takes longer, or
//! for a long search. `.ci/run` has this run under `ThreadSanitizer`, too.

// Real threads are the subject, and tests have no other way to them. The seed is for people to see.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod common;

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use common::within;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use rungroup::{ChannelCloser, ChannelGroupCloser, CloseNotify, Closer, Running, RunningOwned};

const LIMIT: Duration = Duration::from_mins(2);

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

/// So many rounds, as they are scaled.
fn scaled(rounds: u64) -> u64 {
    (rounds * variable("RUNGROUP_STRESS_PERCENT").unwrap_or(100) / 100).max(1)
}

/// Four for each core: most of them are off it in the middle of something.
fn many() -> usize {
    4 * thread::available_parallelism().map_or(2, usize::from)
}

/// Steele, Lea and Flood's generator ("Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn from_environment() -> Self {
        let seed = variable("RUNGROUP_STRESS_SEED");
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        println!("to do the same again: RUNGROUP_STRESS_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers from 0 to `bound`, without it. The bias does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// For a thread of its own.
    fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// The threads of a scope.
struct Threads<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    started: RefCell<Vec<ScopedJoinHandle<'scope, ()>>>,
}

impl<'scope> Threads<'scope, '_> {
    fn start(&self, body: impl FnOnce() + Send + 'scope) {
        self.started.borrow_mut().push(self.scope.spawn(body));
    }

    fn spawn<T: Send + 'scope>(
        &self,
        body: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, T> {
        self.scope.spawn(body)
    }
}

/// As `thread::scope`, and all that were started are joined one by one: `ThreadSanitizer` knows what
/// a join is, and knows nothing of what the end of a scope waits for.
fn scope<'env, T>(body: impl for<'scope> FnOnce(&Threads<'scope, 'env>) -> T) -> T {
    thread::scope(|scope| {
        let threads = Threads { scope, started: RefCell::default() };
        let result = body(&threads);
        for thread in threads.started.into_inner() {
            thread.join().unwrap();
        }
        result
    })
}

/// A closer, on which nobody has counted yet.
fn closer() -> Closer {
    let closer = Closer::new();
    if is_counted_on_first() {
        drop(closer.add_running());
    }
    closer
}

fn channel_closer() -> ChannelCloser {
    let closer = ChannelCloser::new();
    if is_counted_on_first() {
        drop(closer.add_sender());
        drop(closer.add_receiver());
    }
    closer
}

/// Whether all closers are counted on once before others see them. What whoever counts first makes is
/// published by std's `Once`, which `ThreadSanitizer` does not see (`tsan.supp`): to it everything that
/// is then done there would be a race. The models go through that moment.
fn is_counted_on_first() -> bool {
    variable("RUNGROUP_STRESS_COUNTED_FIRST") == Some(1)
}

/// What can be entered.
enum Gate {
    Tasks(Closer),
    Senders(ChannelCloser),
    Receivers(ChannelCloser),
}

impl Gate {
    fn add(&self) -> Option<Running<'_>> {
        match self {
            Self::Tasks(closer) => closer.add_running(),
            Self::Senders(closer) => closer.add_sender(),
            Self::Receivers(closer) => closer.add_receiver(),
        }
    }

    fn add_owned(&self) -> Option<RunningOwned> {
        match self {
            Self::Tasks(closer) => closer.add_running_owned(),
            Self::Senders(closer) => closer.add_sender_owned(),
            Self::Receivers(closer) => closer.add_receiver_owned(),
        }
    }

    /// Visible once no add succeeds.
    fn told(&self) -> &CloseNotify {
        match self {
            Self::Tasks(closer) => closer.close_notify(),
            Self::Senders(closer) => closer.closing(),
            Self::Receivers(closer) => closer.close_notify(),
        }
    }

    fn close(&self) {
        match self {
            Self::Tasks(closer) => closer.close(),
            Self::Senders(closer) | Self::Receivers(closer) => closer.close(),
        }
    }

    fn wait(&self) {
        match self {
            Self::Tasks(closer) => closer.wait(),
            Self::Senders(closer) | Self::Receivers(closer) => closer.wait(),
        }
    }

    /// Whether it has drained; if not, the names of those that it still waits for.
    fn wait_timeout(&self, limit: Duration) -> Result<(), Vec<String>> {
        let waited = match self {
            Self::Tasks(closer) => closer.wait_timeout(limit),
            Self::Senders(closer) | Self::Receivers(closer) => closer.wait_timeout(limit),
        };
        waited.map_err(|still| {
            assert!(still.names().len() <= still.count());
            still.names().to_vec()
        })
    }

    fn running(&self) -> usize {
        match self {
            Self::Tasks(closer) => closer.running(),
            Self::Senders(closer) => closer.senders(),
            Self::Receivers(closer) => closer.receivers(),
        }
    }
}

/// A gate, and what the test knows of it by itself. All is relaxed but the one flag: whatever order
/// the counts need for the assertions to hold comes from the closer.
struct Watched {
    gate: Gate,
    entered: AtomicU64,
    left: AtomicU64,
    /// A close has returned.
    has_closed: AtomicBool,
}

enum Guard<'a> {
    Borrowed(Running<'a>),
    Owned(RunningOwned),
}

const NAMES: [&str; 3] = ["flusher", "parser", "reader"];

impl Watched {
    fn new(gate: Gate) -> Self {
        let (entered, left) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { gate, entered, left, has_closed: AtomicBool::new(false) }
    }

    fn enter(&self, random: &mut Random) -> Option<Guard<'_>> {
        // A receiver may come after a close, until it is told.
        let has_closed = !matches!(self.gate, Gate::Receivers(_))
            && self.has_closed.load(Ordering::Acquire)
            || self.gate.told().is_closed();
        let mut name = || random.once_in(16).then(|| NAMES[random.index(NAMES.len())]);
        let name = name();
        let guard = if random.once_in(2) {
            self.gate.add().map(|guard| match name {
                Some(name) => Guard::Borrowed(guard.named(name)),
                None => Guard::Borrowed(guard),
            })
        } else {
            self.gate.add_owned().map(|guard| match name {
                Some(name) => Guard::Owned(guard.named(name.to_owned())),
                None => Guard::Owned(guard),
            })
        };
        if guard.is_some() {
            assert!(!has_closed, "let in after a close");
            self.entered.fetch_add(1, Ordering::Relaxed);
        }
        guard
    }

    /// In the count before it is said: so whoever waits until it was said sees it in the count.
    fn leave(&self, guard: Guard<'_>, random: &mut Random) {
        self.left.fetch_add(1, Ordering::Relaxed);
        match guard {
            Guard::Borrowed(guard) if random.once_in(2) => guard.done(),
            Guard::Borrowed(guard) => drop(guard),
            Guard::Owned(guard) if random.once_in(2) => guard.done(),
            Guard::Owned(guard) => drop(guard),
        }
    }

    fn close(&self) {
        self.gate.close();
        self.has_closed.store(true, Ordering::Release);
        if !matches!(self.gate, Gate::Receivers(_)) {
            assert!(self.gate.told().is_closed(), "close has returned");
            assert!(self.gate.add().is_none(), "close has returned");
        }
    }

    /// Nobody can come any more, so the counts do not change.
    fn is_empty(&self) {
        assert!(self.gate.told().is_closed(), "drained before it was announced");
        assert!(self.gate.add().is_none(), "let in after a wait");
        let (entered, left) =
            (self.entered.load(Ordering::Relaxed), self.left.load(Ordering::Relaxed));
        assert_eq!(entered, left, "somebody is inside after a wait");
        assert_eq!(self.gate.running(), 0, "each has left once");
    }
}

/// Guards of all kinds, of several closers at once, on one thread or moved to another; closes of each
/// closer by any thread at any time; waits with a limit and without.
#[test]
fn c2_nobody_enters_after_a_close_and_nobody_is_inside_after_a_wait() {
    within(LIMIT, || {
        let mut random = Random::from_environment();
        let mut pairs = 0;
        while pairs < scaled(2_000_000) {
            pairs += one_round_of_guards(&mut random);
        }
    });
}

/// How many have entered and left.
fn one_round_of_guards(random: &mut Random) -> u64 {
    let channel = channel_closer();
    let watched = [
        Gate::Tasks(closer()),
        Gate::Tasks(closer()),
        Gate::Senders(channel.clone()),
        Gate::Receivers(channel),
    ]
    .map(Watched::new);
    // Between hardly a pair and some ten thousand by each thread.
    let closes_in = 1 << random.below(16);
    let moved = unbounded();
    scope(|threads| {
        for _ in 0..many() {
            let (watched, moved, random) = (&watched, &moved, random.split());
            threads.start(move || enter_and_leave(watched, moved, closes_in, random));
        }
        for one in &watched {
            threads.start(|| {
                one.gate.told().wait();
                assert!(one.gate.add().is_none(), "let in when that was announced");
            });
        }
        for one in &watched[..2] {
            threads.start(|| {
                one.gate.wait();
                one.is_empty();
            });
        }
        let [_, _, senders, receivers] = &watched;
        threads.start(|| {
            receivers.gate.told().wait();
            senders.is_empty();
        });
        threads.start(|| {
            receivers.gate.wait();
            senders.is_empty();
            receivers.is_empty();
        });
    });
    assert!(moved.1.is_empty(), "a guard is left over");
    watched.iter().for_each(Watched::is_empty);
    watched.iter().map(|one| one.left.load(Ordering::Relaxed)).sum()
}

type Moved<'a> = (Sender<(usize, Guard<'a>)>, Receiver<(usize, Guard<'a>)>);

/// Until all are closed.
fn enter_and_leave<'a>(
    watched: &'a [Watched],
    (give, take): &Moved<'a>,
    closes_in: u64,
    mut random: Random,
) {
    while !watched.iter().all(|one| one.gate.told().is_closed()) {
        let index = random.index(watched.len());
        let one = &watched[index];
        if let Some(guard) = one.enter(&mut random) {
            if random.once_in(4) {
                give.send((index, guard)).unwrap();
            } else {
                one.leave(guard, &mut random);
            }
        }
        if random.once_in(4)
            && let Ok((index, guard)) = take.try_recv()
        {
            watched[index].leave(guard, &mut random);
        }
        if random.once_in(closes_in) {
            one.close();
        }
        if random.once_in(1 << 12) {
            let limit = Duration::from_micros(random.below(500));
            match one.gate.wait_timeout(limit) {
                Ok(()) => one.is_empty(),
                Err(names) => assert!(names.iter().all(|name| NAMES.contains(&&**name))),
            }
        }
    }
    // Nobody gives one away after this, but who then comes here as well.
    for (index, guard) in take.try_iter() {
        watched[index].leave(guard, &mut random);
    }
}

/// Thousands of closers, one after the other: all threads enter and leave the same one until one of
/// them closes it, or several do. Most of what happens is what happens around a close.
#[test]
fn c2_whoever_is_refused_by_one_of_several_closes_finds_it_closed() {
    within(LIMIT, || {
        let mut random = Random::from_environment();
        let closers = (0..scaled(15_000)).map(|_| match random.below(2) {
            0 => Gate::Tasks(closer()),
            _ => Gate::Senders(channel_closer()),
        });
        let closers: Vec<_> = closers.map(Watched::new).collect();
        scope(|threads| {
            for _ in 0..many() {
                let (closers, mut random) = (&closers, random.split());
                threads.start(move || {
                    for one in closers {
                        enter_until_refused(one, &mut random);
                    }
                });
            }
        });
        closers.iter().for_each(Watched::is_empty);
    });
}

fn enter_until_refused(one: &Watched, random: &mut Random) {
    while let Some(guard) = one.enter(random) {
        one.leave(guard, random);
        if random.once_in(8) {
            one.close();
        }
    }
    // By a close of this thread or by another's, which may not have returned.
    if random.once_in(2) {
        one.close();
    }
    if random.once_in(2) {
        one.gate.wait();
        one.is_empty();
    }
}

/// Guards that are made on some threads and dropped on others, so that what each thread counts is far
/// from what is running.
#[test]
fn c6_the_number_running_is_exact_when_nobody_moves() {
    within(LIMIT, || {
        let mut random = Random::from_environment();
        for _ in 0..scaled(50) {
            let (closer, count) = (closer(), many());
            let (give, take) = unbounded::<RunningOwned>();
            let (moves, stands) = (Barrier::new(count + 1), Barrier::new(count + 1));
            scope(|threads| {
                for _ in 0..count {
                    let (closer, give, take) = (&closer, &give, &take);
                    let (moves, stands, mut random) = (&moves, &stands, random.split());
                    threads.start(move || {
                        for _ in 0..4 {
                            moves.wait();
                            for _ in 0..random.below(200) {
                                let guard = closer.add_running_owned();
                                give.send(guard.expect("not closed")).unwrap();
                            }
                            for _ in 0..random.below(200) {
                                drop(take.try_recv());
                            }
                            stands.wait();
                        }
                        moves.wait();
                        take.try_iter().for_each(RunningOwned::done);
                    });
                }
                for _ in 0..4 {
                    moves.wait();
                    stands.wait();
                    assert_eq!(closer.running(), take.len());
                }
                moves.wait();
                closer.close_then_wait();
                assert!(take.is_empty());
                assert_eq!(closer.running(), 0);
            });
        }
    });
}

#[test]
fn c4_closes_among_adds_and_dones_always_drain() {
    within(LIMIT, || {
        for _ in 0..scaled(200) {
            let (closer, inside) = (closer(), AtomicU64::new(0));
            let start = Barrier::new(5);
            scope(|threads| {
                for name in ["a", "b", "c"] {
                    let (closer, inside, start) = (&closer, &inside, &start);
                    threads.start(move || {
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
                threads.start(|| {
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

/// What was sent or received: how many, and which.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, item: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(item);
    }
}

fn sum(tallies: impl IntoIterator<Item = Tally>) -> Tally {
    tallies.into_iter().fold(Tally::default(), |all, one| Tally {
        count: all.count + one.count,
        sum: all.sum.wrapping_add(one.sum),
    })
}

/// Many threads on one bounded channel, closed by one of the senders at an item that no one knows
/// beforehand, by another thread at the same time, again and again: not one item is lost.
#[test]
fn c3_all_that_is_sent_is_received_whenever_it_is_closed() {
    within(LIMIT, || {
        let mut random = Random::from_environment();
        for _ in 0..scaled(400) {
            one_round_of_items(&mut random);
        }
    });
}

fn one_round_of_items(random: &mut Random) {
    let closer = channel_closer();
    let (sender, items) = bounded(random.index(4));
    let close_at = random.below(300);
    let second_close = Duration::from_micros(random.below(8000));
    let sent = AtomicU64::new(0);
    // One receiver enters before there is anything to receive, so that there is always one.
    let first = closer.add_receiver_owned().unwrap();
    scope(|threads| {
        let senders: Vec<_> = (0..many() / 2)
            .map(|index| {
                let (closer, sender, sent, mut random) = (&closer, &sender, &sent, random.split());
                threads.spawn(move || {
                    let mut tally = Tally::default();
                    // Some with a guard for each item, some with one for as long as nobody closes.
                    while let Some(_sending) = closer.add_sender() {
                        loop {
                            let item = random.next();
                            select! {
                                send(sender, item) -> done => done.unwrap(),
                                recv(closer.closing().receiver()) -> _ => break,
                            }
                            tally.add(item);
                            if sent.fetch_add(1, Ordering::Relaxed) == close_at {
                                closer.close();
                            }
                            if index % 2 == 0 {
                                break;
                            }
                        }
                    }
                    tally
                })
            })
            .collect();
        let receivers: Vec<_> = (0..many() / 2)
            .map(|_| {
                threads.spawn(|| {
                    let mut tally = Tally::default();
                    if let Some(_receiving) = closer.add_receiver() {
                        pass_on(&closer, &items, |item| tally.add(item));
                    }
                    tally
                })
            })
            .collect();
        let rest = threads.spawn(|| {
            closer.close_notify().wait();
            let mut tally = Tally::default();
            items.try_iter().for_each(|item| tally.add(item));
            first.done();
            tally
        });
        // A second close, about when the first comes.
        threads.start(|| {
            closer.closing().wait_timeout(second_close);
            closer.close_then_wait();
        });
        closer.wait();
        let sent = sum(senders.into_iter().map(|thread| thread.join().unwrap()));
        let received = receivers.into_iter().chain([rest]);
        assert_eq!(sum(received.map(|thread| thread.join().unwrap())), sent);
    });
    assert!(items.is_empty());
}

/// A pipeline: some threads feed it, some pass on from the first to the second channel, some from the
/// second to the third, some take what comes out.
#[test]
fn c3_what_enters_the_first_channel_comes_out_of_the_last() {
    within(LIMIT, || {
        let mut random = Random::from_environment();
        for _ in 0..scaled(100) {
            one_round_of_a_pipeline(&mut random);
        }
    });
}

fn one_round_of_a_pipeline(random: &mut Random) {
    let width = many() / 4;
    let [a, b, c] = [(); 3].map(|()| channel_closer());
    let group = ChannelGroupCloser::new([a.clone(), b.clone(), c.clone()]);
    let [first, second, third] = [(); 3].map(|()| bounded(random.index(3)));
    scope(|threads| {
        let stage = |from: &ChannelCloser, to: &ChannelCloser| {
            (from.add_receiver_owned().unwrap(), to.add_sender_owned().unwrap())
        };
        for _ in 0..width {
            let (from_a, from_b) = (stage(&a, &b), stage(&b, &c));
            threads.start(|| {
                pass_on(&a, &first.1, |item| second.0.send(item).unwrap());
                drop(from_a);
            });
            threads.start(|| {
                pass_on(&b, &second.1, |item| third.0.send(item).unwrap());
                drop(from_b);
            });
        }
        let outlets: Vec<_> = (0..width)
            .map(|_| {
                let receiving = c.add_receiver_owned().unwrap();
                threads.spawn(|| {
                    let mut tally = Tally::default();
                    pass_on(&c, &third.1, |item| tally.add(item));
                    receiving.done();
                    tally
                })
            })
            .collect();
        let inlets: Vec<_> = (0..width)
            .map(|_| {
                let (a, input, random) = (&a, &first.0, random.split());
                threads.spawn(move || feed(a, input, random))
            })
            .collect();
        // Closed when an item has come a long way: everything is on the move. By the group, from two
        // threads, or by its first channel before the group knows of it.
        let (after, by_hand) = (Duration::from_micros(random.below(2000)), random.once_in(4));
        for _ in 0..2 {
            let (a, group) = (&a, &group);
            threads.start(move || {
                a.closing().wait_timeout(after);
                if by_hand {
                    a.close();
                }
                group.close();
                assert!(a.add_sender().is_none(), "close has returned");
            });
        }
        group.wait();
        for closer in [&a, &b, &c] {
            assert_eq!((closer.senders(), closer.receivers()), (0, 0));
        }
        let sent = sum(inlets.into_iter().map(|thread| thread.join().unwrap()));
        assert_eq!(sum(outlets.into_iter().map(|thread| thread.join().unwrap())), sent);
    });
}

fn feed(closer: &ChannelCloser, input: &Sender<u64>, mut random: Random) -> Tally {
    let mut tally = Tally::default();
    while let Some(_sending) = closer.add_sender() {
        let item = random.next();
        input.send(item).unwrap();
        tally.add(item);
    }
    tally
}

/// Receives until told, then takes what is left. The caller holds the guard.
fn pass_on(closer: &ChannelCloser, items: &Receiver<u64>, mut to: impl FnMut(u64)) {
    loop {
        select! {
            recv(items) -> item => to(item.unwrap()),
            recv(closer.close_notify().receiver()) -> _ => break,
        }
    }
    items.try_iter().for_each(to);
}
