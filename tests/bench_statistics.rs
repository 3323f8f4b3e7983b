//! What the benches conclude from their rounds (`benches/paired/statistics.rs`) and how they say it
//! (`row.rs`): nothing is measured here.

use std::time::Duration;

#[path = "../benches/paired/statistics.rs"]
#[allow(unreachable_pub)]
mod statistics;

#[path = "../benches/paired/row.rs"]
#[allow(unreachable_pub)]
mod row;

use row::Judged;
use statistics::{Estimate, Target, Verdict, median};

/// Made, not measured: spread evenly around `middle`, in no order.
fn rounds(middle: f64, spread: f64, count: u32) -> Vec<f64> {
    let place = |index: u32| f64::from(index * 7 % count) / f64::from(count - 1) - 0.5;
    (0..count).map(|index| middle + spread * place(index)).collect()
}

#[test]
#[allow(clippy::float_cmp)] // exact in binary
fn the_median_is_the_middle_or_the_mean_of_two() {
    assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    assert_eq!(median(&mut [7.0]), 7.0);
}

#[test]
fn one_round_in_ten_that_was_disturbed_moves_the_median_little() {
    let mut ratios = rounds(1.5, 0.1, 50);
    for disturbed in ratios.iter_mut().step_by(10) {
        *disturbed = 40.0;
    }
    let estimate = Estimate::of(&ratios);
    assert!((1.45..1.55).contains(&estimate.median), "{estimate:?}");
    assert!(estimate.high < 1.6, "{estimate:?}");
}

#[test]
fn the_interval_holds_the_median_and_narrows_with_the_rounds() {
    let few = Estimate::of(&rounds(2.0, 1.0, 30));
    let many = Estimate::of(&rounds(2.0, 1.0, 300));
    for estimate in [few, many] {
        assert!(estimate.low < estimate.median && estimate.median < estimate.high, "{estimate:?}");
    }
    assert!(many.high - many.low < (few.high - few.low) / 2.0, "{few:?} {many:?}");
}

/// The standard error of the median of n values that are spread evenly over a width w is w / 2√n, so
/// that ± 1.96 of it hold 95 %: 0.196 for 100 values over 1, end to end.
#[test]
fn the_interval_is_as_wide_as_theory_says() {
    let Estimate { low, high, .. } = Estimate::of(&rounds(2.0, 1.0, 100));
    assert!((0.16..0.24).contains(&(high - low)), "{low} to {high}");
}

#[test]
fn rounds_that_agree_leave_no_doubt() {
    let estimate = Estimate::of(&[1.25; 30]);
    assert_eq!(estimate, Estimate { median: 1.25, low: 1.25, high: 1.25 });
}

#[test]
fn the_same_rounds_give_the_same_interval() {
    let ratios = rounds(1.0, 0.3, 40);
    assert_eq!(Estimate::of(&ratios), Estimate::of(&ratios));
}

#[test]
fn a_target_is_met_by_all_of_the_interval_missed_by_all_and_unresolved_between() {
    let estimate = Estimate { median: 1.5, low: 1.4, high: 1.6 };
    assert_eq!(estimate.verdict(Target::AtMost(1.7)), Verdict::Met);
    assert_eq!(estimate.verdict(Target::AtMost(1.5)), Verdict::Unresolved);
    assert_eq!(estimate.verdict(Target::AtMost(1.3)), Verdict::Missed);
}

#[test]
fn at_most_allows_the_bound_and_below_does_not() {
    let exact = Estimate { median: 1.0, low: 1.0, high: 1.0 };
    assert_eq!(exact.verdict(Target::AtMost(1.0)), Verdict::Met);
    assert_eq!(exact.verdict(Target::Below(1.0)), Verdict::Missed);
}

