//! `Bytes`, a size in bytes: read from `1.5Gi` or `64 MB`, printed so that it can be read back
//! (F11). It knows nothing of flags.

use std::fmt;
use std::str::FromStr;

use super::decimal::Decimal;

/// A size in bytes.
///
/// It is read from a number and a unit: `512`, `1.5GiB`, `64 MB`, `1e3k`. Units are `B`, `KB` to
/// `EB` (powers of 1000) and `KiB` to `EiB` (powers of 1024), with or without the `B`, in either
/// case; without a unit it is bytes. `_` may stand between digits. The arithmetic is exact, a fraction of a byte is cut, and what
/// does not fit into 64 bits is an error.
///
/// `{}` prints a form that reads back as exactly the same size; `{:.2}` rounds to two decimals for
/// people to read.
///
/// # Examples
///
/// ```
/// use rungroup::Bytes;
///
/// let cache: Bytes = "1.5GiB".parse()?;
/// assert_eq!(cache, Bytes::mib(1536));
/// assert_eq!(cache.to_string(), "1536MiB");
/// assert_eq!(format!("{cache:.2}"), "1.50GiB");
/// assert_eq!("10 MB".parse::<Bytes>()?.get(), 10_000_000);
/// # Ok::<(), rungroup::ParseBytesError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

/// The units by the letter they begin with: the power of 1000, or of 1024, that each stands for.
const LETTERS: [char; 6] = ['k', 'm', 'g', 't', 'p', 'e'];

/// Binary units with the shift they stand for, the largest first.
const BINARY: [(&str, u32); 6] =
    [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];

/// Decimal units with the power of ten they stand for, the largest first.
const DECIMAL: [(&str, u32); 6] =
    [("EB", 18), ("PB", 15), ("TB", 12), ("GB", 9), ("MB", 6), ("KB", 3)];

impl Bytes {
    /// No bytes.
    pub const ZERO: Bytes = Bytes(0);
    /// The largest size: 2⁶⁴ - 1 bytes.
    pub const MAX: Bytes = Bytes(u64::MAX);

    /// So many bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// const PAGE: Bytes = Bytes::new(4096);
    /// assert_eq!(PAGE, Bytes::kib(4));
    /// ```
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many KiB (1024 bytes); more than fits is [`MAX`](Self::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// assert_eq!(Bytes::kib(64).get(), 65_536);
    /// ```
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// So many MiB (1024² bytes); more than fits is [`MAX`](Self::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// assert_eq!(Bytes::mib(1), Bytes::kib(1024));
    /// assert_eq!(Bytes::mib(u64::MAX), Bytes::MAX);
    /// ```
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// So many GiB (1024³ bytes); more than fits is [`MAX`](Self::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// assert_eq!(Bytes::gib(2).to_string(), "2GiB");
    /// ```
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 30))
    }

    /// The number of bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// let file = 10_000_000;
    /// assert!(file < Bytes::mib(10).get());
    /// ```
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory; `usize::MAX` where it does not fit.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Bytes;
    ///
    /// let buffer: Vec<u8> = Vec::with_capacity(Bytes::kib(4).to_usize());
    /// assert!(buffer.capacity() >= 4096);
    /// ```
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<u64> for Bytes {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for u64 {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl FromStr for Bytes {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, ParseBytesError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseBytesError(Kind::Empty));
        }
        if text.starts_with('-') {
            return Err(ParseBytesError(Kind::Negative));
        }
        let number = text.strip_prefix('+').unwrap_or(text);
        let (number, rest) = Decimal::scan(number).ok_or(ParseBytesError(Kind::NoNumber))?;
        let unit = rest.trim_start();
        let factor =
            factor(unit).ok_or_else(|| ParseBytesError(Kind::UnknownUnit(unit.to_owned())))?;
        let bytes = number.times(factor).and_then(|bytes| u64::try_from(bytes).ok());
        bytes.map(Self).ok_or(ParseBytesError(Kind::TooLarge))
    }
}

/// How many bytes a unit stands for.
fn factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    if matches!(unit.as_str(), "" | "b" | "byte" | "bytes") {
        return Some(1);
    }
    let power = LETTERS.iter().position(|letter| unit.starts_with(*letter))? + 1;
    let power = u32::try_from(power).ok()?;
    match &unit[1..] {
        "" | "b" => 1000_u64.checked_pow(power),
        "i" | "ib" => 1024_u64.checked_pow(power),
        _ => None,
    }
}

/// Without a precision: lossless, in the unit that leaves the smallest whole number. With one: in
/// the binary unit that fits, rounded half up to at most 18 decimals; bytes stay whole.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match f.precision() {
            None => self.lossless(),
            Some(precision) => self.rounded(precision.min(18)),
        };
        // Not `pad`, which would take the precision for a width to cut at.
        f.pad_integral(true, "", &text)
    }
}

impl Bytes {
    fn lossless(self) -> String {
        let binary = BINARY.iter().map(|(unit, shift)| (*unit, 1_u64 << shift));
        let decimal = DECIMAL.iter().map(|(unit, power)| (*unit, 10_u64.pow(*power)));
        binary
            .chain(decimal)
            .filter(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor))
            .map(|(unit, factor)| (self.0 / factor, unit))
            .min_by_key(|(count, _)| *count)
            .map_or_else(|| format!("{}B", self.0), |(count, unit)| format!("{count}{unit}"))
    }

    fn rounded(self, precision: usize) -> String {
        // 2⁶⁴ · 10¹⁸ fits into 128 bits with room for the half.
        let scale = 10_u128.pow(u32::try_from(precision).unwrap_or(0));
        let exact = u128::from(self.0) * scale;
        let mut text = format!("{}B", self.0);
        if self.0 < 1024 {
            return text;
        }
        // Up to the next unit only if this one would show 1024: 1048575 is 1.00MiB.
        for (unit, shift) in BINARY.iter().rev() {
            let one = 1_u128 << shift;
            // Rounded up, the very largest sizes would be 16EiB, which is no size.
            let most = (u128::from(u64::MAX) * scale) >> shift;
            let rounded = ((exact + one / 2) >> shift).min(most);
            let (whole, fraction) = (rounded / scale, rounded % scale);
            text = match precision {
                0 => format!("{whole}{unit}"),
                _ => format!("{whole}.{fraction:0precision$}{unit}"),
            };
            if whole < 1024 {
                break;
            }
        }
        text
    }
}

/// Why a text is not a size.
///
/// # Examples
///
/// ```
/// use rungroup::Bytes;
///
/// let error = "12QB".parse::<Bytes>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown unit 'QB'");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseBytesError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    NoNumber,
    Negative,
    UnknownUnit(String),
    TooLarge,
}

impl ParseBytesError {
    /// What to write instead, where there is something to say.
    pub(super) fn tip(&self) -> Option<&'static str> {
        match self.0 {
            Kind::Empty | Kind::NoNumber => Some("write a number and a unit, as 64MiB"),
            Kind::UnknownUnit(_) => {
                Some("units are B, KB to EB (powers of 1000) and KiB to EiB (powers of 1024)")
            }
            Kind::Negative | Kind::TooLarge => None,
        }
    }
}

impl fmt::Display for ParseBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str("no size given"),
            Kind::NoNumber => f.write_str("not a number with a unit"),
            Kind::Negative => f.write_str("a size cannot be negative"),
            Kind::UnknownUnit(unit) => write!(f, "unknown unit '{unit}'"),
            Kind::TooLarge => write!(f, "too large: the most is {} bytes", u64::MAX),
        }
    }
}

impl std::error::Error for ParseBytesError {}
