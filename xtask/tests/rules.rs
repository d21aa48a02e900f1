//! The rules of the repository, as tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate may depend on crates of lower layers only.
const LAYERS: &[(&str, u8)] = &[
    ("program-log", 1),
    ("processes", 0),
    ("private-files", 0),
    ("terminal-text", 0),
    ("budget", 1),
    ("alerts", 2),
    ("notices", 4),
    ("otlp-model", 1),
    ("pricing", 1),
    ("buffer-api", 1),
    ("codex-home", 1),
    ("codex-config", 2),
    ("scrub", 1),
    ("codex-turn", 2),
    ("machine", 3),
    ("buffer-server", 3),
    ("trace-store", 2),
    ("usage", 3),
    ("codex-import", 4),
    ("codex-live", 3),
    ("spending", 5),
    ("exporters", 3),
    ("otlp-receiver", 3),
    ("dashboard", 4),
    ("delivery", 4),
    ("dispatch", 5),
    ("notify-hook", 6),
    ("exec-proxy", 4),
    ("doctor", 7),
    ("setup", 7),
    ("cli", 8),
];

#[test]
fn every_crate_has_a_layer_and_every_layer_its_crate() {
    let mut folders: Vec<String> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut table: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    table.sort();
    assert_eq!(folders, table);
}

