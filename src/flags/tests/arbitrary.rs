//! Properties over many values from a fixed seed: what is printed reads back as the same, and no
//! text at all makes a reader panic. A generator of ten lines does here; what it finds is repeated
//! by the next run as it is.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use super::{ask_with, table};
use crate::flags::value::duration;
use crate::{Bytes, Flag, FlagSet};

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// Small ones, large ones, and those around powers of two, ten and their multiples.
    fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.next() >> self.below(64),
            1 => (1_u64 << self.below(64)).wrapping_add(self.next() % 3).wrapping_sub(1),
            2 => {
                10_u64.pow(u32::try_from(self.below(20)).unwrap()).saturating_mul(self.next() % 99)
            }
            _ => (self.next() % 5000) << self.below(52),
        }
    }

    fn text(&mut self, pieces: &[&str]) -> String {
        (0..self.below(7)).map(|_| pieces[self.below(pieces.len())]).collect()
    }
}

#[test]
fn f11_every_size_reads_back_as_it_was_printed() {
    let mut random = Random(0x5eed_0011);
    for _ in 0..20_000 {
        let size = Bytes::new(random.number());
        assert_eq!(size.to_string().parse(), Ok(size));
        let rounded = format!("{size:.prec$}", prec = random.below(20));
        let read: Bytes = rounded.parse().unwrap_or_else(|why| panic!("{rounded}: {why}"));
        assert!(read.get().abs_diff(size.get()) <= size.get() / 2, "{size} as {rounded}");
    }
}

#[test]
fn f12_every_duration_reads_back_as_it_was_printed() {
    let mut random = Random(0x5eed_0012);
    for _ in 0..20_000 {
        let below = u32::try_from(random.number() % 1_000_000_000).unwrap();
        let duration = Duration::new(random.number(), below);
        let text = duration::format(duration);
        assert_eq!(duration::parse(&text), Ok(duration), "{text}");
    }
}

#[test]
fn no_text_makes_a_reader_panic() {
    let pieces = [
        "0",
        "1",
        "9",
        "18446744073709551615",
        "99999999999999999999999999999999999999999",
        ".",
        "_",
        "e",
        "E",
        "+",
        "-",
        "i",
        "k",
        "KB",
        "EiB",
        "b",
        "s",
        "ms",
        "h",
        "m",
        "d",
        "µ",
        "μs",
        " ",
        "\u{a0}",
        ",",
        "é",
        "\u{1F980}",
        "NaN",
        "\0",
        "0x",
    ];
    let mut random = Random(0x5eed_0013);
    let (mut sizes, mut durations) = (0, 0);
    for _ in 0..100_000 {
        let text = random.text(&pieces);
        if let Ok(size) = text.parse::<Bytes>() {
            sizes += 1;
            assert_eq!(size.to_string().parse(), Ok(size), "{text:?}");
        }
        if let Ok(duration) = duration::parse(&text) {
            durations += 1;
            assert_eq!(duration::parse(&duration::format(duration)), Ok(duration), "{text:?}");
        }
    }
    // The texts are not all nonsense: both readers got something to do.
    assert!(sizes > 1_000 && durations > 1_000, "{sizes} sizes, {durations} durations");
}

#[test]
fn f5_no_command_line_makes_the_parser_panic() {
    let pieces: [&[u8]; 16] = [
        b"-",
        b"--",
        b"=",
        b"l",
        b"v",
        b"listen",
        b"verbose",
        b"peer",
        b"name",
        b"h",
        b"x",
        b"\xff",
        b"\xc3",
        "é".as_bytes(),
        b"false",
        b"",
    ];
    let mut random = Random(0x5eed_0005);
    let mut settings = 0;
    for _ in 0..5_000 {
        let set = FlagSet::new("S")
            .add(&Flag::<u16>::new("listen", 1, "").short('l'))
            .add(&Flag::<bool>::new("verbose", false, "").short('v'))
            .add(&Flag::<Vec<String>>::new("peer", Vec::new(), ""));
        let table = table([("server", set)]);
        let args: Vec<OsString> = (0..random.below(5))
            .map(|_| {
                let parts = (0..random.below(5)).map(|_| pieces[random.below(pieces.len())]);
                OsString::from_vec(parts.collect::<Vec<_>>().concat())
            })
            .collect();
        settings += u32::from(matches!(ask_with(&table, args, &[]), super::Parsed::Settings(_)));
    }
    assert!(settings > 1_000);
}
