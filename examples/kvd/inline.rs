//! Inline commands: `SET a "b c"` on a line, as a person types it into a terminal connection.

use std::iter::Peekable;
use std::ops::Range;

use crate::resp::Malformed;

/// Splits an inline command at spaces, as Redis does: `"…"` with escapes and `'…'` without.
pub(crate) fn split(
    line: &[u8],
    text: &mut Vec<u8>,
    words: &mut Vec<Range<usize>>,
) -> Result<(), Malformed> {
    text.clear();
    let mut rest = line.iter().copied().peekable();
    loop {
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
        if rest.peek().is_none() {
            return Ok(());
        }
        let begin = text.len();
        while let Some(byte) = rest.next_if(|byte| !byte.is_ascii_whitespace()) {
            if byte != b'"' && byte != b'\'' {
                text.push(byte);
                continue;
            }
            loop {
                match rest.next().ok_or(Malformed::UnbalancedQuotes)? {
                    end if end == byte => break,
                    b'\\' if byte == b'"' => text.push(escaped(&mut rest)?),
                    b'\\' if rest.next_if_eq(&b'\'').is_some() => text.push(b'\''),
                    other => text.push(other),
                }
            }
            // A closing quote ends the word: `"a"b` is an error in Redis too.
            if rest.peek().is_some_and(|next| !next.is_ascii_whitespace()) {
                return Err(Malformed::UnbalancedQuotes);
            }
        }
        words.push(begin..text.len());
    }
}

/// What follows a backslash between double quotes.
fn escaped(rest: &mut Peekable<impl Iterator<Item = u8> + Clone>) -> Result<u8, Malformed> {
    let byte = rest.next().ok_or(Malformed::UnbalancedQuotes)?;
    Ok(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        b'x' => {
            let mut ahead = rest.clone();
            let mut digit = || ahead.next().and_then(|byte| char::from(byte).to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => {
                    rest.nth(1);
                    u8::try_from(high * 16 + low).unwrap_or(b'x')
                }
                _ => b'x',
            }
        }
        other => other,
    })
}
