//! What the settings keep from leaving, or add.

use std::fs;
use std::path::PathBuf;

use notify_hook::Trigger;
use otlp_model::{SpanBatch, Value};

use crate::home::{Home, NOTHING};

#[test]
fn debug_dumps_hold_what_was_sent_and_are_private() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.run_with(Some(home.payload()), &[("ARIZE_TRACE_DEBUG", "1")]);
    let dump = fs::read_dir(home.paths.state_dir.join("debug")).unwrap().next().unwrap().unwrap();
    assert!(fs::read_to_string(dump.path()).unwrap().contains("List the files"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for entry in walk(&home.dir.path().join(".arize")) {
            let mode = fs::metadata(&entry).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "{}", entry.display());
        }
    }
}

/// In the prompt, the answer, a command and its output, and the notify payload.
#[test]
fn secrets_are_neither_sent_nor_written() {
    const TOKEN: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";
    let home = Home::new("0.169.0/basic");
    let recorded = home.recorded();
    let planted = recorded
        .replace("List the files", &format!("List the files with {TOKEN}"))
        .replace("All done.", "All done, the PASSWORD=correct-horse too.")
        .replace("echo hi; exit 3", "curl -H 'Authorization: Bearer a8f5f167f44f' x; exit 3")
        .replace("Chunk ID: e6a398", &format!("GITHUB_TOKEN={TOKEN}"))
        .replace(
            r#""branch":"master""#,
            r#""branch":"master","repository_url":"https://me:hunter2@h/x.git""#,
        );
    home.write_transcript(&planted);
    let report = home.run_with(None, &[("ARIZE_TRACE_DEBUG", "true")]);
    assert_eq!(report.traced, 1);
    let batch = &home.batches()[0];
    let root = &batch.spans[0];
    let prompt = root.text("input.value").unwrap();
    assert!(prompt.starts_with("List the files with [scrubbed:github-pat:"), "{prompt}");
    assert!(root.int("codex.scrubbed").unwrap() >= 2);
    let sent = format!("{batch:?}");
    let written = walk(&home.paths.state_dir).into_iter();
    let written: Vec<String> =
        written.map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    assert!(written.iter().any(|text| text.contains("scrubbed:github-pat")), "the debug dump");
    for secret in [TOKEN, "correct-horse", "a8f5f167f44f", "hunter2"] {
        assert!(planted.contains(secret));
        assert!(!sent.contains(secret), "{secret}: {sent}");
        assert!(!written.iter().any(|text| text.contains(secret)), "{secret}");
    }
}

#[test]
fn tags_of_the_settings_and_of_the_environment_are_on_the_turn() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let config = "logging: {content: none}\nharnesses: {codex: {tags: [team-a, 'x, y']}}\n";
    home.run_as(Trigger::Retry, &[("ARIZE_TAGS", " ticket-1, x,")], config);
    let root = &home.batches()[0].spans[0];
    let expected = ["team-a", "ticket-1", "x", "y"].map(str::to_owned);
    assert_eq!(root.attribute("tag.tags"), Some(&Value::Strings(expected.to_vec())));
}

/// Neither sent, nor queued, nor in a log or a debug dump.
#[test]
fn without_contents_nothing_of_a_turn_is_in_any_file() {
    const CONTENTS: [&str; 5] = ["List the files", "All done.", "echo hi", "master", "exit 3"];
    for (config, environment) in [
        ("logging: {content: none}", ""),
        ("", "none"),
        // A word that nobody understands is no leave to send contents.
        ("logging: {content: some}", ""),
        ("logging: {content: none, prompts: true}", "all"),
    ] {
        let home = Home::new("0.169.0/basic");
        let recorded = home.recorded();
        home.write_transcript(&recorded);
        let variables = [("ARIZE_TRACE_DEBUG", "true"), ("ARIZE_LOG_CONTENT", environment)];
        let report = home.run_as(Trigger::Retry, &variables, config);
        assert_eq!(report.traced, 1);
        let batch = &home.batches()[0];
        assert_eq!(batch.spans[0].text("codex.thread_id"), Some(&*home.thread_id));
        assert!(batch.spans.iter().any(|span| span.int("llm.token_count.prompt").is_some()));
        let sent = format!("{batch:?}");
        let written = walk(&home.paths.state_dir).into_iter();
        let written: Vec<String> =
            written.map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
        assert!(written.iter().any(|text| text.contains("resourceSpans")), "the debug dump");
        // The ledger of this machine names the folder, for `status`.
        assert!(!sent.contains("/home/dev/project"), "{sent}");
        for content in CONTENTS {
            assert!(recorded.contains(content), "{content}");
            assert!(!sent.contains(content), "{config} {content}: {sent}");
            let leak = written.iter().find(|text| text.contains(content));
            assert!(leak.is_none(), "{config} {content}: {leak:?}");
        }
    }
}

#[test]
fn scrubbing_can_be_switched_off_and_extended() {
    let prompt = |config: &str| {
        let home = Home::new("0.169.0/basic");
        let said = "List the files with badge_no=4711-9";
        home.write_transcript(&home.recorded().replace("List the files", said));
        home.run_with_config(config);
        home.batches()[0].spans[0].text("input.value").unwrap().to_owned()
    };
    assert!(prompt("").ends_with("badge_no=4711-9"));
    assert!(prompt("logging: {scrub_keys: [badge_no]}").contains("badge_no=[scrubbed:configured:"));
    let off = "logging: {scrub: false, scrub_keys: [badge_no]}";
    assert!(prompt(off).ends_with("badge_no=4711-9"));
}

#[test]
fn what_a_target_is_not_to_get_counts_as_sent() {
    let home = Home::new("0.169.0/tui_interrupt_tool");
    home.write_transcript(&home.recorded());
    let report = home.run_with_config("harnesses: {codex: {sampling: {ratio: 0}}}");
    assert!(report.traced >= 1 && report.unsent == 0, "{report:?}");
    let statuses = |batch: &SpanBatch| batch.spans[0].text("codex.turn.status").map(str::to_owned);
    let sent: Vec<_> = home.batches().iter().filter_map(statuses).collect();
    assert_eq!(sent, ["interrupted"], "an error is kept");
    assert_eq!(report.traced, sent.len() + home.log().matches("not among those for local").count());
    assert_eq!(home.run(None), NOTHING);
}

#[test]
fn the_environments_attributes_of_the_resource_are_added_to_ours() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let variable = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,deployment.environment=ci");
    home.run_with(None, &[variable]);
    let resource = &home.batches()[0].resource;
    let values = |key: &str| {
        let found = resource.iter().filter(|attribute| attribute.key == key);
        found.map(|attribute| attribute.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(values("service.name"), ["codex".into()]);
    assert_eq!(values("deployment.environment"), ["ci".into()]);
}

// The recorded folders are those of a Unix.
#[cfg(unix)]
#[test]
fn turns_in_folders_that_are_not_traced_count_as_sent() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let elsewhere = "harnesses: {codex: {folders: [/home/dev/other]}}";
    assert_eq!(home.run_with_config(elsewhere), NOTHING);
    // They are not sent later either, when more is traced.
    assert_eq!(home.run(Some(home.payload())), NOTHING);
    assert_eq!(home.batches().len(), 0);

    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    let here = "harnesses: {codex: {folders: [/home/dev/project]}}";
    assert_eq!(home.run_with_config(here), crate::home::SENT);
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
