//! Takes keys out of a text that no [`Undo`](super::Undo) knows of.

use std::ops::Range;

use super::outline::{Entry, Outline};
use super::{EditError, REPLACED, hooks, verify};
use crate::lines::{line_before, splice, split_bom, without_all};

/// Takes a key out with everything below it, and the headers around it that this leaves with nothing.
///
/// For settings that an installation by hand or another program wrote; comments stay.
pub fn remove(text: &str, path: &[&str]) -> Result<String, EditError> {
    let (bom, body) = split_bom(text);
    let outline = Outline::parse(body)?;
    if outline.item(path).is_none() {
        return Ok(text.to_owned());
    }
    let mut result = match path {
        [table, key] if outline.inline_table(&[table]).is_some() => {
            match outline.inline_element(table, key) {
                Some(range) => splice(body, vec![(range, String::new())]),
                None => body.to_owned(),
            }
        }
        _ => without_all(
            body,
            outline.below(path).map(|(_, entry)| lines(&outline, entry)).collect(),
        ),
    };
    for table in (1..path.len()).rev().map(|depth| &path[..depth]) {
        let outline = Outline::parse(&result)?;
        let nothing_below = outline.below(table).count() == 1;
        if let (true, Some(header)) = (nothing_below, outline.header(table)) {
            result = without_all(&result, vec![lines(&outline, &outline.entries[header])]);
        }
    }
    verify::same_but(body, &result, &[path])?;
    match Outline::parse(&result)?.item(path) {
        None => Ok(format!("{bom}{result}")),
        Some(_) => {
            let reason = "the form in which it is written stands in the way";
            Err(EditError::Unsafe { key: path.join("."), reason })
        }
    }
}

/// Takes a key of ours out and makes lines again of the comments above it, which say what it replaced.
///
/// Of several replacements, one above the other, the last is put back; the others stay comments.
pub fn restore(text: &str, path: &[&str]) -> Result<String, EditError> {
    let (bom, body) = split_bom(text);
    let outline = Outline::parse(body)?;
    let ours: Vec<_> = outline.below(path).map(|(_, entry)| outline.lines(entry)).collect();
    let mut replaced = Vec::new();
    let mut at = ours.first().map_or(0, |first| first.start);
    while let Some(above) = line_before(body, at)
        && body[above.clone()].starts_with(REPLACED)
    {
        at = above.start;
        replaced.insert(0, above);
    }
    for first in 0..replaced.len() {
        let uncommented = replaced[first..].iter().cloned().map(|line| {
            let was = body[line.clone()][REPLACED.len()..].to_owned();
            (line, was)
        });
        let nothing = ours.iter().cloned().map(|lines| (lines, String::new()));
        let restored = splice(body, uncommented.chain(nothing).collect());
        let has_key = Outline::parse(&restored).is_ok_and(|outline| outline.item(path).is_some());
        if has_key && verify::same_but(body, &restored, &[path]).is_ok() {
            return Ok(format!("{bom}{restored}"));
        }
    }
    remove(text, path)
}

/// Gives the lines of an entry; a header's with the blank line above it.
fn lines(outline: &Outline<'_>, entry: &Entry) -> Range<usize> {
    let lines = outline.lines(entry);
    match line_before(outline.text, lines.start) {
        Some(above) if !entry.is_value() && outline.text[above.clone()].trim().is_empty() => {
            above.start..lines.end
        }
        _ => lines,
    }
}

/// Takes a command out of a lifecycle event, with the group around it when nothing else is in it.
pub fn remove_hook(text: &str, event: &str, command: &str) -> Result<String, EditError> {
    let (bom, body) = split_bom(text);
    let without = hooks::without(body, event, command, true)?;
    Ok(without.map_or_else(|| text.to_owned(), |without| format!("{bom}{without}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_goes_and_others_stay() {
        let theirs = "[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = 'command'\ncommand = 'bell'\n";
        let ours = "\n[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = 'command'\ncommand = 'hook'\n";
        let text = format!("{theirs}{ours}");
        assert_eq!(remove_hook(&text, "Stop", "hook").unwrap(), theirs);
        assert_eq!(remove_hook(theirs, "Stop", "hook").unwrap(), theirs);
    }

    #[test]
    fn what_a_key_replaced_is_put_back() {
        let check = |path: &[&str], before: &str, after: &str| {
            assert_eq!(restore(before, path).unwrap(), after);
        };
        check(
            &["notify"],
            "a = 1\n# replaced by arize-codex: notify = [\n# replaced by arize-codex:   'bell', # x\n\
             # replaced by arize-codex: ]\nnotify = ['hook']\n\n[b]\n",
            "a = 1\nnotify = [\n  'bell', # x\n]\n\n[b]\n",
        );
        check(
            &["otel", "exporter"],
            "[otel]\n# replaced by arize-codex: exporter = 'none'\n# replaced by arize-codex: \
             exporter = 'statsig'\nexporter = 'ours'\n",
            "[otel]\n# replaced by arize-codex: exporter = 'none'\nexporter = 'statsig'\n",
        );
        // A comment of another key, and one that says nothing any more.
        check(
            &["notify"],
            "# replaced by arize-codex: a = 1\nnotify = ['hook']\n",
            "# replaced by arize-codex: a = 1\n",
        );
        check(
            &["notify"],
            "# replaced by arize-codex: notify = [\nnotify = ['hook']\n",
            "# replaced by arize-codex: notify = [\n",
        );
        check(&["notify"], "notify = ['hook']\n", "");
        check(&["notify"], "a = 1\n", "a = 1\n");
    }

    #[test]
    fn what_codex_noted_of_a_hook_goes_with_its_headers() {
        let path = ["hooks", "state", "/c/config.toml:stop:0:0"];
        let ours = "[hooks.state.\"/c/config.toml:stop:0:0\"]\ntrusted_hash = \"sha256:0\"\n";
        let theirs = "[hooks.state.\"/c/hooks.json:stop:0:0\"]\ntrusted_hash = \"sha256:1\"\n";
        check(&format!("a = 1\n\n[hooks.state]\n\n{ours}"), &path, "a = 1\n");
        check(&format!("a = 1\n\n{ours}"), &path, "a = 1\n");
        check(&format!("{theirs}\n{ours}"), &path, theirs);
        check(
            &format!("[hooks.state]\n{theirs}\n{ours}\n[b]\n"),
            &path,
            &format!("[hooks.state]\n{theirs}\n[b]\n"),
        );
    }

    #[track_caller]
    fn check(before: &str, path: &[&str], after: &str) {
        assert_eq!(remove(before, path).unwrap(), after);
        assert_eq!(remove(after, path).unwrap(), after);
    }

    #[test]
    fn a_key_goes_in_whatever_form_it_is_written() {
        let exporter = ["otel", "exporter"];
        check("a = 1\nnotify = [\n  'x', # y\n]\n\n[b]\n", &["notify"], "a = 1\n\n[b]\n");
        check("a = 1\n\n[otel.exporter.otlp-http]\nendpoint = 'x'", &exporter, "a = 1");
        check("[otel]\n[otel.exporter.otlp-http]\nendpoint = 'x'\n", &exporter, "");
        check("[otel]\nexporter = 'none'\nb = 1\r\n", &exporter, "[otel]\nb = 1\r\n");
        check("otel.exporter = 'x'\notel.b = 1\n", &exporter, "otel.b = 1\n");
        check("otel = { exporter = 'x', b = 1 }\n", &exporter, "otel = { b = 1 }\n");
        check("[b]\nc = 1 # d\n", &exporter, "[b]\nc = 1 # d\n");
    }
}
