//! Codex's `config.toml`: which program runs at the end of a turn, and where log events go.

use std::path::PathBuf;

use codex_config::codex_toml::{
    self, EditError, Exporter, Found, FoundNotify, LifecycleHooks, NotifyOwner, Otel, Wanted,
};
use codex_config::{Paths, command_program};
use codex_home::{HOOK_PROGRAM, LIFECYCLE_TIMEOUT_SECONDS};

use crate::answers::{Answers, Content, ExistingOtel};
use crate::facts::Facts;
use crate::python_system;

/// The file.
pub(crate) fn file(paths: &Paths) -> PathBuf {
    paths.codex_home.join("config.toml")
}

/// The address that Codex sends its log events to.
pub(crate) fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1/logs")
}

/// Takes out of a text what is ours by its look, or the Python system's: from an installation by
/// hand, or from the system that ours takes the place of. Gives what else is there, too, with the
/// `notify` of the user's own.
pub(crate) fn without_strays(
    text: &str,
    port: u16,
) -> Result<(String, Found, Option<Vec<String>>), EditError> {
    let found = codex_toml::inspect(text)?;
    let mut stripped = text.to_owned();
    if let Some(notify) = found.notify.as_ref().filter(|notify| is_hook(notify)) {
        stripped = match users_notify(notify) {
            // As the user would have it, had the Python system not been there.
            Some(theirs) => {
                let wanted = Wanted { notify: Some(theirs), ..Wanted::default() };
                let without = codex_toml::remove(&stripped, &["notify"])?;
                codex_toml::edit(&without, &wanted)?.text
            }
            None => codex_toml::restore(&stripped, &["notify"])?,
        };
        if codex_toml::inspect(&stripped)?.notify.is_some_and(|notify| is_hook(&notify)) {
            stripped = codex_toml::remove(&stripped, &["notify"])?;
        }
    }
    for hook in found.hooks.iter().filter(|hook| is_our_hook(&hook.command)) {
        stripped = codex_toml::remove_hook(&stripped, &hook.event, &hook.command)?;
    }
    let exporter = found.otel.as_ref().and_then(|otel| otel.exporter.as_ref());
    if exporter.is_some_and(|exporter| is_ours(exporter, port)) {
        stripped = codex_toml::restore(&stripped, &["otel", "exporter"])?;
    }
    let found = codex_toml::inspect(&stripped)?;
    let theirs = found.notify.as_ref().and_then(users_notify);
    Ok((stripped, found, theirs))
}

/// Whether it runs our hook, or the Python system's.
fn is_hook(notify: &FoundNotify) -> bool {
    notify.owner != NotifyOwner::Foreign
}

/// What of it is the user's own.
fn users_notify(notify: &FoundNotify) -> Option<Vec<String>> {
    python_system::users_notify(notify.command.as_deref().unwrap_or_default())
}

/// Whether an exporter sends to the buffer service, ours or the Python system's.
fn is_ours(exporter: &Exporter, port: u16) -> bool {
    let Some(endpoint) = exporter.endpoint.as_deref() else { return false };
    let hosts = ["127.0.0.1", "localhost", "[::1]"];
    hosts.iter().any(|host| {
        [format!("http://{host}:{port}/v1/logs"), format!("http://{host}:{port}")]
            .iter()
            .any(|ours| endpoint.trim_end_matches('/') == ours)
    })
}

/// The exporter of the user that stands where ours would go.
pub(crate) fn foreign_exporter(found: &Found) -> Option<&Exporter> {
    let exporter = found.otel.as_ref()?.exporter.as_ref()?;
    (exporter.kind != "none").then_some(exporter)
}

/// The kind of exporters that speak gRPC.
pub(crate) const GRPC: &str = "otlp-grpc";

/// Whether events could be passed on to it. With TLS or gRPC the address is one that errors may name:
/// without credentials.
pub(crate) fn can_forward(exporter: &Exporter) -> bool {
    let url = exporter.endpoint.as_deref().unwrap_or_default();
    let (is_plain, has_tls) = (url.starts_with("http://"), url.starts_with("https://"));
    let names_no_user = !url.contains(['?', '#', '@']);
    match exporter.kind.as_str() {
        "otlp-http" => is_plain || has_tls && names_no_user,
        GRPC => (is_plain || has_tls) && names_no_user,
        _ => false,
    }
}

