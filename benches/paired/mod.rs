//! The harness of the benches: two variants of one thing, measured in turns, compared as a ratio.
//!
//! Times on a shared machine drift by more than what is looked for, and both variants drift alike.
//! So each round measures both, one right after the other and each first in every second round, and
//! gives a ratio; what is shown and judged is the median of the ratios (see `statistics`).

// Not every bench uses all of it, and each is a crate of its own.
#![allow(dead_code, unreachable_pub)]

pub mod statistics;

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use statistics::{Estimate, Target, Verdict, median};

/// One of the two that are compared.
pub struct Variant<'a> {
    name: &'static str,
    measure: Box<dyn FnMut(u32) -> Duration + 'a>,
}

impl<'a> Variant<'a> {
    /// `measure` does it so many times and says how long that took.
    pub fn new(name: &'static str, measure: impl FnMut(u32) -> Duration + 'a) -> Self {
        Self { name, measure: Box::new(measure) }
    }
}

/// How much is measured.
struct Effort {
    warm_up: u32,
    rounds: u32,
    /// How long one variant takes in one round, at least.
    length: Duration,
}

const FULL: Effort = Effort { warm_up: 3, rounds: 60, length: Duration::from_millis(20) };
const QUICK: Effort = Effort { warm_up: 1, rounds: 4, length: Duration::from_micros(500) };

const QUICK_WARNING: &str = "\
QUICK: a few short rounds, to see that the bench still runs.
QUICK: these numbers prove nothing, and no target is judged.";

/// What is measured in one run of a bench, printed as a table when it is dropped.
pub struct Bench {
    is_quick: bool,
    /// Only comparisons with one of these texts in their names.
    only: Vec<String>,
    rows: String,
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
        Self { is_quick, only, rows: String::new(), load_before: load() }
    }

    pub fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// Whether comparisons of this name were asked for: for what is costly to prepare.
    pub fn wants(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| what.contains(text.as_str()))
    }

    /// Measures both, and adds a row about the ratio of `subject` to `base`.
    pub fn compare(
        &mut self,
        what: &str,
        subject: &mut Variant,
        base: &mut Variant,
        target: Target,
    ) {
        if !self.wants(what) {
            return;
        }
        eprintln!("{what}: {} / {} …", subject.name, base.name);
        let effort = if self.is_quick { QUICK } else { FULL };
        let rounds = measure(&mut *subject.measure, &mut *base.measure, &effort);
        let ratios: Vec<f64> = rounds.iter().map(|(subject, base)| subject / base).collect();
        let estimate = Estimate::of(&ratios);
        let verdict = match estimate.verdict(target) {
            _ if self.is_quick => "not judged",
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::Unresolved => "unresolved",
        };
        let target = match target {
            Target::AtMost(most) => format!("≤ {most:.2}"),
            Target::Below(bound) => format!("< {bound:.2}"),
        };
        let (mut subjects, mut bases): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
        let _ = writeln!(
            self.rows, // a String takes all
            "| {what} | {} {} | {} {} | {} ({} to {}) | {target} | {verdict} |",
            subject.name,
            shown(median(&mut subjects)),
            base.name,
            shown(median(&mut bases)),
            ratio(estimate.median),
            ratio(estimate.low),
            ratio(estimate.high),
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        println!("| what | | against | ratio (95 %) | target | |");
        println!("|---|---|---|---|---|---|");
        println!("{}", self.rows);
        println!("load average before and after: {} and {}", self.load_before, load());
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

type Measure<'a> = &'a mut dyn FnMut(u32) -> Duration;

/// The seconds that one time takes, of both variants and by round.
fn measure(subject: Measure, base: Measure, effort: &Effort) -> Vec<(f64, f64)> {
    let (subject_times, base_times) = (calibrate(subject, effort), calibrate(base, effort));
    let mut subject = || subject(subject_times).as_secs_f64() / f64::from(subject_times);
    let mut base = || base(base_times).as_secs_f64() / f64::from(base_times);
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
    (0..effort.rounds).map(pair).collect()
}

/// How many times fill a round.
fn calibrate(measure: Measure, effort: &Effort) -> u32 {
    let mut times = 1_u32;
    while measure(times) < effort.length {
        times = times.saturating_mul(2);
    }
    times
}

fn shown(seconds: f64) -> String {
    match seconds {
        ..1e-6 => format!("{:.1} ns", seconds * 1e9),
        1e-6..1e-3 => format!("{:.1} µs", seconds * 1e6),
        1e-3..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

fn ratio(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}

/// The load of the last minute, where the system tells.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
