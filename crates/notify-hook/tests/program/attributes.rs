//! What the user gives every span: attributes, those of the environment, and an id.

use std::fs;

use crate::home::{Home, recorded, until};

const TOKEN: &str = "ghp_k3JfXq81LmZt0PwYb7RsUdAe5HcVg2NoTi4K";

/// The line that a file gets of a turn with these settings.
fn line(settings: &str, of_resource: &str) -> String {
    let home = Home::new();
    let path = home.path().join("out.jsonl");
    let file = format!("target: file\n    path: {}", path.display());
    home.configure(&format!("harnesses:\n  codex:\n    {file}\n{settings}\n"));
    let text = recorded("0.169.0/basic", "rollout.jsonl");
    home.append("01a1fb18-d745-76d3-8970-09f42d282b2f", &text);
    let mut command = home.command();
    command.arg(recorded("0.169.0/basic", "notify.jsonl").trim());
    let output = command.env("OTEL_RESOURCE_ATTRIBUTES", of_resource).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    until(|| fs::read_to_string(&path).ok()).expect("a turn")
}

fn value(line: &str, name: &str) -> String {
    let start = format!(r#""key":"{name}","value":{{"stringValue":""#);
    let (_, rest) = line.split_once(&start).unwrap_or_else(|| panic!("no {name}: {line}"));
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn they_are_scrubbed_of_secrets_and_otherwise_stay() {
    let settings = format!(
        "    attributes: {{team_token: {TOKEN}, note: 'password=correct-horse-7', team: 'the \"A\" team'}}\n\
         user_id: ada@example.com"
    );
    let of_resource =
        format!("deploy.key={TOKEN},db.password=correct-horse-7,service.namespace=shop");
    let line = line(&settings, &of_resource);
    assert!(!line.contains(TOKEN) && !line.contains("correct-horse-7"), "{line}");
    let scrubbed = |name: &str, rule: &str| {
        let value = value(&line, name);
        assert!(value.contains(&format!("[scrubbed:{rule}:")), "{name}: {value}");
    };
    scrubbed("team_token", "token");
    scrubbed("note", "password");
    scrubbed("deploy.key", "github-pat");
    scrubbed("db.password", "password");
    assert_eq!(value(&line, "team"), "the \\");
    assert_eq!(value(&line, "service.namespace"), "shop");
    assert_eq!(value(&line, "user.id"), "ada@example.com");
}

#[test]
fn a_users_id_is_changed_only_if_it_is_a_token() {
    for id in ["ada", "0f8fad5b-d9cd-469f-a165-70867728950e", "5d41402abc4b2a76b9719d911017c592"] {
        assert_eq!(value(&line(&format!("user_id: '{id}'"), ""), "user.id"), id);
    }
    let of_token = value(&line(&format!("user_id: {TOKEN}"), ""), "user.id");
    assert!(of_token.starts_with("[scrubbed:github-pat:"), "{of_token}");
    let kept = line(&format!("user_id: {TOKEN}\nlogging: {{scrub: false}}"), "");
    assert_eq!(value(&kept, "user.id"), TOKEN);
}
