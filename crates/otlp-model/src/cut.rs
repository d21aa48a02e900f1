//! Texts that were cut: what is left of them, and how long they were.
//!
//! A text may be cut more than once: while it is read, when the whole turn has too many, and before it
//! is sent. Each time it goes on saying how long it was at first.

/// What follows on the beginning of a text that was cut.
pub fn mark(bytes: u64) -> String {
    format!("{MARK}{bytes}{MARK_END}")
}

const MARK: &str = "… <truncated: ";
const MARK_END: &str = " bytes in all>";

/// The longest number in a mark.
const DIGITS: usize = 20;

/// What is left of a text, and how many bytes it had at first; none where it was not cut.
pub fn parts(text: &str) -> (&str, Option<u64>) {
    let parsed = || {
        let rest = text.strip_suffix(MARK_END)?;
        let digits = rest.bytes().rev().take(DIGITS).take_while(u8::is_ascii_digit).count();
        let (rest, number) = rest.split_at(rest.len() - digits);
        let kept = rest.strip_suffix(MARK)?;
        let bytes = number.parse().ok()?;
        // A command can print this, too.
        (bytes > kept.len() as u64).then_some((kept, bytes))
    };
    parsed().map_or((text, None), |(kept, bytes)| (kept, Some(bytes)))
}

/// Whether a text is this whole one, or what is left of it.
pub fn is_left_of(text: &str, whole: &str) -> bool {
    match parts(text) {
        (kept, Some(bytes)) if bytes == whole.len() as u64 => whole.starts_with(kept),
        _ => text == whole,
    }
}

/// How much more than the limit is kept of a text until its secrets are replaced: one that the limit
/// cuts apart would not be known as a secret.
const MARGIN: usize = 4096;

/// How much is kept, until then, of a text that is cut at `limit` bytes.
pub fn with_margin(limit: usize) -> usize {
    limit.saturating_add(limit.min(MARGIN))
}

/// What is kept of a text of so many bytes that had a margin.
fn without_margin(kept: usize) -> usize {
    kept - (kept / 2).min(MARGIN)
}

/// Cuts a text at `limit` bytes, and a margin.
pub fn cut(text: &mut String, limit: usize) {
    let (kept, bytes) = parts(text);
    let limit = with_margin(limit);
    if kept.len() > limit {
        let bytes = bytes.unwrap_or(text.len() as u64);
        let end = kept.floor_char_boundary(limit);
        text.truncate(end);
        text.push_str(&mark(bytes));
        text.shrink_to_fit();
    }
}

/// Drops the margin of a text that was cut, and the last word before it, where that goes on to the cut:
/// it may be the beginning of a secret that is too long to be known by it.
pub fn drop_margin(text: &mut String) {
    let (kept, Some(bytes)) = parts(text) else { return };
    let end = kept.floor_char_boundary(without_margin(kept.len()));
    let (before, margin) = kept.split_at(end);
    let end = if margin.contains(ends_word) {
        end
    } else {
        before.rfind(ends_word).map_or(0, |at| at + 1)
    };
    // What is longer than any secret of one word is none.
    let end = if before.len() - end > MARGIN { before.len() } else { end };
    text.truncate(end);
    text.push_str(&mark(bytes));
}

/// Whether no secret of one word goes on beyond a character.
fn ends_word(character: char) -> bool {
    character.is_ascii() && (character.is_whitespace() || "\"'`,;<>(){}[]|\\".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_how_long_it_was_however_often_it_is_cut() {
        let mut text = "x".repeat(100);
        cut(&mut text, 50);
        assert_eq!(text, "x".repeat(100));
        cut(&mut text, 20);
        assert_eq!(parts(&text), ("x".repeat(40).as_str(), Some(100)));
        cut(&mut text, 10);
        assert_eq!(parts(&text), ("x".repeat(20).as_str(), Some(100)));
        cut(&mut text, 10);
        assert_eq!(parts(&text), ("x".repeat(20).as_str(), Some(100)));
    }

    #[test]
    fn a_text_that_was_cut_is_known_by_the_whole_one() {
        let whole = "x".repeat(100);
        let mut text = whole.clone();
        cut(&mut text, 20);
        assert!(is_left_of(&text, &whole) && is_left_of(&whole, &whole));
        assert!(!is_left_of(&text, &"x".repeat(101)) && !is_left_of(&text, &"y".repeat(100)));
        // A text may end with a mark of its own.
        assert!(is_left_of(&text, &text.clone()));
        assert!(!is_left_of("x", &whole));
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in ["a", "a… <truncated: 1 bytes in all>", "a… <truncated:  bytes in all>", ""]
        {
            assert_eq!(parts(text), (text, None));
        }
        assert_eq!(parts("a… <truncated: 10 bytes in all>"), ("a", Some(10)));
    }

    #[test]
    fn the_margin_and_a_word_that_goes_on_are_dropped() {
        let check = |text: &str, expected: &str| {
            let mut text = format!("{text}{}", mark(99_999));
            drop_margin(&mut text);
            assert_eq!(parts(&text), (expected, Some(99_999)));
        };
        check("one two three four five six", "one two three ");
        check("one two threefourfivesixseven", "one two ");
        check("onetwothreefourfivesixseven", "");
        let long = "x".repeat(20_000);
        check(&long, &long[..20_000 - MARGIN]);
        let mut whole = "one two three".to_owned();
        drop_margin(&mut whole);
        assert_eq!(whole, "one two three");
    }
}
