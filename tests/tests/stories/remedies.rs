//! Each finding of the doctor names the command that mends it: things are broken as a user breaks them,
//! the command is run in a shell as it stands there, and the finding is gone.
//!
//! Not run here, because they leave the decision to a person or only show more:
//!
//! | Command | Why |
//! | --- | --- |
//! | `${EDITOR:-vi} FILE` | only the person knows what the file is to say |
//! | `npm install -g @openai/codex` | installs from the network |
//! | `arize-codex setup` for a target without an address | asks for the address |
//! | `codex` | Codex asks in its terminal whether to trust the lifecycle hooks |
//! | `codex app-server daemon update --from-cli` | asks at a terminal; needs two versions of Codex |
//! | `phoenix serve`, `mlflow server` | start a server that stays in the terminal |
//! | `sudo chown …` | asks for a password |
//! | `arize-codex logs …`, `curl -v`, `df -h`, `date -u`, `ls -ld`, `codex --version`, `codex features list` | show the reason, which is outside of arize-codex |
//!
//! Setup is run with `--yes`, which stands for Enter at each of its questions.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stories::Home;
use stories::process::run_with_input;

use crate::stage;

const LIMIT: Duration = Duration::from_secs(120);

/// A home that was set up by setup itself.
struct Patient {
    home: Home,
    port: u16,
    other_port: u16,
}

impl Patient {
    fn new() -> Self {
        let home = Home::new(&stage::programs(), "remedies").expect("a home");
        let (port, other_port) = (home.buffer_port(), stories::port::free_port().expect("a port"));
        fs::write(home.codex_home().join("config.toml"), "# mine\n").expect("config.toml");
        let patient = Self { home, port, other_port };
        let setup =
            patient.programs_before_setup("arize-codex setup -y --target local --port $PORT");
        assert!(setup.contains("started the buffer service"), "{setup}");
        patient
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.root().join("home").join(name)
    }

    /// What this prints in a shell that finds Codex and arize-codex.
    fn shell(&self, script: &str) -> String {
        self.run(script, &self.path(".arize/harness/bin"))
    }

    fn programs_before_setup(&self, script: &str) -> String {
        self.run(script, &stage::programs())
    }

    fn run(&self, script: &str, programs: &std::path::Path) -> String {
        let codex = stage::codex();
        let codex = codex.parent().expect("a folder");
        let mut shell: Command = self.home.command("/bin/sh".as_ref());
        let (programs, codex) = (programs.display(), codex.display());
        // Behind the system's: where the programs were built.
        let built = stage::programs();
        shell.env("PATH", format!("{programs}:{codex}:/usr/bin:/bin:{}", built.display()));
        shell.env("H", self.path(".arize/harness")).env("C", self.home.codex_home());
        shell.env("PORT", self.port.to_string()).env("OTHER", self.other_port.to_string());
        let done = run_with_input(shell.args(["-c", script]), "the-right-value\n", LIMIT);
        done.expect("the shell ends").stdout
    }

    /// The findings that are not ok, in a shell in which `before` was run.
    fn findings(&self, before: &str) -> Vec<Value> {
        let said = self.shell(&format!("{before}\narize-codex doctor --json"));
        let start = said.find("{\n").unwrap_or_else(|| panic!("no report after {before}: {said}"));
        let report: Value = serde_json::from_str(&said[start..]).expect("JSON");
        let findings = report["findings"].as_array().expect("findings").iter();
        findings.filter(|finding| finding["level"] != "ok").cloned().collect()
    }
}

/// A finding of this check that says this.
fn find<'f>(findings: &'f [Value], check: &str, part: &str) -> Option<&'f Value> {
    findings.iter().find(|finding| {
        let message = finding["message"].as_str().unwrap_or_default();
        finding["check"] == check && message.contains(part)
    })
}

/// How it is broken, in the words of a shell, and the check, a part of the message and a part of the
/// command of the finding.
type Case = (&'static str, &'static str, &'static str, &'static str);

const FOREIGN_EXPORTER: &str = "arize-codex uninstall -y >/dev/null; printf '[otel]\\nexporter = { otlp-http = { \
    endpoint = \"http://127.0.0.1:9/v1/logs\", protocol = \"binary\", headers = {} } }\\n' > $C/config.toml; \
    PATH=\"$B:$PATH\" arize-codex setup -y --target local --port $PORT >/dev/null";