#[test]
fn dependencies_point_down() {
    let layers = LAYERS.iter().copied().collect::<BTreeMap<_, _>>();
    let metadata = stdout("cargo", &["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut arrows = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(from) = layers.get(name) else { continue };
        for dependency in package["dependencies"].as_array().unwrap() {
            // Dev-dependencies count, too: what only a test may use is still known to the crate.
            let dependency = dependency["name"].as_str().unwrap();
            // Its own tests, with more features.
            if dependency == name {
                continue;
            }
            let Some(to) = layers.get(dependency) else { continue };
            arrows += 1;
            assert!(to < from, "{name} (layer {from}) depends on {dependency} (layer {to})");
        }
    }
    assert!(arrows > LAYERS.len(), "only {arrows} dependencies found in the workspace");
}

/// What several crates need has a crate that is named for it, and not a program's.
#[test]
fn no_crate_depends_on_a_program() {
    let metadata = stdout("cargo", &["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let layers = LAYERS.iter().copied().collect::<BTreeMap<_, _>>();
    let is_ours = |package: &&Value| layers.contains_key(package["name"].as_str().unwrap());
    let has_program = |package: &&Value| {
        let targets = package["targets"].as_array().unwrap();
        targets.iter().any(|target| target["kind"][0] == "bin")
    };
    let programs: Vec<&str> = packages
        .iter()
        .filter(is_ours)
        .filter(has_program)
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert!(programs.contains(&"notify-hook") && programs.contains(&"cli"), "{programs:?}");
    for package in packages.iter().filter(is_ours) {
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            assert!(!programs.contains(&dependency), "{} -> {dependency}", package["name"]);
        }
    }
}

/// The crates that other programs use, too.
const LIBRARIES: [&str; 8] = [
    "codex-turn",
    "delivery",
    "exporters",
    "otlp-model",
    "pricing",
    "private-files",
    "scrub",
    "trace-store",
];

/// What these may need beside each other.
const OF_LIBRARIES: [&str; 1] = ["terminal-text"];

#[test]
fn the_libraries_and_the_examples_need_no_other_crates_of_ours() {
    let metadata = stdout("cargo", &["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut checked = 0;
    for package in packages {
        let name = package["name"].as_str().unwrap();
        if name != "examples" && !LIBRARIES.contains(&name) {
            continue;
        }
        checked += 1;
        let is_ours = |name: &&str| packages.iter().any(|package| package["name"] == *name);
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        for ours in dependencies.filter_map(|each| each["name"].as_str()).filter(is_ours) {
            let support = name != "examples" && OF_LIBRARIES.contains(&ours);
            assert!(support || LIBRARIES.contains(&ours), "{name} depends on {ours}");
        }
    }
    assert_eq!(checked, LIBRARIES.len() + 1);
}

/// A program that sends over HTTP does not have the runtime that gRPC needs.
#[test]
fn the_hook_has_an_async_runtime_only_through_the_exporters() {
    let tree =
        ["tree", "--package", "notify-hook", "--edges", "normal", "--prefix", "depth"].as_slice();
    let tree = stdout("cargo", tree);
    let mut path: Vec<&str> = Vec::new();
    let mut seen = Vec::new();
    for line in tree.lines() {
        let (numbered, _) = line.split_once(' ').expect("a version");
        let name = numbered.trim_start_matches(|c: char| c.is_ascii_digit());
        let depth: usize = numbered[..numbered.len() - name.len()].parse().expect("a depth");
        path.truncate(depth);
        path.push(name);
        seen.push(name);
        assert_ne!(name, "axum", "notify-hook depends on it: {path:?}");
        let runs = ["tokio", "hyper-util", "tonic"].contains(&name);
        assert!(!runs || path.contains(&"exporters"), "notify-hook runs {name}: {path:?}");
    }
    assert!(seen.contains(&"ureq") && seen.contains(&"tokio"), "not the tree of the hook:\n{tree}");
}

/// A program that sends over HTTP builds no runtime, no database and no C library but that of TLS.
#[test]
fn the_exporters_over_http_need_nothing_that_other_targets_need() {
    let features = ["--no-default-features", "--features", "http"].as_slice();
    let tree = ["tree", "--package", "exporters", "--edges", "normal", "--prefix", "none"];
    let tree = stdout("cargo", &[tree.as_slice(), features].concat());
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"ureq"), "{tree}");
    for name in ["hyper", "rusqlite", "tokio", "tonic", "zstd"] {
        assert!(!names.contains(&name), "{name} is there:\n{tree}");
    }
}

#[test]
fn no_file_names_a_registry_host() {
    // In two pieces each, or this file would name them.
    let hosts = [
        ("index.", "crates.io"),
        ("static.", "crates.io"),
        ("registry.", "npmjs.org"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("deb.", "debian.org"),
    ]
    .map(|(start, end)| format!("{start}{end}"));
    let tracked = stdout("git", &["ls-files"]);
    assert!(tracked.lines().any(|file| file == "Cargo.lock"), "{tracked}");
    for file in tracked.lines() {
        // A tracked file may have been deleted but not yet committed.
        let Ok(bytes) = std::fs::read(root().join(file)) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for host in &hosts {
            assert!(!text.contains(host), "{file} names {host}");
        }
    }
}

#[test]
fn every_dependency_comes_from_the_default_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let sources: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    assert!(!sources.is_empty());
    for source in sources {
        assert_eq!(source, r#""registry+https://github.com/rust-lang/crates.io-index""#);
    }
}

/// A mistake in its configuration keeps Codex from starting, or from tracing.
#[test]
fn trap_18_the_docs_configure_codex_as_all_its_versions_take_it() {
    let docs = std::fs::read_to_string(root().join("docs/setup.md")).unwrap();
    let (_, block) = docs.split_once("```toml").expect("a configuration");
    let (block, _) = block.split_once("```").expect("its end");
    let lines: Vec<&str> = block.lines().map(str::trim).collect();
    let place = |start: &str| lines.iter().position(|line| line.starts_with(start));
    assert!(
        place("notify = [").expect("a list of words") < place("[").expect("a table"),
        "{block}"
    );
    assert_eq!(lines.iter().filter(|line| **line == "[otel]").count(), 1, "{block}");
    let exporter = lines[place("exporter = {").expect("an inline table")];
    // Up to 0.57 the headers must be there, and `protocol` ever since.
    for part in ["otlp-http", "endpoint = ", "protocol = ", "headers = {}"] {
        assert!(exporter.contains(part), "no {part} in {exporter}");
    }
    // From 0.80 to 0.125 spans go where the logs go unless this is said.
    assert!(lines.contains(&r#"trace_exporter = "none""#), "{block}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a member").to_owned()
}

fn stdout(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
