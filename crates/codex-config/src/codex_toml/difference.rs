//! What differs between two texts, by the keys that we write.

use toml_edit::{Item, TableLike};

use super::EditError;
use super::outline::Outline;
use super::verify::item_json;

/// Names `notify`, `hooks` and each key of `[otel]` that another text adds, changes or removes, in the
/// order of the alphabet. Where it stands and how it is written makes no difference.
pub fn differences(before: &str, after: &str) -> Result<Vec<String>, EditError> {
    let (before, after) = (Outline::parse(before)?, Outline::parse(after)?);
    let mut keys: Vec<Vec<String>> = vec![vec!["hooks".to_owned()], vec!["notify".to_owned()]];
    let mut in_otel: Vec<String> = [&before, &after].into_iter().flat_map(otel_keys).collect();
    in_otel.sort();
    in_otel.dedup();
    keys.extend(in_otel.into_iter().map(|key| vec!["otel".to_owned(), key]));
    let differs = |path: &Vec<String>| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        before.item(&path).map(item_json) != after.item(&path).map(item_json)
    };
    Ok(keys.iter().filter(|path| differs(path)).map(|path| path.join(".")).collect())
}

fn otel_keys(outline: &Outline<'_>) -> Vec<String> {
    let table = outline.item(&["otel"]).and_then(Item::as_table_like);
    table.into_iter().flat_map(TableLike::iter).map(|(key, _)| key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        assert_eq!(differences(before, after).unwrap(), expected);
    }

    #[test]
    fn keys_are_named_wherever_they_stand() {
        check("", "", &[]);
        check("a = 1", "b = 2", &[]);
        check("", "notify = ['x']\n[otel]\nexporter = 'none'", &["notify", "otel.exporter"]);
        check("notify = ['x']", "notify = [ \"x\" ] # same", &[]);
        check("otel = { a = 1, b = 2 }", "[otel]\nb = 2\nc = 3", &["otel.a", "otel.c"]);
        check(
            "[otel.exporter.otlp-http]\nendpoint = 'a'",
            "[otel]\nexporter = { otlp-http = { endpoint = 'b' } }",
            &["otel.exporter"],
        );
        check("", "[[hooks.Stop]]\nmatcher = 'x'", &["hooks"]);
    }
}
