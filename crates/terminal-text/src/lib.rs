//! Makes text that others wrote fit for a terminal or a log.
//!
//! A model, a workspace, a server or another user of the machine may write characters that move the
//! cursor, set a title, start another line, turn the order of letters around or do not show at all.
//! These functions replace what acts by a picture of it and leave out what is invisible; all other
//! characters stay. They know nothing of where a text comes from or goes to.
//!
//! [`line()`] is for a text within a line, [`lines`] for a text of several lines, [`styled`] for a whole
//! page in which the program itself has set colours, and [`json`] for JSON, which loses nothing.
//! [`chain`] and [`causes`] give an error with its causes as text.

mod chain;

pub use chain::{causes, chain};

use std::fmt::Write as _;

use textwrap::{Options, WordSeparator, WordSplitter};

/// Begins the sequences by which a terminal is controlled.
const ESCAPE: char = '\u{1b}';

/// Characters without an appearance of their own, and those that change in which order others appear:
/// `Default_Ignorable_Code_Point` and `Bidi_Control` of Unicode 17, and the interlinear annotations.
const INVISIBLE: [(char, char); 19] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{1345f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// A text on one line: breaks and tabulators become spaces.
pub fn line(text: &str) -> String {
    filtered(text, |c| match c {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        c => harmless(c),
    })
}

/// A text of several lines: breaks and tabulators stay.
pub fn lines(text: &str) -> String {
    filtered(&text.replace("\r\n", "\n"), |c| match c {
        '\n' | '\t' => Some(c),
        c => harmless(c),
    })
}

/// A page of several lines with colours, which the program has set around texts that went through
/// [`line()`] or [`lines`]. Every other control sequence loses its beginning.
pub fn styled(text: &str) -> String {
    let mut pieces = text.split(ESCAPE);
    let mut page = lines(pieces.next().unwrap_or_default());
    for piece in pieces {
        if is_colour(piece) {
            page.push(ESCAPE);
        } else {
            page.extend(harmless(ESCAPE));
        }
        page.push_str(&lines(piece));
    }
    page
}

/// Breaks the lines of a text between words, so that they fit into `width` columns; what has no space in
/// it, such as a path, stays whole. The first line begins with `first`, all others with `further`.
pub fn wrapped(text: &str, width: usize, first: &str, further: &str) -> String {
    let options = |first| {
        Options::new(width)
            .initial_indent(first)
            .subsequent_indent(further)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
    };
    let lines = text.split('\n').enumerate();
    let lines = lines.map(|(index, line)| {
        textwrap::fill(line, options(if index == 0 { first } else { further }))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// JSON of the same meaning in which every such character is escaped.
pub fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || harmless(c) == Some(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

fn filtered(text: &str, replace: impl Fn(char) -> Option<char>) -> String {
    text.chars().filter_map(replace).collect()
}

/// A character as it may be shown; none for one that does not show.
fn harmless(c: char) -> Option<char> {
    match c {
        // Unicode has a picture for each of these.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => Some('\u{fffd}'),
        c if INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c)) => None,
        c => Some(c),
    }
}

/// Whether what follows an escape sets the colour or weight of letters. Concealing them is no colour.
fn is_colour(sequence: &str) -> bool {
    const COLOURS: [&str; 4] = ["", "0", "1", "2"];
    let parameters = sequence.strip_prefix('[').and_then(|rest| rest.split_once('m'));
    parameters.is_some_and(|(parameters, _)| {
        parameters.split(';').all(|parameter| {
            COLOURS.contains(&parameter)
                || matches!(parameter.parse(), Ok(22 | 30..=37 | 39 | 90..=97))
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_what_is_invisible_is_left_out() {
        for (text, expected) in [
            ("plain, grün, 長い, 🎉", "plain, grün, 長い, 🎉"),
            ("a\u{1b}]0;title\u{7}b", "a␛]0;title␇b"),
            ("a\nb\tc\r\nd", "a b c  d"),
            ("rm\u{202e}gpj.exe\u{2066}x\u{2069}", "rmgpj.exex"),
            ("a\u{200b}b\u{feff}c\u{ad}d", "abcd"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a b c d"),
            ("a\u{9b}31mb\u{9d}c", "a\u{fffd}31mb\u{fffd}c"),
            ("\u{e0041}\u{e0042}x\u{7f}", "x␡"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\r\nb\rc\n\td\u{1b}[2J"), "a\nb␍c\n\td␛[2J");
    }

    #[test]
    fn of_control_sequences_only_colours_stay() {
        assert_eq!(
            styled("\u{1b}[1m\u{1b}[31mred\u{1b}[0m\n"),
            "\u{1b}[1m\u{1b}[31mred\u{1b}[0m\n"
        );
        for sequence in ["[8mhidden", "[2J", "]0;title\u{7}", "[31", "[31;8mx", "[?25l", "c", ""] {
            let shown = styled(&format!("a\u{1b}{sequence}"));
            assert!(shown.starts_with("a␛"), "{shown:?}");
        }
    }

    #[test]
    fn lines_break_between_words_only() {
        assert_eq!(
            wrapped(
                "our part stays in `/home/ada/.codex/config.toml`: a-b\nhint: x",
                20,
                "- ",
                "  "
            ),
            "- our part stays in\n  `/home/ada/.codex/config.toml`:\n  a-b\n  hint: x"
        );
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "a\u{9b}": "b\u{7f}\u{202e}\u{e0041}\u{1b}\n", "c": [1] });
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(text.chars().all(|c| c == '\n' || harmless(c) == Some(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn nothing_that_acts_is_left(text in "\\PC*|.*", control in any::<Vec<char>>()) {
            let text: String = text.chars().chain(control).collect();
            for c in line(&text).chars() {
                prop_assert_eq!(harmless(c), Some(c));
            }
            for c in lines(&text).chars() {
                prop_assert!(matches!(c, '\n' | '\t') || harmless(c) == Some(c));
            }
            prop_assert_eq!(line(&line(&text)), line(&text));
        }
    }
}
