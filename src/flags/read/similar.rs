//! The name that was probably meant (F7). The one file that knows `strsim`.

use std::ffi::OsStr;

use crate::flags::source::printable;

/// How alike two names have to be, from 0 to 1: two slips in five letters.
const ALIKE: f64 = 0.6;

/// Fewer letters are the beginning of too much.
const SHORTEST_BEGINNING: usize = 3;

/// A name that is longer is not shown in full, and is nobody's slip of the finger.
const LONGEST: usize = 100;

/// A name as errors show it.
pub(super) fn named(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", printable(OsStr::new(&name[..end]))),
        None => printable(OsStr::new(name)),
    }
}

/// No more than so many names are offered.
const MOST: usize = 3;

/// What to say of a name that there is not: `a similar flag exists: '--listen'`. `kind` is what a
/// name is that of, and `dashes` what stands before it.
pub(super) fn tip<'a>(
    kind: &str,
    dashes: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    typed: &str,
) -> Option<String> {
    let meant = similar(names, typed);
    let quoted: Vec<String> = meant.iter().map(|name| format!("'{dashes}{name}'")).collect();
    match quoted.as_slice() {
        [] => None,
        [name] => Some(format!("a similar {kind} exists: {name}")),
        names => Some(format!("similar {kind}s exist: {}", names.join(", "))),
    }
}

/// The names that are meant by one that there is not: the one that differs in case or in `_` for
/// `-` alone, else those that begin so, else the one that a slip or two of the finger makes of it.
fn similar<'a>(names: impl Iterator<Item = &'a str> + Clone, typed: &str) -> Vec<&'a str> {
    if typed.len() > LONGEST {
        return Vec::new();
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    let typed = plain(typed);
    if let Some(same) = names.clone().find(|name| plain(name) == typed) {
        return vec![same];
    }
    if typed.chars().count() >= SHORTEST_BEGINNING {
        let beginning = names.clone().filter(|name| plain(name).starts_with(&typed));
        let beginning: Vec<&str> = beginning.take(MOST).collect();
        if !beginning.is_empty() {
            return beginning;
        }
    }
    let scored = names.map(|name| (alike(&plain(name), &typed), name));
    // `max_by` takes the last of equals, and the first in the help is to win.
    let best = scored
        .filter(|(score, _)| *score >= ALIKE)
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, name)| name).into_iter().collect()
}

/// How alike two names are in what comes after the words that they begin with together: to
/// `server-old`, `server-idle` is no more alike than `idle` is to `old`.
fn alike(one: &str, other: &str) -> f64 {
    let same = |(one, other): &(&str, &str)| one == other;
    let common = one.split('-').zip(other.split('-')).take_while(same);
    let common: usize = common.map(|(word, _)| word.len() + 1).sum();
    let rest = |name: &'_ str| name.get(common..).unwrap_or_default().to_owned();
    strsim::normalized_damerau_levenshtein(&rest(one), &rest(other))
}