#[test]
fn a_row_has_both_times_their_ratio_and_the_verdict() {
    let rounds = [(3e-8, 2e-8); 30];
    let row = |target, judged| row::of_two("a pair", ["ours", "theirs"], &rounds, target, judged);
    assert_eq!(
        row(Some(Target::AtMost(1.2)), Judged::Yes),
        "| a pair | ours 30.0 ns | theirs 20.0 ns | 1.50 (1.50 to 1.50) | ≤ 1.20 | **missed** |"
    );
    assert!(row(Some(Target::AtMost(1.6)), Judged::Yes).ends_with("| ≤ 1.60 | met |"));
    assert!(row(Some(Target::Below(1.6)), Judged::No).ends_with("| < 1.60 | not judged |"));
    assert!(row(None, Judged::Yes).ends_with("| none |  |"), "good to know, and no more");
}

/// The ratio of the medians would be 5.
#[test]
fn a_row_has_the_median_of_the_ratios_not_the_ratio_of_the_medians() {
    let rounds = [(9.0, 3.0), (12.0, 4.0), (1.0, 1.0), (1.0, 1.0), (5.0, 1.0)];
    let row = row::of_two("a", ["b", "c"], &rounds, None, Judged::Yes);
    assert!(row.starts_with("| a | b 5.00 s | c 1.00 s | 3.00 ("), "{row}");
}

#[test]
fn a_limit_in_time_is_met_below_it_missed_beyond_it_and_unresolved_around_it() {
    let row = |times: &[f64], limit| row::of_one("a close", "ours", times, limit, Judged::Yes);
    let times = [1.5e-6; 30];
    assert_eq!(
        row(&times, Duration::from_micros(2)),
        "| a close | ours 1.5 µs | | 1.5 µs (1.5 µs to 1.5 µs) | < 2.0 µs | met |"
    );
    assert!(row(&times, Duration::from_micros(1)).ends_with("| < 1.0 µs | **missed** |"));
    assert!(row(&times, Duration::from_nanos(1500)).ends_with("| **missed** |"), "below, not at");
    let around = rounds(2e-6, 1e-6, 30);
    assert!(row(&around, Duration::from_micros(2)).ends_with("| unresolved |"));
    assert!(row(&around, Duration::from_micros(3)).ends_with("| met |"));
}

#[test]
fn every_row_has_the_columns_of_the_head() {
    let two = row::of_two("a", ["b", "c"], &[(1.0, 1.0)], None, Judged::Yes);
    let one = row::of_one("a", "b", &[1.0], Duration::from_secs(2), Judged::Yes);
    for row in row::HEAD.lines().chain([&*two, &one]) {
        assert_eq!(row.matches('|').count(), 7, "{row}");
    }
}

#[test]
fn a_time_is_shown_in_the_unit_that_suits_it() {
    let shown = |seconds: f64| {
        let row = row::of_one("", "", &[seconds], Duration::from_secs(100), Judged::Yes);
        row.split('|').nth(2).unwrap().trim().to_owned()
    };
    assert_eq!(
        [2.5e-8, 2.5e-5, 2.5e-2, 2.5].map(shown),
        ["25.0 ns", "25.0 µs", "25.00 ms", "2.50 s"]
    );
}

#[test]
fn figures_and_counts_have_no_unit_and_a_limit_that_they_may_reach() {
    let figures = row::of_figures("heap", "service", &rounds(100.0, 2.0, 30), 2048.0, Judged::Yes);
    assert!(
        figures.starts_with("| heap | service | | 100.00 (")
            && figures.ends_with("| ≤ 2048.00 | met |")
    );
    let of = |count| row::of_count("crates", "all", count, 22, Judged::Yes);
    assert_eq!(of(22), "| crates | all | | 22 | ≤ 22 | met |");
    assert_eq!(of(23), "| crates | all | | 23 | ≤ 22 | **missed** |");
    let quick = row::of_count("crates", "all", 23, 22, Judged::No);
    assert_eq!(quick, "| crates | all | | 23 | ≤ 22 | not judged |");
}

#[test]
fn what_was_skipped_says_why_and_has_no_verdict() {
    assert_eq!(row::of_skipped("idle", "no clock"), "| idle | | | skipped: no clock | | |");
}
