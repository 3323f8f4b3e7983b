//! The harness of the benches: two variants of one thing, measured in turns, compared as a ratio; or
//! one against a limit in time.
//!
//! Times on a shared machine drift by more than what is looked for, and both variants drift alike.
//! So each round measures both, one right after the other and each first in every second round, and
//! gives a ratio; what is shown and judged is the median of the ratios (see `statistics`). A time is
//! judged by itself only where the limit is so far away that the drift does not matter.

// Not every bench uses all of it, and each is a crate of its own.
#![allow(dead_code, unreachable_pub)]

pub mod asleep;
pub mod examples;
mod row;
pub mod statistics;

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use row::Judged;
use statistics::Target;

/// One of those that are compared.
pub struct Variant<'a> {
    name: &'static str,
    measure: Box<dyn FnMut(u32) -> Duration + 'a>,
    /// A round of it is so many times shorter than others.
    shorter: u32,
    rounds: u32,
    is_doubtful: Box<dyn Fn() -> bool + 'a>,
}

impl<'a> Variant<'a> {
    /// `measure` does it so many times and says how long that took.
    pub fn new(name: &'static str, measure: impl FnMut(u32) -> Duration + 'a) -> Self {
        Self {
            name,
            measure: Box::new(measure),
            shorter: 1,
            rounds: USUAL,
            is_doubtful: Box::new(|| false),
        }
    }

    /// For what takes some ten times longer to prepare than to do: an eighth of a round's length.
    pub fn in_short_rounds(self) -> Self {
        Self { shorter: 8, ..self }
    }

    /// For what takes a large part of a second each time. (Of two that are compared the one with more counts.)
    pub fn in_few_rounds(self) -> Self {
        Self { rounds: USUAL / 2, ..self }
    }

    /// For what is hard to tell apart: its rounds differ from each other by more than the two that are
    /// compared. The interval is then a third as wide.
    pub fn in_many_rounds(self) -> Self {
        Self { rounds: USUAL * 10, ..self }
    }

    /// Asked when all is measured: where it says yes, nothing is judged.
    pub fn doubtful_if(self, is_doubtful: impl Fn() -> bool + 'a) -> Self {
        Self { is_doubtful: Box::new(is_doubtful), ..self }
    }

    /// Does it as often as fills a round, and says how many seconds one time took.
    fn calibrated(&mut self, effort: &Effort) -> impl FnMut() -> f64 {
        let length = effort.length / self.shorter;
        let mut times = 1_u32;
        while (self.measure)(times) < length {
            times = times.saturating_mul(2);
        }
        move || (self.measure)(times).as_secs_f64() / f64::from(times)
    }
}

/// How many rounds there are where nothing else is said.
const USUAL: u32 = 60;

/// How much is measured.
struct Effort {
    warm_up: u32,
    /// So many, whatever was said.
    at_most: u32,
    /// How long one variant takes in one round, at least.
    length: Duration,
}

const FULL: Effort = Effort { warm_up: 3, at_most: u32::MAX, length: Duration::from_millis(20) };
const QUICK: Effort = Effort { warm_up: 1, at_most: 4, length: Duration::from_micros(500) };

const QUICK_WARNING: &str = "\
QUICK: a few short rounds, to see that the bench still runs.
QUICK: these numbers prove nothing, and no target is judged.";

/// What is measured in one run of a bench, printed as a table when it is dropped.
pub struct Bench {
    is_quick: bool,
    /// Only comparisons with one of these texts in their names.
    only: Vec<String>,
    rows: Vec<String>,
    load_before: String,
}

impl Bench {
    /// `cargo bench --bench NAME -- [--quick] [TEXT]...`. It is quick, too, where `cargo test`
    /// runs it, which does not say `--bench`.
    pub fn from_args() -> Self {
        let (options, only): (Vec<String>, Vec<String>) =
            std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
        let said = |option: &str| options.iter().any(|said| said == option);
        let is_quick = said("--quick") || !said("--bench");
        if is_quick {
            println!("{QUICK_WARNING}\n");
        }
        Self { is_quick, only, rows: Vec::new(), load_before: load() }
    }