/// Whether a lifecycle hook runs our program.
pub(crate) fn is_our_hook(command: &str) -> bool {
    command.contains(HOOK_PROGRAM)
}

/// What Codex runs at the ends of turns and sessions. It is a shell command.
pub(crate) fn lifecycle_hooks(hook: &str, events: &[&str]) -> Option<LifecycleHooks> {
    let hooks = LifecycleHooks {
        command: format!("{} --lifecycle", command_program(hook)),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        timeout_seconds: LIFECYCLE_TIMEOUT_SECONDS,
    };
    (!events.is_empty()).then_some(hooks)
}

/// What the file is to hold, but for lifecycle hooks.
pub(crate) fn wanted(hook: &str, found: &Found, existing: ExistingOtel, otel: Otel) -> Wanted {
    let otel = sends_to_us(found, existing).then_some(otel);
    Wanted { notify: Some(vec![hook.to_owned()]), otel, hooks: None }
}

/// Whether Codex is to send its log events to our service.
pub(crate) fn sends_to_us(found: &Found, existing: ExistingOtel) -> bool {
    foreign_exporter(found).is_none() || existing != ExistingOtel::Keep
}

/// What a text says of prompts in log events.
pub(crate) fn log_user_prompt(text: &str) -> Option<bool> {
    codex_toml::inspect(text).ok()?.otel?.log_user_prompt
}

/// Says that prompts are in Codex's log events as before, and what follows.
pub(crate) fn prompts(facts: &Facts, answers: &Answers) -> String {
    let said = facts.log_user_prompt();
    let is_on = said == Some(true);
    let mut line = format!("Codex's `log_user_prompt` stays {}", if is_on { "on" } else { "off" });
    if foreign_exporter(&facts.found).is_some() && answers.existing_otel == ExistingOtel::Forward {
        let what = if is_on { "prompts are" } else { "no prompt is" };
        line += &format!("; {what} passed on, as before");
    }
    if said == Some(false) && answers.content == Some(Content::None) {
        line += "; spans hold lengths only, as it suggests (`--content all` records more)";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, users_notify: Option<&[&str]>) {
        let (stripped, _, theirs) = without_strays(before, 4318).unwrap();
        assert_eq!(stripped, after);
        let theirs: Option<Vec<&str>> =
            theirs.as_ref().map(|words| words.iter().map(String::as_str).collect());
        assert_eq!(theirs.as_deref(), users_notify);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let theirs = "notify = ['bell']\n[otel]\nexporter = { otlp-http = { endpoint = \
                      'http://collector:4318/v1/logs', protocol = 'json' } }\n";
        check(theirs, theirs, Some(&["bell"]));
        check("# nothing\n", "# nothing\n", None);
    }

    #[test]
    fn the_python_systems_settings_go() {
        check(
            "model = 'x' # y\nnotify = [\"/h/.arize/harness/venv/bin/arize-hook-codex-notify\"]\n\n\
             [otel]\n[otel.exporter.otlp-http]\nendpoint = \"http://127.0.0.1:4318/v1/logs\"\n\
             protocol = \"json\"\n\n[a]\n",
            "model = 'x' # y\n\n[a]\n",
            None,
        );
        check(
            "notify = [\"bell\", \"/h/.arize/harness/venv/bin/arize-hook-codex-notify\"]\n",
            "notify = [\"bell\"]\n",
            Some(&["bell"]),
        );
    }

    #[test]
    fn what_stands_above_ours_as_a_comment_is_the_users() {
        let ours = "notify = [\"/h/.arize/harness/bin/arize-hook-codex-notify\"]";
        check(
            &format!("# replaced by arize-codex: notify = [\"bell\"]\n{ours}\n"),
            "notify = [\"bell\"]\n",
            Some(&["bell"]),
        );
        check(&format!("# replaced by arize-codex: {ours}\n{ours}\n"), "", None);
    }

    #[test]
    fn an_installation_by_hand_goes_too() {
        check(
            "notify = [\"/h/.arize/harness/bin/arize-hook-codex-notify\"]\n\n[otel]\n\
             log_user_prompt = true\nexporter = { otlp-http = { endpoint = \
             \"http://127.0.0.1:4318/v1/logs\", protocol = \"binary\", headers = {} } }\n",
            "\n[otel]\nlog_user_prompt = true\n",
            None,
        );
    }
}
