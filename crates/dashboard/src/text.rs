//! Texts of others as text: no markup, and nothing that a reader cannot see.

use maud::{Markup, PreEscaped, html};

/// As much of a text as is shown at first.
const SHORT_LINES: usize = 24;
const SHORT_BYTES: usize = 4_000;

/// A text whose invisible characters are named where they stand.
pub(crate) fn visible(text: &str) -> Markup {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_invisible) {
        let (before, after) = rest.split_at(at);
        parts.push(html! { (before) });
        let mut characters = after.chars();
        if let Some(character) = characters.next() {
            let code = u32::from(character);
            parts.push(html! { span.unseen title="an invisible character" { "U+" (format!("{code:04X}")) } });
        }
        rest = characters.as_str();
    }
    parts.push(html! { (rest) });
    PreEscaped(parts.into_iter().map(PreEscaped::into_string).collect())
}

/// The same where there can be no markup: in attributes and titles.
pub(crate) fn plain(text: &str) -> String {
    let named = |character: char| match is_invisible(character) {
        true => format!("[U+{:04X}]", u32::from(character)),
        false => character.to_string(),
    };
    text.chars().map(named).collect()
}

/// On one line, cut to so many characters.
pub(crate) fn line(text: &str, most: usize) -> Markup {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(most) {
        Some((at, _)) => html! { (visible(&words[..at])) "…" },
        None => visible(&words),
    }
}

/// A text with its line breaks; a long one is folded.
pub(crate) fn block(text: &str) -> Markup {
    let text = text.trim_end();
    match cut(text) {
        None => html! { pre { (visible(text)) } },
        Some(short) => html! {
            pre { (visible(short)) }
            details {
                summary { "all " (text.lines().count()) " lines, " (crate::format::bytes(text.len())) }
                pre { (visible(text)) }
            }
        },
    }
}

fn cut(text: &str) -> Option<&str> {
    let mut end = text.len();
    if let Some((at, _)) = text.match_indices('\n').nth(SHORT_LINES - 1) {
        end = at;
    }
    if end > SHORT_BYTES {
        end = text.floor_char_boundary(SHORT_BYTES);
    }
    // A little more is no reason to fold.
    (end + end / 4 < text.len()).then(|| &text[..end])
}

/// Controls, marks of direction, and what has no width: they can make a text look like another one.
fn is_invisible(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => {
            true
        }
        '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        // Fillers, and marks that choose between forms of a sign and can carry a text of their own. The
        // one behind an emoji is common.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{fe00}'..='\u{fe0e}' | '\u{e0100}'..='\u{e01ef}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text_and_invisible_characters_are_named() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text).into_string(), expected);
        check("a <script>&\"", "a &lt;script&gt;&amp;&quot;");
        let mark = |code: &str| {
            format!("<span class=\"unseen\" title=\"an invisible character\">U+{code}</span>")
        };
        check("a\u{202e}b", &format!("a{}b", mark("202E")));
        check("\u{1b}[31mred", &format!("{}[31mred", mark("001B")));
        check("a\u{200b}\u{feff}", &format!("a{}{}", mark("200B"), mark("FEFF")));
        check("a\tb\nü 😀❤\u{fe0f}", "a\tb\nü 😀❤\u{fe0f}");
        check("a\u{e0141}\u{3164}", &format!("a{}{}", mark("E0141"), mark("3164")));
        assert_eq!(plain("a\u{202e}<b>\u{e0101}"), "a[U+202E]<b>[U+E0101]");
    }

    #[test]
    fn long_texts_are_folded_and_whole() {
        let lines = "line\n".repeat(100);
        let shown = block(&lines).into_string();
        assert!(shown.contains("<summary>all 100 lines"), "{shown}");
        assert!(!block("short").into_string().contains("details"));
        let wide = "ü".repeat(9_000);
        assert!(block(&wide).into_string().matches('ü').count() > 9_000);
        assert_eq!(line(" a\n b  c ", 9).into_string(), "a b c");
        assert_eq!(line("ü€😀x", 3).into_string(), "ü€😀…");
    }
}
