//! What printed text may look like: how wide it is, and whether parts of it stand out. Plain data and
//! the escapes; only `terminal` knows where the text goes.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// What text is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Where text is wrapped.
    pub(crate) width: usize,
    pub(crate) colour: bool,
}

/// What stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Of a section.
    Heading,
    /// The names of a flag.
    Flag,
    Error,
    Tip,
}

/// Lines that are longer are hard to read, however wide the terminal; in narrower ones flags and their
/// texts do not fit beside each other.
const WIDTHS: RangeInclusive<usize> = 40..=100;

impl Screen {
    /// A file, a pipe, a test, a program that has asked for the text: the same for all of them.
    pub(crate) const PLAIN: Self = Self { width: 80, colour: false };

    /// A terminal, of as many columns as it says that it has.
    pub(crate) fn of_terminal(columns: Option<u16>, colour: bool) -> Self {
        // One that does not know says 0.
        let columns = columns.filter(|columns| *columns > 0).map(usize::from);
        let width = columns
            .map_or(Self::PLAIN.width, |columns| columns.clamp(*WIDTHS.start(), *WIDTHS.end()));
        Self { width, colour }
    }

    /// The text with its escapes. They take up no columns, so that wrapping comes first.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> Cow<'_, str> {
        if !self.colour || text.is_empty() {
            return Cow::Borrowed(text);
        }
        let start = match ink {
            Ink::Heading => "\x1b[1;4m", // bold and underlined
            Ink::Flag => "\x1b[1m",
            Ink::Error => "\x1b[1;31m", // bold and red
            Ink::Tip => "\x1b[32m",     // green
        };
        Cow::Owned(format!("{start}{text}\x1b[0m"))
    }

    /// The text of an `Exit`'s stderr, with what its lines begin with painted. The text itself stays
    /// without escapes: whoever gets an `Exit` may print it anywhere.
    pub(crate) fn paint_errors(self, text: &str) -> String {
        const LABELS: [(&str, &str, Ink); 2] =
            [("", "error:", Ink::Error), ("  ", "tip:", Ink::Tip)];

        let mut painted = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let found = LABELS.iter().find_map(|(indent, label, ink)| {
                let rest = line.strip_prefix(indent)?.strip_prefix(label)?;
                Some((*indent, self.paint(*ink, label), rest))
            });
            match found {
                Some((indent, label, rest)) => painted.extend([indent, &label, rest]),
                None => painted.push_str(line),
            }
        }
        painted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: Screen = Screen { colour: true, ..Screen::PLAIN };

    #[test]
    fn f6_a_terminal_has_its_width_within_reason() {
        let width = |columns| Screen::of_terminal(columns, false).width;
        assert_eq!([None, Some(0)].map(width), [80, 80], "it does not know");
        assert_eq!([40, 60, 100].map(|columns| width(Some(columns))), [40, 60, 100]);
        assert_eq!([1, 39, 101, u16::MAX].map(|columns| width(Some(columns))), [40, 40, 100, 100]);
    }

    #[test]
    fn f7_errors_and_tips_stand_out_where_lines_begin_with_them() {
        let text = "error: no error: here\n  tip: a tip: yes\ntry 'kvd --help'\n tip: no\nerror: 2";
        let expected = "\x1b[1;31merror:\x1b[0m no error: here\n  \x1b[32mtip:\x1b[0m a tip: yes\n\
                        try 'kvd --help'\n tip: no\n\x1b[1;31merror:\x1b[0m 2";
        assert_eq!(COLOUR.paint_errors(text), expected);
        assert_eq!(Screen::PLAIN.paint_errors(text), text);
    }
}
