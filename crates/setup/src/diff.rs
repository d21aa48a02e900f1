//! What a change does to a file, as a unified diff without credentials.

use std::fmt::Write;

use codex_config::codex_toml::REPLACED;
use codex_config::{is_secret, mask_addresses};
use similar::{ChangeTag, TextDiff};

/// Shows how a text becomes another one; `None` is a file that does not exist.
pub(crate) fn texts(path: &str, now: Option<&str>, after: Option<&str>) -> String {
    let name = |text: Option<&str>| if text.is_some() { path } else { "/dev/null" };
    let (old, new) = (lines(now), lines(after));
    let diff = TextDiff::from_slices(&old, &new);
    // A credential may be in what is added, in what is removed and in what is beside it.
    let (old, new) = (masked(&old), masked(&new));
    let mut shown = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        if shown.is_empty() {
            let _ = writeln!(shown, "--- {}\n+++ {}", name(now), name(after));
        }
        let _ = writeln!(shown, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let line = match change.tag() {
                ChangeTag::Insert => change.new_index().map(|at| &new[at]),
                _ => change.old_index().map(|at| &old[at]),
            };
            let line = line.map(String::as_str).unwrap_or_default();
            let hint = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            let _ = write!(shown, "{}{line}{hint}", change.tag());
        }
    }
    shown
}

fn lines(text: Option<&str>) -> Vec<&str> {
    text.unwrap_or_default().split_inclusive('\n').collect()
}

/// Where all values are credentials, whatever they are called: the headers of requests, for one.
enum Region {
    /// To the next header of a table in TOML.
    Table,
    /// As far as lines are indented more than this.
    Below(usize),
}

/// Hides what is assigned to a credential's name, on its line and below it.
fn masked(lines: &[&str]) -> Vec<String> {
    let mut region = None;
    let mask = |line: &&str| {
        let (mark, line) = match line.strip_prefix(REPLACED) {
            Some(line) => (REPLACED, line),
            None => ("", *line),
        };
        let text = line.trim_end_matches(['\r', '\n']);
        let (indentation, content) = text.split_at(text.len() - text.trim_start().len());
        let depth = indentation.len();
        if let Some(Region::Below(above)) = region
            && !(content.is_empty() || depth > above || depth == above && content.starts_with("- "))
        {
            region = None;
        }
        if let (None | Some(Region::Table), Some(table)) = (&region, table(content)) {
            region = is_secret(table).then_some(Region::Table);
        } else if region.is_some() {
            let hidden = if content.is_empty() { "" } else { "***" };
            return format!("{mark}{indentation}{hidden}{}", &line[text.len()..]);
        }
        let assignment = assignment(text);
        if assignment.is_some() {
            region.get_or_insert(Region::Below(depth));
        }
        let shown = mask_addresses(assignment.as_deref().unwrap_or(text));
        format!("{mark}{shown}{}", &line[text.len()..])
    };
    lines.iter().map(mask).collect()
}

/// The last key of a table's header in TOML.
fn table(line: &str) -> Option<&str> {
    let (header, rest) = line.strip_prefix('[')?.rsplit_once(']')?;
    let is_alone = rest.trim().is_empty() || rest.trim_start().starts_with('#');
    header.trim_end_matches(']').rsplit('.').next().filter(|_| is_alone)
}

/// A line that assigns something to a credential's name, without that and all that follows.
fn assignment(text: &str) -> Option<String> {
    text.match_indices([':', '=']).find_map(|(at, _)| {
        let name = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let begin = name.rfind(|c: char| !c.is_alphanumeric() && !"_-".contains(c));
        let name = &name[begin.map_or(0, |begin| begin + 1)..];
        let value = text[at + 1..].trim();
        let is_nothing =
            matches!(value.trim_end_matches([',', '}', ' ']), "" | "\"\"" | "''" | "{");
        is_secret(name).then(|| match is_nothing {
            true => text.to_owned(),
            false => format!("{} ***", &text[..=at]),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(masked(&lines(Some(text))).concat(), shown);
    }

    #[test]
    fn credentials_do_not_show() {
        check("    api_key: sk-1\n", "    api_key: ***\n");
        check("+ endpoint = 'http://me:k@h/?k=v'\n", "+ endpoint = 'http://***@h/?***'\n");
        check("    api_key: \"\"\r\n", "    api_key: \"\"\r\n");
        check("export PHOENIX_API_KEY=x\n", "export PHOENIX_API_KEY= ***\n");
        check("x = { \"Authorization\" = \"Bearer y\" }\n", "x = { \"Authorization\" = ***\n");
        check(
            "headers = {}\nurl = \"http://h:1/a=b\"\n",
            "headers = {}\nurl = \"http://h:1/a=b\"\n",
        );
        check("[ -t 1 ] && API_KEY=k\n", "[ -t 1 ] && API_KEY= ***\n");
        check("x = { headers = {}, token = 'x' }", "x = { headers = ***");
    }

    #[test]
    fn headers_do_not_show_whatever_they_are_called() {
        check(
            "forward:\n  headers:\n    x-team: k\n\n    y: z\n  port: 1\n",
            "forward:\n  headers:\n    ***\n\n    ***\n  port: 1\n",
        );
        check("tokens:\n- sk-1\n- sk-2\na: b", "tokens:\n***\n***\na: b");
        check("api_key: |\n  sk-1: x\na: b\n", "api_key: ***\n  ***\na: b\n");
        check(
            "[a.headers] # b\r\nx-team = 'k'\r\n\r\n[a]\r\nb = 1\r\n",
            "[a.headers] # b\r\n***\r\n\r\n[a]\r\nb = 1\r\n",
        );
        check(
            &format!("{REPLACED}[a.\"headers\"]\n{REPLACED}x-team = 'k'\n[b]\nc = 1\n"),
            &format!("{REPLACED}[a.\"headers\"]\n{REPLACED}***\n[b]\nc = 1\n"),
        );
        check("\"headers\": {\n  \"x\": \"y\"\n},\n", "\"headers\": {\n  ***\n},\n");
    }

    #[test]
    fn a_new_file_and_a_changed_one() {
        let shown = texts("/h/x", None, Some("a\n")) + &texts("/h/y", Some("a\nb\n"), Some("b"));
        expect_test::expect![[r"
            --- /dev/null
            +++ /h/x
            @@ -0,0 +1 @@
            +a
            --- /h/y
            +++ /h/y
            @@ -1,2 +1 @@
            -a
            -b
            +b
            \ No newline at end of file
        "]]
        .assert_eq(&shown);
        assert_eq!(texts("/h/z", Some("a\n"), Some("a\n")), "");
    }

    #[test]
    fn another_credential_is_a_change_that_does_not_show_it() {
        let shown = texts("/h/x", Some("a:\n  token: k\n"), Some("a:\n  token: l\n"));
        assert!(shown.ends_with(" a:\n-  token: ***\n+  token: ***\n"), "{shown}");
    }
}
