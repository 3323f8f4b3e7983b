//! What is to happen in one lifecycle, all of it drawn from one seed.
//!
//! A plan is a list of units in the order of registration, each with what it does at each of its
//! callbacks. For groups in groups a unit gets the group that it is in (a place in a list of groups with
//! an order, a strategy, and policies as a unit has them), `play.rs` registers from the innermost, and
//! the relations at the end of this file ask for the nearest group that both are in.

use std::fmt;
use std::time::Duration;

use rungroup::{Backoff, Restart};

use crate::random::Random;

/// How a callback ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Ok,
    Error,
    Panic,
}

/// What somebody does to the group: a unit in a callback, or a thread beside the run.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Stop,
    Deregister(usize),
    Look,
    WaitTillReady,
    /// Which a thread of the group must be refused.
    WaitForTheEnd,
}

/// One callback.
#[derive(Clone, Debug)]
pub struct Turn {
    pub takes: Duration,
    pub deed: Option<Deed>,
    pub ends: How,
}

/// Until when a `serve` goes on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Now,
    After(Duration),
    Told,
    /// Whatever it is told: it has to be let go.
    LetGo,
}

/// A thread of an incarnation.
#[derive(Clone, Copy, Debug)]
pub struct Helper {
    pub until_told: bool,
    pub takes: Duration,
    pub panics: bool,
}

/// One entering of `serve`.
#[derive(Clone, Debug)]
pub struct Serve {
    pub helpers: Vec<Helper>,
    pub on_stop: Option<Turn>,
    pub ready_after: Option<Duration>,
    pub deed: Option<Deed>,
    pub until: Until,
    /// How long the end takes.
    pub takes: Duration,
    pub ends: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Never,
    OnFailure,
    Always,
}

#[derive(Clone, Debug)]
pub struct UnitPlan {
    pub name: String,
    pub after: Vec<usize>,
    pub task: bool,
    pub background: bool,
    pub instances: u32,
    pub when: When,
    pub restarts: u32,
    pub pause: Duration,
    pub declares_ready: bool,
    pub start_timeout: Option<Duration>,
    pub pre_run: Option<Turn>,
    pub post_run: Turn,
    pub graceful_stop: Turn,
    /// Of each attempt; the last is for those that follow, too.
    pub serve: Vec<Serve>,
}

impl UnitPlan {
    pub fn restart(&self) -> Restart {
        let policy = match self.when {
            When::Never => return Restart::never(),
            When::OnFailure => Restart::on_failure(),
            When::Always => Restart::always(),
        };
        let backoff = Backoff::constant(self.pause);
        policy.backoff(backoff).intensity(self.restarts, Duration::from_hours(1))
    }

    pub fn serve(&self, attempt: u32) -> &Serve {
        let index = usize::try_from(attempt).unwrap() - 1;
        &self.serve[index.min(self.serve.len() - 1)]
    }

    /// Whether an end of attempt number `attempt` is one to start again after.
    pub fn covers(&self, failed: bool, attempt: u32) -> bool {
        let covers = match self.when {
            When::Never => false,
            When::OnFailure => failed,
            When::Always => true,
        };
        covers && attempt <= self.restarts
    }
}

/// A thread beside the run, which does something once so much has been noted, or so much time has passed.
#[derive(Clone, Debug)]
pub struct Outsider {
    pub notes: usize,
    pub limit: Duration,
    pub deed: Deed,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub reverse: bool,
    /// Those that do not stop in time are left behind. Then any unit may be late, as the machine may be
    /// busy, and what is judged is less.
    pub hasty: Option<Duration>,
    pub units: Vec<UnitPlan>,
    pub before: Option<Deed>,
    pub outsiders: Vec<Outsider>,
    pub waiters: usize,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let hasty = random.once_in(16).then(|| Duration::from_millis(2));
        let count = 1 + random.below(6);
        let mood = Mood { count, hasty: hasty.is_some(), calm: random.once_in(2) };
        let units = (0..count).map(|index| unit(random, index, mood)).collect();
        let mut outsiders = Vec::new();
        for _ in 0..random.below(3) {
            outsiders.push(outsider(random, count));
        }
        // There always is one that stops the group, in case that nothing else does.
        outsiders.push(Outsider { deed: Deed::Stop, ..outsider(random, count) });
        Self {
            seed,
            reverse: random.once_in(4),
            hasty,
            units,
            before: random.once_in(40).then(|| deed(random, count)),
            outsiders,
            waiters: random.below(3),
        }
    }

    /// Gated: it stops when all that are not have (L9).
    pub fn is_gated(&self, unit: usize) -> bool {
        let plan = &self.units[unit];
        plan.background && plan.after.iter().all(|&other| self.is_gated(other))
    }

    /// Whether `first` is over before `second` is told to stop, at the end of the group.
    pub fn stops_before(&self, first: usize, second: usize) -> bool {
        if self.units[first].after.contains(&second) {
            return true;
        }
        let gated = (self.is_gated(first), self.is_gated(second));
        gated == (false, true) || (self.reverse && gated.0 == gated.1 && first > second)
    }
}

