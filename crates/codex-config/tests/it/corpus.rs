//! Files as people have them, each with what an edit makes of it and what undoing leaves.
//!
//! `tests/data/corpus/<kind>/<case>/` holds `before`, `after` the edit, `changed` by the user since
//! (some by the real `codex mcp add` and `codex features enable`), and `undone`, what is left of that
//! after undoing; or `before` and `refused`, the error. Undoing the unchanged file must give `before`
//! to the byte; of JSON what it means, because its bytes come from the backup. `UPDATE_EXPECT=1` writes all but `before` and `changed`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use codex_config::edit::{self, Setting};
use codex_config::profile::{self, Shell};
use codex_config::{Secret, codex_toml, env_file, hooks_json};
use serde_json::{Value as Json, json};
use serde_yaml::Value;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// An edit of one kind of file; what undoes it is kept as JSON in between, as an installation does.
struct Kind {
    folder: &'static str,
    least: usize,
    /// Whether undoing restored the text: to the byte, where not only the backup of an installation does
    /// that.
    same: fn(&str, &str) -> bool,
    /// Takes the name of the case and its text.
    edit: fn(&str, &str) -> Fallible<(String, String)>,
    undo: fn(&str, &str) -> Fallible<String>,
}

#[test]
fn codex_toml_files() {
    check(&Kind {
        folder: "codex-toml",
        same: |undone, before| undone == before,
        least: 40,
        edit: |_, text| {
            let edited = codex_toml::edit(text, &wanted())?;
            Ok((edited.text, serde_json::to_string(&edited.undo)?))
        },
        undo: |text, record| Ok(codex_toml::undo(text, &serde_json::from_str(record)?)?),
    });
}

#[test]
fn config_yaml_files() {
    check(&Kind {
        folder: "config-yaml",
        same: |undone, before| undone == before,
        least: 10,
        edit: |_, text| {
            let chained = vec![Value::from("notify-send"), "it's \"done\"".into()];
            let settings = [
                ("harnesses.codex.target", Some("arize".into())),
                ("harnesses.codex.project_name", Some("my project".into())),
                ("harnesses.codex.collector.port", Some(4319.into())),
                ("harnesses.codex.chained_notify", Some(chained.into())),
                ("logging.prompts", Some(false.into())),
                ("harnesses.codex.endpoint", None),
            ];
            let settings =
                settings.map(|(key, value)| Setting { key: key.parse().unwrap(), value });
            let edited = edit::set_all(text, &settings)?;
            Ok((edited.text, serde_json::to_string(&edited.undo)?))
        },
        undo: |text, record| Ok(edit::undo(text, &serde_json::from_str(record)?)?),
    });
}

#[test]
fn profile_files() {
    check(&Kind {
        folder: "profile",
        same: |undone, before| undone == before,
        least: 12,
        edit: |name, text| {
            let shell = match name.split('-').next() {
                Some("sh") => Shell::Sh,
                Some("bash") => Shell::Bash,
                Some("zsh") => Shell::Zsh,
                Some("fish") => Shell::Fish,
                Some("powershell") => Shell::PowerShell,
                other => panic!("the shell of {name} is {other:?}"),
            };
            let bin = Path::new("/home/ada/.arize/harness/bin");
            Ok((profile::insert(text, shell, bin, Path::new("/home/ada"))?, String::new()))
        },
        undo: |text, _| Ok(profile::remove(text)?),
    });
}

#[test]
fn env_files() {
    check(&Kind {
        folder: "env-file",
        same: |undone, before| undone == before,
        least: 5,
        edit: |_, text| Ok((env_file::install(text), String::new())),
        undo: |text, _| Ok(env_file::uninstall(text)),
    });
}

#[test]
fn hooks_json_files() {
    check(&Kind {
        folder: "hooks-json",
        same: means_the_same,
        least: 9,
        edit: |_, text| Ok((hooks_json::install(text, &wanted().hooks.unwrap())?, String::new())),
        undo: |text, _| Ok(hooks_json::uninstall(text)?),
    });
}

/// JSON has no comments, so that nothing says what the layout, or an empty list, was before.
fn means_the_same(undone: &str, before: &str) -> bool {
    fn pruned(mut root: Json) -> Json {
        match &mut root {
            Json::Object(map) => {
                *map = std::mem::take(map).into_iter().map(|(k, v)| (k, pruned(v))).collect();
                map.retain(|_, value| *value != json!({}) && *value != json!([]));
            }
            Json::Array(list) => *list = std::mem::take(list).into_iter().map(pruned).collect(),
            _ => {}
        }
        root
    }
    let read = |text: &str| match text.trim() {
        "" => json!({}),
        text => pruned(serde_json::from_str(text).unwrap()),
    };
    read(undone) == read(before)
}

/// What setup wants of Codex.
pub(crate) fn wanted() -> codex_toml::Wanted {
    codex_toml::Wanted {
        notify: Some(vec!["/home/ada/.arize/harness/bin/arize-hook-codex-notify".to_owned()]),
        otel: Some(codex_toml::Otel {
            silence_deltas: true,
            endpoint: "http://127.0.0.1:4318/v1/logs".to_owned(),
            headers: vec![("x-arize-token".to_owned(), Secret::new("t0ken"))],
        }),
        hooks: Some(codex_toml::LifecycleHooks {
            command: "/home/ada/.arize/harness/bin/arize-hook-codex-notify --lifecycle".to_owned(),
            events: vec!["Stop".to_owned(), "Interrupt".to_owned()],
            timeout_seconds: 3,
        }),
    }
}

/// Lists the cases of a kind.
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(folder);
    let mut cases: Vec<_> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn check(kind: &Kind) {
    let cases = cases(kind.folder);
    assert!(cases.len() >= kind.least, "only {} cases of {}", cases.len(), kind.folder);
    for case in cases {
        let before = fs::read_to_string(case.join("before")).unwrap();
        match (kind.edit)(&name(&case), &before) {
            Ok((after, record)) => check_edited(kind, &case, &before, &after, &record),
            Err(refusal) => expect_file(&case.join("refused"), &chain(&*refusal)),
        }
    }
}

fn check_edited(kind: &Kind, case: &Path, before: &str, after: &str, record: &str) {
    let shown = case.display();
    expect_file(&case.join("after"), after);
    let (again, _) =
        (kind.edit)(&name(case), after).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(again, after, "{shown}: a second edit changes nothing");
    let undone = (kind.undo)(after, record).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert!((kind.same)(&undone, before), "{shown}: undoing leaves {undone:?} of {before:?}");
    let changed = fs::read_to_string(case.join("changed")).unwrap();
    assert_ne!(changed, after, "{shown}: nothing was changed");
    let undone = (kind.undo)(&changed, record).unwrap_or_else(|error| panic!("{shown}: {error}"));
    expect_file(&case.join("undone"), &undone);
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

fn chain(error: &dyn Error) -> String {
    let source = error.source().map(chain).unwrap_or_default();
    format!("{error}\n{source}")
}

fn expect_file(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, text).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}
