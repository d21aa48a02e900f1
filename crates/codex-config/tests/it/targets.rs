//! Several targets: what an entry of the list says, what the environment adds, and what is refused.

use codex_config::{ContentPolicy, Settings, Target};
use expect_test::{Expect, expect};

use crate::resolve;

/// Targets as a list in `config.yaml`, each in flow style.
fn targets(process: &[(&str, &str)], entries: &[&str]) -> Settings {
    let entries = entries.iter().map(|entry| format!("      - {{{entry}}}\n"));
    let list: String = entries.collect();
    resolve(process, &format!("harnesses:\n  codex:\n    targets:\n{list}"))
}

/// Name, project and target of each, and the warnings.
#[track_caller]
fn check(settings: &Settings, expected: Expect) {
    let mut lines: Vec<String> = settings
        .targets
        .iter()
        .map(|target| {
            let place = match &target.target {
                Ok(Target::Phoenix(phoenix)) => {
                    let key = phoenix.api_key.as_ref().map(|key| key.expose());
                    format!("{} {key:?} {} headers", phoenix.endpoint, phoenix.headers.len())
                }
                Ok(target) => format!("{target:?}"),
                Err(error) => format!("{error} (hint: {})", error.hint()),
            };
            format!("{} ({}): {place}", target.name, target.project_name)
        })
        .collect();
    lines.extend(settings.warnings.iter().map(|warning| format!("warning: {warning}")));
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn an_entry_wins_over_the_environment_which_fills_in_the_rest() {
    let process = [
        ("PHOENIX_ENDPOINT", "http://environment"),
        ("PHOENIX_API_KEY", "key"),
        ("PHOENIX_CLIENT_HEADERS", "a=1,b=2"),
        ("ARIZE_PROJECT_NAME", "of all"),
    ];
    let settings = targets(
        &process,
        &[
            "target: phoenix",
            "target: phoenix, endpoint: 'http://own', api_key: own, project_name: p, headers: {c: 3}",
            "target: local",
        ],
    );
    check(
        &settings,
        expect![[r#"
            phoenix (of all): http://environment Some("key") 2 headers
            phoenix-2 (p): http://own Some("own") 1 headers
            local (of all): Local"#]],
    );
}

/// `arize-config` reaches an entry by its name, which is its kind where nothing else is said.
#[test]
fn a_mapping_names_its_targets() {
    let yaml = "
harnesses:
  codex:
    targets:
      local: {}
      phoenix: {endpoint: 'http://p', nmae: x}
      team: {target: phoenix, api_key: own, logging: {prompts: false}}
      a.b: {endpoint: 'http://q'}
      ../x: {target: phoenix, endpoint: q}
";
    let settings = resolve(&[("PHOENIX_API_KEY", "key")], yaml);
    check(
        &settings,
        expect![[r#"
            local (codex): Local
            phoenix (codex): http://p Some("key") 0 headers
            team (codex): http://localhost:6006 Some("own") 0 headers
            a.b (codex): `harnesses.codex.targets."a.b".target` is missing; known targets are local, phoenix, arize, mlflow, otlp, file and stdout (hint: run `arize-config set 'harnesses.codex.targets."a.b".target' phoenix` (or `local`))
            phoenix-2 (codex): `harnesses.codex.targets."../x".endpoint` is `q`, which does not start with `http://` or `https://` and a host (hint: write `harnesses.codex.targets."../x".endpoint` as a URL, for example `https://traces.example:443`)
            warning: `harnesses.codex.targets.phoenix.nmae` is not a setting (did you mean `harnesses.codex.targets.phoenix.name`?); ignored
            warning: `harnesses.codex.targets."../x"` is `../x`, not a name of at most 64 letters, digits, `.`, `-` and `_`; ignored"#]],
    );
    let prompts: Vec<bool> = settings.targets.iter().map(|target| target.content.prompts).collect();
    assert_eq!(prompts, [true, true, false, true, true]);
    let sections: Vec<&str> =
        settings.targets.iter().take(4).map(|target| target.section.as_str()).collect();
    let names = [".local", ".phoenix", ".team", ".\"a.b\""];
    assert_eq!(sections, names.map(|name| format!("harnesses.codex.targets{name}")));
}

#[test]
fn a_copy_in_the_local_store_is_kept_beside_other_targets() {
    let yaml = |keys: &str| format!("harnesses:\n  codex:\n    local_copy: true\n{keys}");
    check(
        &resolve(&[], &yaml("    target: phoenix\n    project_name: p\n")),
        expect![[r#"
            phoenix (p): http://localhost:6006 None 0 headers
            local (p): Local"#]],
    );
    // Which target it is may be in the environment.
    check(
        &resolve(&[("PHOENIX_ENDPOINT", "http://p")], &yaml("")),
        expect![[r#"
            phoenix (codex): http://p None 0 headers
            local (codex): Local"#]],
    );
    check(&resolve(&[], &yaml("")), expect!["local (codex): Local"]);
    check(
        &resolve(&[], &yaml("    targets: [{target: local, project_name: p}]\n")),
        expect!["local (p): Local"],
    );
    check(
        &resolve(&[], &yaml("    targets: {local: {target: phoenix}}\n")),
        expect![[r#"
            local (codex): http://localhost:6006 None 0 headers
            local-2 (codex): Local"#]],
    );
}

#[test]
fn names_tell_targets_apart() {
    let settings = targets(
        &[],
        &[
            "target: local, name: A.b_c-1",
            "target: local, name: a.B_c-1",
            "target: local, name: ../x",
            "target: local, name: [x]",
            "target: local, name: .x",
            "target: local, name: Local",
        ],
    );
    check(
        &settings,
        expect![[r#"
            A.b_c-1 (codex): Local
            a.B_c-1-2 (codex): Local
            local (codex): Local
            local-2 (codex): Local
            local-3 (codex): Local
            Local-4 (codex): Local
            warning: `harnesses.codex.targets[2].name` is `../x`, not a name of at most 64 letters, digits, `.`, `-` and `_`; ignored
            warning: `harnesses.codex.targets[3].name` is a list, not a single value; ignored
            warning: `harnesses.codex.targets[4].name` is `.x`, not a name of at most 64 letters, digits, `.`, `-` and `_`; ignored"#]],
    );
}

#[test]
fn a_wrong_entry_is_an_error_of_that_entry_alone() {
    let settings = targets(
        &[],
        &[
            "target: pheonix",
            "target: phoenix, endpoint: 'localhost:6006'",
            "endpoint: 'http://p'",
            "target: otlp",
            "target: otlp, endpoint: 'http://c', protocol: smoke",
            "target: otlp, endpoint: 'http://c', headers: {a: '${NOT_SET}'}",
            "target: local",
        ],
    );
    check(
        &settings,
        expect![[r#"
            unknown-0 (codex): `harnesses.codex.targets[0].target` is `pheonix`; known targets are local, phoenix, arize, mlflow, otlp, file and stdout (hint: set `harnesses.codex.targets[0].target` to `phoenix` in `config.yaml` (or `local`))
            phoenix (codex): `harnesses.codex.targets[1].endpoint` is `localhost:6006`, which does not start with `http://` or `https://` and a host (hint: write `harnesses.codex.targets[1].endpoint` as a URL, for example `https://traces.example:443`)
            unknown-2 (codex): `harnesses.codex.targets[2].target` is missing; known targets are local, phoenix, arize, mlflow, otlp, file and stdout (hint: set `harnesses.codex.targets[2].target` to `phoenix` in `config.yaml` (or `local`))
            otlp (codex): the target `otlp` has no endpoint (hint: set `harnesses.codex.targets[3].endpoint` to `URL` in `config.yaml`, such as `https://collector.example:4318`)
            otlp-2 (codex): `harnesses.codex.targets[4].protocol` is `smoke`, not `http/protobuf`, `http/json` or `grpc` (hint: set `harnesses.codex.targets[4].protocol` to `http/protobuf`, `http/json` or `grpc`)
            otlp-3 (codex): `harnesses.codex.targets[5].headers.a`: the environment variable `NOT_SET` is not set (hint: correct the header in `config.yaml`, or set the variable in `arize-env.sh`)
            local (codex): Local"#]],
    );
    check(
        &resolve(&[], "harnesses: {codex: {targets: phoenix}}"),
        expect![
            "unknown-0 (codex): `harnesses.codex.targets` is a text, not a list of targets (hint: write `- target: phoenix` below it, and so for each target)"
        ],
    );
    check(
        &resolve(&[], "harnesses: {codex: {targets: []}}"),
        expect![
            "unknown-0 (codex): `harnesses.codex.targets` is an empty list, not a list of targets (hint: write `- target: phoenix` below it, and so for each target)"
        ],
    );
    check(
        &resolve(&[], "harnesses: {codex: {target: phoenix, targets: [local, {target: local}]}}"),
        expect![[r#"
            unknown-0 (codex): `harnesses.codex.targets[0].target` is missing; known targets are local, phoenix, arize, mlflow, otlp, file and stdout (hint: set `harnesses.codex.targets[0].target` to `phoenix` in `config.yaml` (or `local`))
            local (codex): Local
            warning: `harnesses.codex.target` has no effect beside `harnesses.codex.targets`"#]],
    );
}

fn content(settings: &Settings) -> String {
    let letters = |policy: &ContentPolicy| {
        let switches = [policy.prompts, policy.tool_details, policy.tool_content];
        let letters = switches.iter().zip("pdc".chars());
        letters.map(|(on, letter)| if *on { letter } else { '-' }).collect::<String>()
    };
    let all: Vec<_> = settings.targets.iter().map(|target| letters(&target.content)).collect();
    all.join(" ")
}

#[test]
fn each_target_has_a_content_policy_and_the_environment_may_only_narrow_it() {
    let yaml = "\
logging: {prompts: false, max_attribute_bytes: 500}
harnesses:
  codex:
    targets:
      - {target: phoenix}
      - {target: local, logging: {prompts: true, tool_content: 'off', max_attribute_bytes: 7}}
";
    let settings = resolve(&[], yaml);
    assert_eq!(content(&settings), "-dc pd-");
    let bytes: Vec<_> = settings.targets.iter().map(|t| t.content.max_attribute_bytes).collect();
    assert_eq!(bytes, [500, 7]);
    assert_eq!(content(&resolve(&[("ARIZE_LOG_PROMPTS", "true")], yaml)), "pdc pd-");
    assert_eq!(content(&resolve(&[("ARIZE_LOG_PROMPTS", "false")], yaml)), "-dc -d-");
    assert_eq!(content(&resolve(&[("ARIZE_LOG_TOOL_DETAILS", "nope")], yaml)), "--c p--");
}

#[test]
fn a_switch_that_cannot_be_read_is_off() {
    let check = |logging: &str, expected: &str, warning: Expect| {
        let entry = format!("target: local, logging: {logging}");
        let settings = targets(&[], &["target: local", &entry]);
        assert_eq!(content(&settings), expected);
        let warnings: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
        warning.assert_eq(&warnings.join("\n"));
    };
    check("", "pdc pdc", expect![""]);
    check(
        "{prompts: [true]}",
        "pdc -dc",
        expect![
            "`harnesses.codex.targets[1].logging.prompts` is `a list`, not true or false; taken as off"
        ],
    );
    check(
        "{prompts: flase}",
        "pdc -dc",
        expect![
            "`harnesses.codex.targets[1].logging.prompts` is `flase`, not true or false; taken as off"
        ],
    );
    check(
        "false",
        "pdc ---",
        expect![
            "`harnesses.codex.targets[1].logging` is `false`, not a mapping; all content is off"
        ],
    );
    let settings = resolve(&[], "logging: [prompts]\n");
    assert_eq!(content(&settings), "---");
}

#[test]
fn the_fingerprint_follows_what_decides_about_a_delivery() {
    let of = |entry: &str| targets(&[], &[entry]).targets[0].fingerprint();
    let first = of("target: phoenix, api_key: a");
    assert_eq!(of("target: phoenix, api_key: a, logging: {prompts: false}"), first);
    let others = [
        "target: phoenix, api_key: b",
        "target: phoenix",
        "target: phoenix, api_key: a, project_name: p",
        "target: phoenix, api_key: a, endpoint: 'http://p'",
        "target: phoenix, api_key: a, endpoint: 'p'",
    ];
    for other in others {
        assert_ne!(of(other), first, "{other}");
    }
}

#[test]
fn only_collectors_and_files_get_metrics() {
    let metrics = |yaml: &str| {
        let settings = resolve(&[], yaml);
        let warnings: Vec<String> = settings.warnings.iter().map(ToString::to_string).collect();
        (settings.targets[0].metrics, warnings)
    };
    let otlp = "target: otlp, endpoint: 'http://h'";
    assert_eq!(metrics(&format!("harnesses: {{codex: {{{otlp}}}}}")), (false, Vec::new()));
    let wanted = metrics(&format!("harnesses: {{codex: {{{otlp}, metrics: true}}}}"));
    assert_eq!(wanted, (true, Vec::new()));
    assert!(metrics("harnesses: {codex: {target: file, metrics: true}}").0);
    let warning = "`harnesses.codex.metrics` has no effect: the target `phoenix` takes no metrics";
    let phoenix = metrics("harnesses: {codex: {target: phoenix, metrics: true}}");
    assert_eq!(phoenix, (false, vec![warning.to_owned()]));
}
