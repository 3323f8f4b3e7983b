//! The name that was probably meant (F7). The one file that knows `strsim`.

/// How alike two names have to be, from 0 to 1: two slips in five letters.
const ALIKE: f64 = 0.6;

/// Fewer letters are the beginning of too much.
const SHORTEST_BEGINNING: usize = 3;

/// The one of the names that is meant by one that there is not: it differs in case or in `_` for
/// `-` alone, else in a slip or two of the finger, else it is the only one that begins so.
pub(in crate::flags) fn similar<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    typed: &str,
) -> Option<&'a str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    let typed = plain(typed);
    if let Some(same) = names.clone().find(|name| plain(name) == typed) {
        return Some(same);
    }
    let scored = names.clone().map(|name| (alike(&plain(name), &typed), name));
    // `max_by` takes the last of equals, and the first in the help is to win.
    let best = scored
        .filter(|(score, _)| *score >= ALIKE)
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    if let Some((_, name)) = best {
        return Some(name);
    }
    if typed.chars().count() < SHORTEST_BEGINNING {
        return None;
    }
    let mut beginning = names.filter(|name| plain(name).starts_with(&typed));
    beginning.next().filter(|_| beginning.next().is_none())
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
