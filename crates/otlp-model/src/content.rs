//! What of a turn's contents may leave, and how much of it.

use std::borrow::Cow;

use crate::cut::{mark, parts};

/// Switches and limits for prompts, arguments and outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPolicy {
    /// Prompts, answers, reasoning and other messages are sent.
    pub prompts: bool,
    /// The arguments of tools are sent.
    pub tool_details: bool,
    /// The outputs of tools are sent.
    pub tool_content: bool,
    /// Nothing is sent but numbers, times, ids, statuses, and the names of models, tools and
    /// repositories, whatever the switches above say.
    pub numbers_only: bool,
    /// The longest text that is sent whole, in bytes.
    pub max_bytes: usize,
}

impl Default for ContentPolicy {
    /// Everything is sent, up to 128 KiB a text.
    fn default() -> Self {
        Self {
            prompts: true,
            tool_details: true,
            tool_content: true,
            numbers_only: false,
            max_bytes: 128 * 1024,
        }
    }
}

/// Which switch decides about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// [`ContentPolicy::prompts`].
    Prompt,
    /// [`ContentPolicy::tool_details`].
    ToolDetails,
    /// [`ContentPolicy::tool_content`].
    ToolContent,
}

/// A text after the policy was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared<'a> {
    /// What may be sent.
    pub text: Cow<'a, str>,
    /// The size of the text before, in bytes, where it was hidden or cut.
    pub original_bytes: Option<usize>,
}

impl ContentPolicy {
    /// What may be sent of a text: all of it, its beginning and its size, or only its size. NUL
    /// characters are dropped (a database behind a backend may refuse the whole span for one).
    pub fn clear<'a>(&self, kind: ContentKind, text: &'a str) -> Cleared<'a> {
        let is_on = match kind {
            ContentKind::Prompt => self.prompts,
            ContentKind::ToolDetails => self.tool_details,
            ContentKind::ToolContent => self.tool_content,
        };
        let allowed = is_on && !self.numbers_only;
        // It may have been cut when it was read.
        let (kept, cut_from) = parts(text);
        let bytes =
            cut_from.map_or(text.len(), |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if !allowed {
            let more = if cut_from.is_some() { "more than " } else { "" };
            let hidden = format!("<redacted: {more}{} chars>", kept.chars().count());
            return Cleared { text: hidden.into(), original_bytes: Some(bytes) };
        }
        if kept.len() > self.max_bytes || cut_from.is_some() {
            let end = kept.floor_char_boundary(self.max_bytes);
            let mut cut = without_nul(&kept[..end]).into_owned();
            cut.push_str(&mark(bytes as u64));
            return Cleared { text: cut.into(), original_bytes: Some(bytes) };
        }
        Cleared { text: without_nul(text), original_bytes: None }
    }
}

/// The text without NUL characters.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &ContentPolicy, text: &str, expected: &str, original: Option<usize>) {
        let cleared = policy.clear(ContentKind::Prompt, text);
        assert_eq!((cleared.text.as_ref(), cleared.original_bytes), (expected, original));
    }

    #[test]
    fn clearing() {
        let open = ContentPolicy { max_bytes: 6, ..ContentPolicy::default() };
        check(&open, "short", "short", None);
        check(&open, "nu\0l", "nul", None);
        check(&open, "fünfzehn", "fünfz… <truncated: 9 bytes in all>", Some(9));
        // Cut before, below the limit or not.
        check(&open, &format!("ab{}", mark(70)), "ab… <truncated: 70 bytes in all>", Some(70));
        let cut = format!("abcdefgh{}", mark(70));
        check(&open, &cut, "abcdef… <truncated: 70 bytes in all>", Some(70));
        let mut boundary = open.clone();
        boundary.max_bytes = 2;
        check(&boundary, "fünf", "f… <truncated: 5 bytes in all>", Some(5));
        let closed = ContentPolicy { prompts: false, ..open };
        check(&closed, "fünf", "<redacted: 4 chars>", Some(5));
        check(&closed, &cut, "<redacted: more than 8 chars>", Some(70));
    }
}
