//! Exact decimal numbers of any length, times a unit: what sizes and durations share (F11, F12).
//! It knows neither of them. No floats: `1.1GiB` is 1181116006 and `9007199254740993` is itself.

/// The digits of a number as written, and where its point is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// The digits' values, most significant first, no leading zeros.
    digits: Vec<u8>,
    /// How many of `digits` are before the point. Negative: that many zeros follow the point first.
    point: i64,
}

/// More digits before the point than any result could have: `u128` holds 38 in full.
const MOST_INTEGER_DIGITS: i64 = 38;

impl Decimal {
    /// Reads an unsigned number at the start of `text`: digits with single `_` between them, a
    /// point, an exponent where `e` is followed by a digit or a sign (else it may be a unit).
    /// Returns it with the rest, or nothing where there is no such number.
    pub(super) fn scan(text: &str) -> Option<(Self, &str)> {
        let mut digits = Vec::new();
        let rest = scan_digits(text, &mut digits)?;
        let mut point = to_i64(digits.len());
        let rest = match rest.strip_prefix('.') {
            Some(fraction) => scan_digits(fraction, &mut digits)?,
            None => rest,
        };
        if digits.is_empty() {
            return None;
        }
        let (exponent, rest) = scan_exponent(rest)?;
        point = point.saturating_add(exponent);
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        Some((Self { digits, point: point.saturating_sub(to_i64(zeros)) }, rest))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// This number times `unit`, the fraction cut; nothing where that is more than a `u128`.
    ///
    /// The part after the point is worked from its last digit to its first,
    /// `(d1·u + (d2·u + …)/10)/10`: flooring each inner quotient does not change the outer floor,
    /// so any number of digits is exact in one word.
    pub(super) fn times(&self, unit: u64) -> Option<u128> {
        if self.is_zero() {
            return Some(0);
        }
        if self.point > MOST_INTEGER_DIGITS {
            return None;
        }
        let unit = u128::from(unit);
        let integer_digits = usize::try_from(self.point).unwrap_or(0);
        let mut integer = 0;
        for place in 0..integer_digits {
            integer = integer * 10 + u128::from(self.digits.get(place).copied().unwrap_or(0));
        }
        let mut fraction = 0;
        for digit in self.digits.iter().skip(integer_digits).rev() {
            fraction = (fraction + u128::from(*digit) * unit) / 10;
        }
        // The zeros right behind the point; after twenty nothing of a `u64` unit is left.
        for _ in self.point.clamp(-20, 0)..0 {
            fraction /= 10;
        }
        integer.checked_mul(unit)?.checked_add(fraction)
    }
}

/// Appends the digits at the start of `text` and returns the rest; nothing where a `_` is not
/// between two digits.
fn scan_digits<'a>(text: &'a str, digits: &mut Vec<u8>) -> Option<&'a str> {
    let mut after_digit = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0'),
            b'_' if after_digit => {}
            b'_' => return None,
            _ => return (index == 0 || after_digit).then(|| &text[index..]),
        }
        after_digit = byte != b'_';
    }
    (text.is_empty() || after_digit).then_some("")
}

/// The exponent at the start of `text`, 0 where there is none; nothing where a sign has no digits.
fn scan_exponent(text: &str) -> Option<(i64, &str)> {
    let Some(after_e) = text.strip_prefix(['e', 'E']) else { return Some((0, text)) };
    let (negative, number) = match after_e.as_bytes().first() {
        Some(b'+') => (false, &after_e[1..]),
        Some(b'-') => (true, &after_e[1..]),
        Some(b'0'..=b'9') => (false, after_e),
        _ => return Some((0, text)),
    };
    let mut digits = Vec::new();
    let rest = scan_digits(number, &mut digits)?;
    if digits.is_empty() {
        return None;
    }
    // Saturated far below what adding to a point could overflow; it is "too large" or 0 by then.
    let size = digits.iter().fold(0_i64, |size, digit| {
        size.saturating_mul(10).saturating_add(i64::from(*digit)).min(i64::MAX / 4)
    });
    Some((if negative { -size } else { size }, rest))
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn times(text: &str, unit: u64) -> Option<u128> {
        let (number, rest) = Decimal::scan(text).unwrap();
        assert_eq!(rest, "");
        number.times(unit)
    }

    #[test]
    fn any_number_of_digits_is_exact() {
        let many = format!("0.{}", "9".repeat(5_000));
        assert_eq!(times(&many, 1), Some(0));
        assert_eq!(times(&many, 1 << 60), Some((1 << 60) - 1));
        let third = "0.3333333333333333333333333333333333333";
        assert_eq!(times(third, 3), Some(0));
        assert_eq!(times("0.1", 10), Some(1));
        assert_eq!(times(&format!("1{}e-400", "0".repeat(400)), 7), Some(7));
        assert_eq!(times(&format!("0.{}1e400", "0".repeat(399)), 7), Some(7));
    }

    #[test]
    fn exponents_beyond_any_number_saturate() {
        assert_eq!(times("1e99999999999999999999999999", 1), None);
        assert_eq!(times("1e-99999999999999999999999999", u64::MAX), Some(0));
        assert_eq!(times("0e99999999999999999999999999", 1), Some(0));
        assert_eq!(times("1e37", 10), Some(10_u128.pow(38)));
        assert_eq!(times("1e37", 100), None);
    }

    #[test]
    fn an_e_without_a_number_behind_it_is_left_to_the_unit() {
        let rest = |text| Decimal::scan(text).map(|(_, rest)| rest);
        assert_eq!(rest("1E"), Some("E"));
        assert_eq!(rest("1eib"), Some("eib"));
        assert_eq!(rest("1e3E"), Some("E"));
        assert_eq!(rest("1e+"), None);
    }
}
