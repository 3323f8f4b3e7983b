//! Text in lines of a width. It counts characters: what is wider on a terminal (CJK) or narrower
//! (combining marks) comes out ragged, never cut. It knows no flags and no escapes.

/// However narrow the page and deep the indentation, a text has this many columns.
const LEAST_ROOM: usize = 16;

/// How many columns there are for a text that is indented.
pub(super) fn room(indent: usize, width: usize) -> usize {
    width.saturating_sub(indent).max(LEAST_ROOM)
}

/// How many columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Goes on with `page`, whose last line is `indent` columns long, with these words; what has no room
/// goes below, as far indented. A word that is wider than the room is not cut, since it is a path or
/// a name to be copied. A word may have blanks in it.
pub(super) fn fill<'a>(
    page: &mut String,
    words: impl IntoIterator<Item = &'a str>,
    indent: usize,
    width: usize,
) {
    let room = room(indent, width);
    let mut used = 0;
    for word in words {
        let length = columns(word);
        if used > 0 && used + 1 + length > room {
            page.push('\n');
            blanks(page, indent);
            used = 0;
        } else if used > 0 {
            page.push(' ');
            used += 1;
        }
        page.push_str(word);
        used += length;
    }
}

pub(super) fn blanks(page: &mut String, count: usize) {
    const BLANKS: &str = "                                        ";

    let mut left = count;
    while left > 0 {
        let some = left.min(BLANKS.len());
        page.push_str(&BLANKS[..some]);
        left -= some;
    }
}

/// Something that is broken at its blanks only if it does not fit a line of its own.
pub(super) fn phrase(text: &str, room: usize) -> impl Iterator<Item = &str> {
    let fits = columns(text) <= room;
    text.split(move |letter| letter == ' ' && !fits)
}

/// Paragraphs and lists as their author has written them: line breaks stay, and long lines are
/// wrapped, those of a list below its text. A line that is indented is not touched: it is a table or
/// an example.
pub(super) fn paragraphs(page: &mut String, text: &str, indent: usize, width: usize) {
    for line in text.trim_end().trim_start_matches(['\n', '\r']).lines().map(str::trim_end) {
        if line.starts_with([' ', '\t']) {
            blanks(page, indent);
            page.push_str(line);
        } else if !line.is_empty() {
            blanks(page, indent);
            let is_item = line.starts_with("- ") || line.starts_with("* ");
            let (bullet, text) = line.split_at(if is_item { "- ".len() } else { 0 });
            page.push_str(bullet);
            let indent = indent + bullet.len();
            if is_plain(text) {
                wrapped(page, text, indent, width);
            } else {
                fill(page, text.split_whitespace(), indent, width);
            }
        }
        page.push('\n');
    }
}

/// Whether a character is a byte and the words are what is between single blanks: as in most texts.
fn is_plain(text: &str) -> bool {
    let mut before = b' ';
    text.bytes().all(|byte| {
        let two_blanks = (before, byte) == (b' ', b' ');
        before = byte;
        matches!(byte, b' '..=b'~') && !two_blanks
    })
}

/// As [`fill`], of a plain text: by the line, and not by the word.
fn wrapped(page: &mut String, text: &str, indent: usize, width: usize) {
    let room = room(indent, width);
    let mut rest = text;
    while rest.len() > room {
        let before = rest.as_bytes()[..=room].iter().rposition(|&byte| byte == b' ');
        let after = || rest.as_bytes()[room..].iter().position(|&byte| byte == b' ');
        // A word that is wider has a line of its own.
        let Some(blank) = before.or_else(|| after().map(|at| room + at)) else { break };
        page.push_str(&rest[..blank]);
        page.push('\n');
        blanks(page, indent);
        rest = &rest[blank + 1..];
    }
    page.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_paragraphs(text: &str, indent: usize, width: usize) -> String {
        let mut page = String::new();
        paragraphs(&mut page, text, indent, width);
        page
    }

    #[test]
    fn f6_a_line_is_as_long_as_it_may_be_and_no_longer() {
        let text = "one two three four five six";
        assert_eq!(in_paragraphs(text, 0, 18), "one two three four\nfive six\n");
        assert_eq!(in_paragraphs(text, 0, 17), "one two three\nfour five six\n");
        assert_eq!(in_paragraphs(text, 2, 20), "  one two three four\n  five six\n");
    }

    #[test]
    fn f6_a_long_word_is_not_cut_and_no_width_is_too_small() {
        let path = "/a/path/that/is/longer/than/the/page";
        assert_eq!(
            in_paragraphs(&format!("in {path} or so"), 2, 20),
            format!("  in\n  {path}\n  or so\n")
        );
        for (indent, width) in [(0, 0), (10, 0), (30, 20), (0, 1)] {
            let text = in_paragraphs("one two three four five", indent, width);
            let blanks = " ".repeat(indent);
            assert_eq!(text, format!("{blanks}one two three\n{blanks}four five\n"));
        }
    }

    #[test]
    fn f6_line_breaks_blank_lines_lists_and_indented_lines_stay() {
        let text = "\nThe first one.\nThe second.\n\n\n- a list of which this is long\n* short\n  \
                    not a list but an example, as it is\n\ta tab\n\n";
        let expected = "
 The first one.
 The second.


 - a list of which
   this is long
 * short
   not a list but an example, as it is
 \ta tab
";
        assert_eq!(in_paragraphs(text, 1, 18), expected[1..]);
        assert_eq!(in_paragraphs("", 4, 80), "");
        assert_eq!(in_paragraphs("\n \n", 4, 80), "");
    }

    #[test]
    fn f6_scripts_of_any_width_are_counted_by_characters_and_never_cut() {
        let text = "値を保存する ディレクトリ。 e\u{301}te\u{301} 👩‍👩‍👧 \u{202e}abc";
        assert_eq!(
            in_paragraphs(text, 2, 20),
            "  値を保存する ディレクトリ。\n  e\u{301}te\u{301} 👩‍👩‍👧 \u{202e}abc\n"
        );
    }

    #[test]
    fn f6_what_is_wrapped_by_the_line_is_what_is_wrapped_by_the_word() {
        arbtest::arbtest(|draw| {
            let lengths: Vec<u8> = draw.arbitrary()?;
            let words: Vec<String> =
                lengths.into_iter().map(|it| "x".repeat(usize::from(it % 32) + 1)).collect();
            let (text, width) = (words.join(" "), draw.int_in_range(0..=60)?);
            assert!(is_plain(&text));
            let (mut by_line, mut by_word) = (String::new(), String::new());
            wrapped(&mut by_line, &text, 3, width);
            fill(&mut by_word, text.split(' ').filter(|word| !word.is_empty()), 3, width);
            assert_eq!(by_line, by_word);
            Ok(())
        });
    }

    #[test]
    fn f6_what_would_move_the_cursor_is_a_blank() {
        for text in ["one\ttwo", "one  two", "one\rtwo", "one\u{b}two", "one\u{3000}two"] {
            assert_eq!(in_paragraphs(text, 0, 80), "one two\n", "{text:?}");
        }
        assert_eq!(in_paragraphs("-   one two three four", 0, 18), "- one two three\n  four\n");
    }

    #[test]
    fn f6_a_phrase_is_broken_only_where_it_has_to_be() {
        let words = |room| phrase("[default: a  b]", room).collect::<Vec<_>>();
        assert_eq!(words(15), ["[default: a  b]"]);
        assert_eq!(words(14), ["[default:", "a", "", "b]"]);
    }
}