/// A line for each unit.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, reverse, hasty, units, before, outsiders, waiters } = self;
        writeln!(f, "seed {seed}, reverse {reverse}, hasty {hasty:?}, {waiters} waiters")?;
        writeln!(f, "before the run {before:?}, beside it {outsiders:?}")?;
        units.iter().try_for_each(|unit| writeln!(f, "{unit:?}"))
    }
}

/// What all units of a plan have in common.
#[derive(Clone, Copy)]
struct Mood {
    count: usize,
    hasty: bool,
    /// Who would not start again does not end by itself: so that others have the time to.
    calm: bool,
}

fn unit(random: &mut Random, index: usize, mood: Mood) -> UnitPlan {
    let count = mood.count;
    let mut after: Vec<usize> = (0..index).filter(|_| random.once_in(4)).collect();
    if random.once_in(3) {
        after.clear();
    }
    let task = random.once_in(4);
    let background = !task && random.once_in(6);
    let when = match random.below(8) {
        0 if !task => When::Always,
        0..=3 => When::OnFailure,
        _ => When::Never,
    };
    let declares_ready = random.once_in(3);
    let start_timeout = (declares_ready && random.once_in(3)).then(|| Duration::from_millis(1));
    let attempts = if when == When::Never { 1 } else { 1 + random.below(3) };
    let serve: Vec<Serve> =
        (0..attempts).map(|_| serve(random, declares_ready, when, mood)).collect();
    UnitPlan {
        name: format!("u{index}"),
        after,
        task,
        background,
        instances: if random.once_in(5) { 2 } else { 1 },
        when,
        restarts: u32::try_from(random.below(5)).unwrap(),
        pause: random.micros(1500),
        declares_ready,
        start_timeout,
        pre_run: random.once_in(2).then(|| turn(random, count, 25)),
        post_run: turn(random, count, 25),
        graceful_stop: turn(random, count, 20),
        serve,
    }
}

fn serve(random: &mut Random, declares_ready: bool, when: When, mood: Mood) -> Serve {
    let count = mood.count;
    let restarts = when != When::Never;
    let until = match random.below(12) {
        0..=2 if mood.calm && !restarts => Until::Told,
        0 => Until::Now,
        1 | 2 => Until::After(Duration::from_micros(random.below(1500) as u64)),
        3 if mood.hasty => Until::LetGo,
        // What starts again has to end before.
        3..=6 if restarts => Until::Now,
        _ => Until::Told,
    };
    let helper = |random: &mut Random| Helper {
        until_told: random.once_in(2),
        takes: random.micros(800),
        panics: random.once_in(8),
    };
    Serve {
        helpers: (0..random.below(3).saturating_sub(1)).map(|_| helper(random)).collect(),
        on_stop: random.once_in(5).then(|| turn(random, count, 10)),
        ready_after: (declares_ready && !random.once_in(6)).then(|| random.micros(1000)),
        deed: random.once_in(10).then(|| deed(random, count)),
        until,
        takes: random.micros(1500),
        ends: match random.below(24) {
            0 | 1 if mood.calm && !random.once_in(4) => How::Ok,
            0 => How::Error,
            1 => How::Panic,
            2..=9 if restarts => How::Error,
            10..=13 if restarts => How::Panic,
            _ => How::Ok,
        },
    }
}

/// A callback that fails once in so many times.
fn turn(random: &mut Random, count: usize, fails: usize) -> Turn {
    Turn {
        takes: if random.once_in(3) { random.micros(1000) } else { Duration::ZERO },
        deed: random.once_in(12).then(|| deed(random, count)),
        ends: match random.below(2 * fails) {
            0 => How::Error,
            1 => How::Panic,
            _ => How::Ok,
        },
    }
}

fn deed(random: &mut Random, count: usize) -> Deed {
    match random.below(7) {
        0 => Deed::Stop,
        1 | 2 => Deed::Deregister(random.below(count)),
        3 => Deed::Look,
        4 | 5 => Deed::WaitTillReady,
        _ => Deed::WaitForTheEnd,
    }
}

fn outsider(random: &mut Random, count: usize) -> Outsider {
    Outsider {
        // Often never: then it is the time that counts.
        notes: random.below(60 * count),
        limit: Duration::from_micros(500 + random.below(8000) as u64),
        deed: match random.below(5) {
            0 => Deed::Stop,
            1 | 2 => Deed::Deregister(random.below(count)),
            _ => Deed::Look,
        },
    }
}