    pub fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// Whether comparisons of this name were asked for: for what is costly to prepare.
    pub fn wants(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| what.contains(text.as_str()))
    }

    /// Whether comparisons of this name were asked for by a part of it: for what is not to be measured
    /// otherwise.
    pub fn asks_for(&self, what: &str) -> bool {
        !self.only.is_empty() && self.wants(what)
    }

    /// Measures both, and adds a row about the ratio of `subject` to `base`.
    pub fn compare(
        &mut self,
        what: &str,
        subject: &mut Variant,
        base: &mut Variant,
        target: Target,
    ) {
        self.two(what, subject, base, Some(target));
    }

    /// As [`compare`](Self::compare) without a target: for what is good to know.
    pub fn show(&mut self, what: &str, subject: &mut Variant, base: &mut Variant) {
        self.two(what, subject, base, None);
    }

    fn two(
        &mut self,
        what: &str,
        subject: &mut Variant,
        base: &mut Variant,
        target: Option<Target>,
    ) {
        if !self.wants(what) {
            return;
        }
        eprintln!("{what}: {} / {} …", subject.name, base.name);
        let rounds = measure_two(subject, base, self.effort());
        let judged = self.judged((subject.is_doubtful)() || (base.is_doubtful)());
        let names = [subject.name, base.name];
        self.rows.push(row::of_two(what, names, &rounds, target, judged));
    }

    /// Measures one, and adds a row about its time, which has to be below `limit`.
    pub fn limit(&mut self, what: &str, subject: &mut Variant, limit: Duration) {
        if !self.wants(what) {
            return;
        }
        eprintln!("{what}: {} …", subject.name);
        let rounds = measure_one(subject, self.effort());
        let judged = self.judged((subject.is_doubtful)());
        self.rows.push(row::of_one(what, subject.name, &rounds, limit, judged));
    }

    /// Adds a row about times that were taken while something else was measured. They have to be
    /// below `limit`.
    pub fn limit_of(&mut self, what: &str, name: &str, times: &[Duration], limit: Duration) {
        if self.wants(what) {
            let times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
            self.rows.push(row::of_one(what, name, &times, limit, self.judged(false)));
        }
    }

    /// Adds a row about figures that have no unit. They have to be `most` at most.
    pub fn figure(&mut self, what: &str, name: &str, figures: &[f64], most: f64) {
        if self.wants(what) {
            self.rows.push(row::of_figures(what, name, figures, most, self.judged(false)));
        }
    }

    /// Adds a row about something that is counted.
    pub fn count(&mut self, what: &str, name: &str, count: u64, most: u64) {
        if self.wants(what) {
            self.rows.push(row::of_count(what, name, count, most, self.judged(false)));
        }
    }

    /// What was asked for and cannot be measured here: said at once, and again in the table.
    pub fn skip(&mut self, what: &str, why: &str) {
        if self.wants(what) {
            eprintln!("SKIPPED: {what}: {why}");
            self.rows.push(row::of_skipped(what, why));
        }
    }

    fn effort(&self) -> &'static Effort {
        if self.is_quick { &QUICK } else { &FULL }
    }

    fn judged(&self, is_doubtful: bool) -> Judged {
        if self.is_quick || is_doubtful { Judged::No } else { Judged::Yes }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        println!("{}", row::HEAD);
        for row in &self.rows {
            println!("{row}");
        }
        println!("\nload average before and after: {} and {}", self.load_before, load());
        if self.is_quick {
            println!("\n{QUICK_WARNING}");
        }
    }
}

/// Measures each call alone; what comes of it is dropped when the clock has stopped. For what takes
/// microseconds at least: reading the clock takes some tens of nanoseconds.
pub fn each<R>(mut call: impl FnMut() -> R) -> impl FnMut(u32) -> Duration {
    move |times| {
        let mut total = Duration::ZERO;
        for _ in 0..times {
            let began = Instant::now();
            let result = black_box(call());
            total += began.elapsed();
            drop(result);
        }
        total
    }
}

/// Measures all calls together, the drops of what comes of them included.
pub fn together<R>(mut call: impl FnMut() -> R) -> impl FnMut(u32) -> Duration {
    move |times| {
        let began = Instant::now();
        for _ in 0..times {
            black_box(call());
        }
        began.elapsed()
    }
}

/// How many things are made at a time for [`batched`]: the clock's own cost does not show in so
/// many, and they still fit in the caches.
const BATCH: u32 = 64;

/// Measures the calls, a batch at a time, each with a thing of its own that is made before the clock
/// starts and dropped when it has stopped. For what takes less than a microsecond, and only once.
pub fn batched<T>(
    mut make: impl FnMut() -> T,
    mut call: impl FnMut(&T),
) -> impl FnMut(u32) -> Duration {
    move |times| {
        let mut total = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            let things: Vec<T> = (0..left.min(BATCH)).map(|_| make()).collect();
            let began = Instant::now();
            for thing in &things {
                call(black_box(thing));
            }
            total += began.elapsed();
            left -= left.min(BATCH);
        }
        total
    }
}

/// The seconds that one time takes, of both variants and by round.
fn measure_two(subject: &mut Variant, base: &mut Variant, effort: &Effort) -> Vec<(f64, f64)> {
    let rounds = subject.rounds.max(base.rounds).min(effort.at_most);
    let (mut subject, mut base) = (subject.calibrated(effort), base.calibrated(effort));
    let mut pair = |round: u32| {
        if round.is_multiple_of(2) {
            let first = subject();
            (first, base())
        } else {
            let first = base();
            (subject(), first)
        }
    };
    for round in 0..effort.warm_up {
        pair(round);
    }
    (0..rounds).map(pair).collect()
}

/// The seconds that one time takes, by round.
fn measure_one(subject: &mut Variant, effort: &Effort) -> Vec<f64> {
    let rounds = subject.rounds.min(effort.at_most);
    let mut subject = subject.calibrated(effort);
    for _ in 0..effort.warm_up {
        subject();
    }
    (0..rounds).map(|_| subject()).collect()
}

/// The load of the last minute, where the system tells.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
