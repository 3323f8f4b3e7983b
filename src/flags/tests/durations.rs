//! F12: durations have units, no month or year, and print so that they can be read back.

#![allow(clippy::duration_suboptimal_units)] // seconds beside each text are easier to compare

use std::time::Duration;

use crate::flags::value::duration::{format, parse};

#[test]
fn f12_numbers_with_units_add_up() {
    let rows = [
        ("500ms", Duration::from_millis(500)),
        ("30s", Duration::from_secs(30)),
        ("1h30m", Duration::from_secs(5_400)),
        ("1h 30m", Duration::from_secs(5_400)),
        ("1.5s", Duration::from_millis(1_500)),
        (".5 h", Duration::from_secs(1_800)),
        ("2d", Duration::from_secs(172_800)),
        ("10min", Duration::from_secs(600)),
        ("250us", Duration::from_micros(250)),
        ("250µs", Duration::from_micros(250)),
        ("250μs", Duration::from_micros(250)),
        ("7ns", Duration::from_nanos(7)),
        ("1_000ms", Duration::from_secs(1)),
        ("0.1ns", Duration::ZERO),
        ("0", Duration::ZERO),
        ("0s", Duration::ZERO),
        ("18446744073709551615s999999999ns", Duration::MAX),
    ];
    for (text, duration) in rows {
        assert_eq!(parse(text), Ok(duration), "{text}");
    }
}

#[test]
fn f12_a_bare_number_is_refused_with_what_to_write() {
    assert_eq!(
        parse("30").unwrap_err().to_string(),
        "the unit is missing\n  tip: write 30s for seconds, or 30ms for milliseconds"
    );
    assert_eq!(parse("1h30").unwrap_err().why(), "a number has no unit");
}

#[test]
fn f12_what_is_no_duration_is_refused_with_the_reason() {
    let rows = [
        ("", "no duration given"),
        ("s", "not a number with a unit"),
        ("-1s", "a duration cannot be negative"),
        ("1month", "unknown unit 'month'"),
        ("1M", "unknown unit 'M'"),
        ("1y", "unknown unit 'y'"),
        ("1S", "unknown unit 'S'"),
        ("30m1h", "'h' is repeated or out of order"),
        ("1s1s", "'s' is repeated or out of order"),
        ("1s,2ms", "not a number with a unit"),
        ("1:30", "a number has no unit"),
        ("18446744073709551616s", "too large"),
        ("1e40d", "too large"),
        ("18446744073709551615s1000ms", "too large"),
    ];
    for (text, why) in rows {
        assert_eq!(parse(text).unwrap_err().why(), why, "{text:?}");
    }
}

#[test]
fn f12_format_leaves_out_what_is_zero() {
    let rows = [
        (Duration::ZERO, "0s"),
        (Duration::from_secs(5_400), "1h30m"),
        (Duration::from_millis(1_500), "1s500ms"),
        (Duration::from_secs(86_400), "1d"),
        (Duration::from_nanos(1_001), "1us1ns"),
    ];
    for (duration, text) in rows {
        assert_eq!(format(duration), text);
    }
}
