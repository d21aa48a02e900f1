//! An error with its causes, as text.

use std::error::Error;

/// The causes of an error, the nearest first.
pub fn causes(error: &dyn Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// An error with its causes, separated by colons. Transports often repeat the text of their cause: it
/// appears once.
pub fn chain(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn each_cause_appears_once() {
        for (texts, expected) in [
            (&["the disk is full"][..], "the disk is full"),
            (
                &["`a` cannot be written", "no space", "ENOSPC"],
                "`a` cannot be written: no space: ENOSPC",
            ),
            (&["io: refused", "refused", "by `b`"], "io: refused: by `b`"),
        ] {
            let link = |source, text: &&'static str| Some(Box::new(Failure { text, source }));
            let error = texts.iter().rev().fold(None, link).unwrap();
            assert_eq!(chain(&error), expected);
        }
    }
}
