//! What a change does to a file, as a unified diff without credentials.

use std::fmt::Write;

use similar::TextDiff;

/// Shows how a text becomes another one; `None` is a file that does not exist.
pub(crate) fn texts(path: &str, now: Option<&str>, after: Option<&str>) -> String {
    let name = |text: Option<&str>| if text.is_some() { path } else { "/dev/null" }.to_owned();
    let diff = TextDiff::from_lines(now.unwrap_or_default(), after.unwrap_or_default());
    let diff = diff.unified_diff().context_radius(3).header(&name(now), &name(after)).to_string();
    let mut shown = String::with_capacity(diff.len());
    for line in diff.split_inclusive('\n') {
        // A credential may be in what is added, in what is removed and in what is beside it.
        let _ = write!(shown, "{}", masked(line));
    }
    shown
}

/// Hides what a line assigns to a credential's name, with all that follows in the line.
fn masked(line: &str) -> String {
    let text = line.trim_end_matches(['\r', '\n']);
    for (at, _) in text.match_indices([':', '=']) {
        let name = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let begin = name.rfind(|c: char| !c.is_alphanumeric() && !"_-".contains(c));
        let name = &name[begin.map_or(0, |begin| begin + 1)..];
        let value = text[at + 1..].trim();
        let is_nothing =
            matches!(value.trim_end_matches([',', '}', ' ']), "" | "\"\"" | "''" | "{");
        if codex_config::is_secret(name) && !is_nothing {
            return format!("{} ***{}", &text[..=at], &line[text.len()..]);
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show() {
        for (line, shown) in [
            ("+    api_key: sk-1\n", "+    api_key: ***\n"),
            ("     api_key: \"\"\r\n", "     api_key: \"\"\r\n"),
            ("+export PHOENIX_API_KEY=x\n", "+export PHOENIX_API_KEY= ***\n"),
            ("-x = { \"Authorization\" = \"Bearer y\" }\n", "-x = { \"Authorization\" = ***\n"),
            (" headers = {}\n", " headers = {}\n"),
            (" url = \"http://h:1/?a=b\"\n", " url = \"http://h:1/?a=b\"\n"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn a_new_file_and_a_changed_one() {
        let shown = texts("/h/x", None, Some("a\n")) + &texts("/h/y", Some("a\n"), Some("b\n"));
        expect_test::expect![[r"
            --- /dev/null
            +++ /h/x
            @@ -0,0 +1 @@
            +a
            --- /h/y
            +++ /h/y
            @@ -1 +1 @@
            -a
            +b
        "]]
        .assert_eq(&shown);
    }
}
