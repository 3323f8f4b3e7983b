//! F11: sizes are read exactly, and printed so that they can be read back.

use crate::Bytes;

fn size(text: &str) -> Result<u64, String> {
    text.parse().map(Bytes::get).map_err(|error| error.to_string())
}

#[test]
fn f11_every_row_of_the_table_reads_as_it_says() {
    let rows = [
        ("0", 0),
        ("1b", 1),
        ("1 byte", 1),
        ("2 bytes", 2),
        ("+1", 1),
        ("1.9", 1),
        ("1.5B", 1),
        ("1k", 1000),
        ("1KB", 1000),
        ("1  KB", 1000),
        ("1Ki", 1024),
        ("1kIb", 1024),
        ("1.5Gi", 1_610_612_736),
        ("1024 M", 1_024_000_000),
        (".5K", 500),
        ("5.", 5),
        ("1.001KB", 1001),
        ("1e3", 1000),
        ("1e+3", 1000),
        ("1e3KB", 1_000_000),
        ("1_000", 1000),
        ("1e-3KB", 1),
        ("1E", 1_000_000_000_000_000_000),
        ("1.1GiB", 1_181_116_006),
        ("9007199254740993", 9_007_199_254_740_993),
        ("8.00EiB", 1 << 63),
        ("  7 kb ", 7000),
        ("1EB", 1_000_000_000_000_000_000),
        ("1ei", 1 << 60),
        ("18446744073709551615", u64::MAX),
        ("18446744073709551615.9", u64::MAX),
        ("15.9999999999999999999EiB", u64::MAX),
        ("0e99999999999999999999E", 0),
    ];
    for (text, bytes) in rows {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn f11_every_unit_stands_for_its_power() {
    for (power, letter) in (1..).zip(["k", "m", "g", "t", "p", "e"]) {
        let (decimal, binary) = (1000_u64.pow(power), 1024_u64.pow(power));
        for text in [letter.to_owned(), format!("{letter}b"), letter.to_uppercase()] {
            assert_eq!(size(&format!("1{text}")), Ok(decimal), "{text}");
            assert_eq!(size(&format!("3 {text}")), Ok(3 * decimal), "{text}");
        }
        for text in [format!("{letter}i"), format!("{letter}ib"), format!("{letter}IB")] {
            assert_eq!(size(&format!("1{text}")), Ok(binary), "{text}");
        }
    }
}

#[test]
fn f11_what_does_not_fit_is_too_large_and_never_wraps() {
    for text in ["16EiB", "1e30", "1e3E", "18446744073709551616", "1e999999999999999999999", "19E"]
    {
        let why = size(text).unwrap_err();
        assert_eq!(why, "too large: the most is 18446744073709551615 bytes", "{text}");
    }
}

#[test]
fn f11_what_is_no_size_is_refused_with_the_reason() {
    let rows = [
        ("", "no size given"),
        ("  ", "no size given"),
        ("KB", "not a number with a unit"),
        (".", "not a number with a unit"),
        ("-1", "a size cannot be negative"),
        ("-0", "a size cannot be negative"),
        ("NaN", "not a number with a unit"),
        ("inf", "not a number with a unit"),
        ("1YB", "unknown unit 'YB'"),
        ("1Kbit", "unknown unit 'Kbit'"),
        ("1 K B", "unknown unit 'K B'"),
        ("1__0", "not a number with a unit"),
        ("_1", "not a number with a unit"),
        ("1_", "not a number with a unit"),
        ("1_K", "not a number with a unit"),
        ("1._5", "not a number with a unit"),
        ("1,000", "unknown unit ',000'"),
        ("0x10", "unknown unit 'x10'"),
        ("1e+", "not a number with a unit"),
        ("++1", "not a number with a unit"),
        ("+ 1", "not a number with a unit"),
        ("1.2.3", "unknown unit '.3'"),
        ("1e3e3", "unknown unit 'e3'"),
        ("1µB", "unknown unit 'µB'"),
    ];
    for (text, why) in rows {
        assert_eq!(size(text), Err(why.to_owned()), "{text:?}");
    }
}

#[test]
fn f11_display_is_the_unit_that_leaves_the_smallest_number() {
    let rows = [
        (0, "0B"),
        (1, "1B"),
        (1000, "1KB"),
        (1023, "1023B"),
        (1024, "1KiB"),
        (1_610_612_736, "1536MiB"),
        (1_024_000_000, "1024MB"),
        (1_024_000, "1000KiB"),
        (1 << 63, "8EiB"),
        (u64::MAX, "18446744073709551615B"),
    ];
    for (bytes, text) in rows {
        assert_eq!(Bytes::new(bytes).to_string(), text);
    }
}

// Fault 11 of the originals: `1024.00KiB`, and `8.00EiB` that could not be read back.
#[test]
fn f11_the_rounded_form_goes_to_the_next_unit_instead_of_1024_of_one() {
    let rows = [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.00KiB"),
        (1536, "1.50KiB"),
        ((1 << 20) - 1, "1.00MiB"),
        ((1 << 20) - 6, "1023.99KiB"),
        (1 << 63, "8.00EiB"),
        (u64::MAX, "15.99EiB"),
    ];
    for (bytes, text) in rows {
        assert_eq!(format!("{:.2}", Bytes::new(bytes)), text);
        assert!(text.parse::<Bytes>().is_ok(), "{text}");
    }
    assert_eq!(format!("{:.0}", Bytes::new(1536)), "2KiB");
    assert_eq!(format!("{:.30}", Bytes::kib(1)), "1.000000000000000000KiB");
}

#[test]
fn f11_a_width_pads_and_does_not_cut() {
    assert_eq!(format!("{:>8.1}|", Bytes::mib(3)), "  3.0MiB|");
    assert_eq!(format!("{:<8}|", Bytes::mib(3)), "3MiB    |");
    assert_eq!(format!("{:1}", Bytes::mib(100)), "100MiB");
}

#[test]
fn constructors_multiply_and_stop_at_the_most() {
    assert_eq!(Bytes::kib(4).get(), 4096);
    assert_eq!(Bytes::gib(1), Bytes::mib(1024));
    assert_eq!(Bytes::gib(u64::MAX), Bytes::MAX);
    assert_eq!(Bytes::from(7).to_usize(), 7);
    assert_eq!(u64::from(Bytes::kib(1)), 1024);
}
