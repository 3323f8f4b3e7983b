//! Durations as people write them, `500ms`, `1h30m`, read and printed without loss (F12). It knows
//! nothing of flags.
//!
//! There is no month and no year: neither has a fixed length. A bare number is refused, because
//! half of the world means seconds by it and the other half milliseconds.

use std::fmt::Write as _;
use std::time::Duration;

use super::decimal::Decimal;
use crate::error::ConfigError;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Units and their nanoseconds, the largest first. The spelling printed is the first of each.
const UNITS: [(&[&str], u64); 7] = [
    (&["d"], 86_400 * NANOS_PER_SECOND),
    (&["h"], 3_600 * NANOS_PER_SECOND),
    (&["m", "min"], 60 * NANOS_PER_SECOND),
    (&["s", "sec"], NANOS_PER_SECOND),
    (&["ms"], 1_000_000),
    (&["us", "µs", "μs"], 1_000), // the micro sign and the Greek letter look alike
    (&["ns"], 1),
];

const UNITS_TIP: &str = "units are d, h, m, s, ms, us and ns, the larger ones first, as in 1h30m";

/// Reads `1h30m`: numbers with units, each unit once, the larger ones first; fractions below a
/// nanosecond are cut. `0` needs no unit.
pub(in crate::flags) fn parse(text: &str) -> Result<Duration, ConfigError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ConfigError::new("no duration given").tip("write a number and a unit, as 30s"));
    }
    if text.starts_with('-') {
        return Err(ConfigError::new("a duration cannot be negative"));
    }
    let mut nanos: u128 = 0;
    let mut units_left = UNITS.as_slice();
    let mut rest = text;
    while !rest.is_empty() {
        let (number, behind) = Decimal::scan(rest)
            .ok_or_else(|| ConfigError::new("not a number with a unit").tip(UNITS_TIP))?;
        let behind = behind.trim_start();
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(end);
        if unit.is_empty() && next.is_empty() && rest.len() == text.len() {
            if number.is_zero() {
                return Ok(Duration::ZERO);
            }
            return Err(ConfigError::new("the unit is missing")
                .tip(format!("write {text}s for seconds, or {text}ms for milliseconds")));
        }
        let place = position(units_left, unit).ok_or_else(|| refused(unit))?;
        let factor = units_left[place].1;
        units_left = &units_left[place + 1..];
        nanos =
            number.times(factor).and_then(|part| nanos.checked_add(part)).ok_or_else(too_large)?;
        rest = next.trim_start();
    }
    let seconds = u64::try_from(nanos / u128::from(NANOS_PER_SECOND)).map_err(|_| too_large())?;
    // The remainder is below 10⁹.
    let below = u32::try_from(nanos % u128::from(NANOS_PER_SECOND)).unwrap_or(0);
    Ok(Duration::new(seconds, below))
}

fn position(units: &[(&[&str], u64)], unit: &str) -> Option<usize> {
    units.iter().position(|(spellings, _)| spellings.contains(&unit))
}

fn refused(unit: &str) -> ConfigError {
    let why = match unit {
        "" => "a number has no unit".to_owned(),
        _ if position(&UNITS, unit).is_some() => format!("'{unit}' is repeated or out of order"),
        _ => format!("unknown unit '{unit}'"),
    };
    ConfigError::new(why).tip(UNITS_TIP)
}

fn too_large() -> ConfigError {
    ConfigError::new("too large")
}

/// The form that [`parse`] reads back as exactly the same duration: `1h30m`, `1s500ms`, `0s`.
pub(in crate::flags) fn format(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (spellings, nanos) in UNITS {
        let count = rest / u128::from(nanos);
        rest %= u128::from(nanos);
        if count > 0 {
            let _ = write!(text, "{count}{}", spellings[0]); // writing to a String cannot fail
        }
    }
    text
}
