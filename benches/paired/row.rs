//! A row of a bench's table: what was measured in all rounds, what is concluded, and against which
//! target. Pure text; `tests/bench_statistics.rs` tests it.

use std::time::Duration;

use super::statistics::{Estimate, Target, Verdict, median};

/// The columns of all rows.
pub const HEAD: &str = "\
| what | | against | ratio, or time (95 %) | target | |
|---|---|---|---|---|---|";

/// Whether the target is judged: not by a few rounds, nor where they are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    Yes,
    No,
}

/// Two variants, by round and in seconds; the ratio of the first to the second. No target is for
/// what is there to be known.
pub fn of_two(
    what: &str,
    [subject, base]: [&str; 2],
    rounds: &[(f64, f64)],
    target: Option<Target>,
    judged: Judged,
) -> String {
    let ratios: Vec<f64> = rounds.iter().map(|(subject, base)| subject / base).collect();
    let estimate = Estimate::of(&ratios);
    let (mut subjects, mut bases): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
    let verdict = target.map(|target| verdict(estimate, target, judged));
    format!(
        "| {what} | {subject} {} | {base} {} | {} ({} to {}) | {} | {} |",
        time(median(&mut subjects)),
        time(median(&mut bases)),
        ratio(estimate.median),
        ratio(estimate.low),
        ratio(estimate.high),
        match target {
            None => "none".to_owned(),
            Some(Target::AtMost(most)) => format!("≤ {most:.2}"),
            Some(Target::Below(bound)) => format!("< {bound:.2}"),
        },
        verdict.unwrap_or_default(),
    )
}

/// One variant against a limit in time, by round and in seconds. It has to stay below.
pub fn of_one(what: &str, name: &str, rounds: &[f64], limit: Duration, judged: Judged) -> String {
    let estimate = Estimate::of(rounds);
    let bound = limit.as_secs_f64();
    format!(
        "| {what} | {name} {} | | {} ({} to {}) | < {} | {} |",
        time(estimate.median),
        time(estimate.median),
        time(estimate.low),
        time(estimate.high),
        time(bound),
        verdict(estimate, Target::Below(bound), judged),
    )
}

/// Figures without a unit, by round.
pub fn of_figures(what: &str, name: &str, rounds: &[f64], most: f64, judged: Judged) -> String {
    let estimate = Estimate::of(rounds);
    let Estimate { median, low, high } = estimate;
    let verdict = verdict(estimate, Target::AtMost(most), judged);
    format!("| {what} | {name} | | {median:.2} ({low:.2} to {high:.2}) | ≤ {most:.2} | {verdict} |")
}

/// Something that is counted once, and has to be so many at most.
pub fn of_count(what: &str, name: &str, count: u64, most: u64, judged: Judged) -> String {
    let verdict = match judged {
        Judged::No => "not judged",
        Judged::Yes if count <= most => "met",
        Judged::Yes => "**missed**",
    };
    format!("| {what} | {name} | | {count} | ≤ {most} | {verdict} |")
}

/// What could not be measured.
pub fn of_skipped(what: &str, why: &str) -> String {
    format!("| {what} | | | skipped: {why} | | |")
}

fn verdict(estimate: Estimate, target: Target, judged: Judged) -> &'static str {
    match estimate.verdict(target) {
        _ if judged == Judged::No => "not judged",
        Verdict::Met => "met",
        Verdict::Missed => "**missed**",
        Verdict::Unresolved => "unresolved",
    }
}

fn time(seconds: f64) -> String {
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
