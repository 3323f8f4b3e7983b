//! What the benches conclude from their rounds (`benches/paired/statistics.rs`): nothing is measured
//! here.

#[path = "../benches/paired/statistics.rs"]
#[allow(unreachable_pub)]
mod statistics;

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
