//! A text of TOML, read into keys with their values and lines. It knows no flags. The one file that
//! knows `toml`.

use std::ffi::OsString;

use toml::de::{DeTable, DeValue};

/// What a key gives.
pub(super) enum Values {
    One(OsString),
    List(Vec<OsString>),
    /// It is a section without anything in it.
    None,
}

/// One key of the file.
pub(super) struct Key {
    /// The sections that it is in, and its own name.
    pub(super) path: Vec<String>,
    pub(super) values: Values,
    /// The line, the first is 1.
    pub(super) line: usize,
}

/// Everything in the text, in its order; or everything that makes it no file of settings, each with
/// its line.
pub(super) fn keys(text: &str) -> Result<Vec<Key>, Vec<(usize, String)>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<(usize, String)> = errors
        .iter()
        .map(|error| {
            let at = error.span().unwrap_or_default().start;
            (lines.line(at), error.message().replace('\n', ", "))
        })
        .collect();
    let mut keys = Vec::new();
    if faults.is_empty() {
        flatten(table.get_ref(), &lines, &mut Vec::new(), &mut keys, &mut faults);
    }
    if !faults.is_empty() {
        faults.sort();
        return Err(faults);
    }
    keys.sort_by_key(|key| key.line);
    Ok(keys)
}

fn flatten(
    table: &DeTable<'_>,
    lines: &Lines,
    path: &mut Vec<String>,
    keys: &mut Vec<Key>,
    faults: &mut Vec<(usize, String)>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let line = lines.line(key.span().start);
        match value.get_ref() {
            DeValue::Table(inner) if inner.is_empty() => {
                keys.push(Key { path: path.clone(), values: Values::None, line });
            }
            DeValue::Table(inner) => flatten(inner, lines, path, keys, faults),
            DeValue::Array(list) => {
                let one = |value: &toml::Spanned<DeValue<'_>>| {
                    scalar(value.get_ref()).ok_or_else(|| lines.line(value.span().start))
                };
                match list.iter().map(one).collect() {
                    Ok(list) => {
                        keys.push(Key { path: path.clone(), values: Values::List(list), line });
                    }
                    Err(line) => {
                        faults.push((line, "neither lists nor tables in a list".to_owned()));
                    }
                }
            }
            value => {
                let value = scalar(value).unwrap_or_default();
                keys.push(Key { path: path.clone(), values: Values::One(value), line });
            }
        }
        path.pop();
    }
}

/// A value as it would be on the command line.
fn scalar(value: &DeValue<'_>) -> Option<OsString> {
    Some(match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().into(),
        // Of 0x1F the flag's type is told 31; what is too large for every type stays as it is.
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            let prefix = match radix {
                2 => "0b",
                8 => "0o",
                _ => "0x",
            };
            let value = u128::from_str_radix(digits, radix);
            value.map_or_else(|_| format!("{prefix}{digits}"), |value| value.to_string()).into()
        }
        DeValue::Float(number) => number.as_str().into(),
        DeValue::Boolean(value) => value.to_string().into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(_) | DeValue::Table(_) => return None,
    })
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect())
    }

    /// The line of a place, the first is 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}