const CASES: [Case; 23] = [
    ("arize-codex-buffer stop", "service", "nothing listens", "arize-codex-buffer start"),
    ("rm $H/run/codex-buffer.token", "service", "does not answer", "stop --force"),
    (
        "arize-config set harnesses.codex.collector.port $OTHER",
        "service",
        "the settings say",
        "stop &&",
    ),
    ("arize-config set harnesses.codex.collector.port $OTHER", "codex.otel", "listens on", "setup"),
    ("touch $H/state/codex/buffer.db.damaged-1", "service.database", "damaged-1", "rm -r"),
    ("chmod 644 $H/config.yaml", "permissions", "config.yaml", "chmod"),
    (
        "arize-config set --force harnesses.codex.target phoneix",
        "target",
        "`phoneix`",
        "set harnesses.codex.target",
    ),
    (
        "arize-config set harnesses.codex.target phoenix; arize-config set --force harnesses.codex.endpoint localhost:9",
        "target",
        "`localhost:9`",
        "http://localhost:9",
    ),
    (
        "arize-config set harnesses.codex.target arize; arize-config set harnesses.codex.space_id s",
        "target",
        "needs `harnesses.codex.api_key`",
        "api_key --stdin",
    ),
    ("arize-config set harnesses.codex.target stdout", "target", "dry runs", "target local"),
    (
        "arize-config set --force logging.prompts maybe",
        "settings",
        "taken as off",
        "logging.prompts false",
    ),
    (
        "arize-config set --force logging.promts true",
        "settings",
        "did you mean",
        "arize-config get",
    ),
    (
        "arize-config set --force harnesses.codex.zebra 1",
        "settings",
        "zebra",
        "arize-config delete",
    ),
    ("export ARIZE_TRACE_ENABLED=false", "settings", "switched off", "unset"),
    ("export ARIZE_DRY_RUN=true", "settings", "sends nothing", "unset"),
    (
        "export ARIZE_LOG_PROMPTS=maybe",
        "settings",
        "taken as off",
        "export ARIZE_LOG_PROMPTS=false",
    ),
    (
        "printf 'harnesses: {codex: {target: local, chained_notify: [no-such], collector: {port: %s}}}' $PORT > $H/config.yaml",
        "chained",
        "`no-such`",
        "delete",
    ),
    ("rm $H/bin/arize-hook-codex-notify", "codex.notify", "is not a program", "arize-codex setup"),
    ("rm $C/config.toml", "codex.config", "there is no", "arize-codex setup"),
    ("sed -i /^notify/d $C/config.toml", "codex.notify", "is not set", "arize-codex setup"),
    (
        "sed -i -e '1i [notice]' $C/config.toml",
        "codex.notify",
        "is part of `[notice]`",
        "arize-codex setup",
    ),
    (
        "sed -i 's/^notify.*/notify = [\"true\"]/' $C/config.toml",
        "codex.notify",
        "and not `arize",
        "setup",
    ),
    ("sed -i '/^exporter/d' $C/config.toml", "codex.otel", "no `exporter`", "arize-codex setup"),
];

#[test]
fn each_command_mends_its_finding() {
    let outcome = |(breaking, check, part, command): Case| {
        mends(&Patient::new(), breaking, check, part, command).err()
    };
    let failures: Vec<String> = CASES.into_iter().filter_map(outcome).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_exporter_that_was_kept_is_a_warning_with_a_way_out() {
    let patient = Patient::new();
    let breaking = FOREIGN_EXPORTER.replace("$B", &stage::programs().display().to_string());
    let findings = patient.findings(&breaking);
    let kept = find(&findings, "codex.otel", "was kept, as chosen in setup").expect("a finding");
    assert_eq!(kept["level"], "warning", "{kept}");
    assert_eq!(kept["command"], "arize-codex setup --existing-otel forward");
    let code = patient.shell("arize-codex doctor >/dev/null; echo $?");
    assert_eq!(code, "0\n", "{:#?}", patient.findings(""));
    mends(&patient, "true", "codex.otel", "was kept", "forward").expect("the command mends it");
}

/// Breaks something, runs the command of its finding in the same shell, and looks again.
fn mends(
    patient: &Patient,
    breaking: &str,
    check: &str,
    part: &str,
    command: &str,
) -> Result<(), String> {
    let findings = patient.findings(breaking);
    let Some(finding) = find(&findings, check, part) else {
        return Err(format!("{breaking}: no {check}: {findings:#?}"));
    };
    let run = finding["command"].as_str().unwrap_or_default();
    if !run.contains(command) {
        return Err(format!("{breaking}: {finding:#}"));
    }
    let run = match run.contains("arize-codex setup") {
        true => format!("{run} --yes"),
        false => run.to_owned(),
    };
    // Variables are those of one shell; files are broken already.
    let variables = if breaking.starts_with("export ") { breaking } else { "true" };
    let after = patient.findings(&format!("{variables}\n{run} >&2"));
    match find(&after, check, part) {
        None => Ok(()),
        Some(left) => Err(format!("{breaking}: `{run}` left {left:#}")),
    }
}
