//! What a server said, made fit for an error message.

/// Longest excerpt of an answer in an error, in characters.
const SHOWN_CHARS: usize = 300;

/// Text of a server for an error message: credentials replaced, then cleaned, then cut. Of a web page
/// only the title says something.
pub(crate) fn shown(text: &str, secrets: &[String]) -> String {
    if is_web_page(text) {
        return match title(text) {
            Some(title) => format!("a web page, `{}`", shown(title, secrets)),
            None => "a web page".to_owned(),
        };
    }
    let text = secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
    let text = terminal_text::line(&text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "(no text)".to_owned();
    }
    match words.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn is_web_page(text: &str) -> bool {
    let text = text.trim_start().as_bytes();
    let begins = |with: &str| {
        text.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with.as_bytes()))
    };
    begins("<!doctype html") || begins("<html")
}

/// The title of a web page, in the form in which nearly all of them have it.
fn title(page: &str) -> Option<&str> {
    let title = page.split_once("<title>")?.1.split_once("</title>")?.0;
    (!title.trim().is_empty() && !is_web_page(title)).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(text, &["sk-12345678".to_owned()]), expected);
    }

    #[test]
    fn answers_are_one_clean_line() {
        check("Unsupported content type: x", "Unsupported content type: x");
        check("\u{1b}[31mred\u{7}\r\n  <b>x</b>\0", "␛[31mred␇ <b>x</b>␀");
        check(" \n ", "(no text)");
        check("<!DOCTYPE HTML>\n<html><title>Not\nfound</title>\n…", "a web page, `Not found`");
        check("\n<html><head><title> </title>", "a web page");
        check("<htm", "<htm");
        check(&"ü".repeat(300), &"ü".repeat(300));
        check(&"ü".repeat(301), &format!("{}…", "ü".repeat(300)));
    }

    #[test]
    fn a_credential_is_gone_even_where_the_cut_would_split_it() {
        check("Invalid token sk-12345678!", "Invalid token …!");
        check(&format!("{}sk-12345678", "x".repeat(295)), &format!("{}…", "x".repeat(295)));
    }
}
