//! What the Python tracing system, from which people come, leaves on a machine.
//!
//! Its first era had the same parts as ours: `notify`, a buffer service on the same port, a script
//! `codex` before the real one and blocks in the shells' profiles. Its second era has `notify` alone
//! and `config.json`. What is recognised is taken over: an uninstallation does not bring it back,
//! because half of a system that is not running any more is of no use.

use buffer_api::process::PortOwner;
use codex_config::codex_toml::is_hook;

/// The buffer service of the Python system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonService {
    /// Its process id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

const PREVIOUS: &str = "--previous-notify";

/// Recognises the service in a process that has our port.
pub(crate) fn service(owner: &PortOwner) -> Option<PythonService> {
    let pid = owner.pid?;
    let command = command_line(pid)?;
    is_service(&command).then_some(PythonService { pid, command })
}

/// Its program is Python with the module `codex_buffer`, or a script of that name.
fn is_service(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let program = words.next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
    program.starts_with("python")
        && words.any(|word| word.contains("codex_buffer") || word.contains("arize-codex-buffer"))
}

/// The command line of a process; only Linux tells without help.
fn command_line(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    Some(words.join(" ").trim().to_owned())
}

/// Takes the hooks named `arize-hook-codex-notify` out of a `notify`, of which the Python system had
/// several forms; nothing if the user had none of their own.
pub(crate) fn users_notify(command: &[String]) -> Option<Vec<String>> {
    let (first, rest) = command.split_first()?;
    if is_hook(first) {
        return match rest {
            [] => None,
            [flag, previous] if flag == PREVIOUS => users_notify(&list(previous)?),
            // What an old version made of a `notify` that was there.
            rest => users_notify(rest),
        };
    }
    let mut kept: Vec<String> = Vec::new();
    let mut words = command.iter().filter(|word| !is_hook(word));
    while let Some(word) = words.next() {
        if word != PREVIOUS {
            kept.push(word.clone());
            continue;
        }
        let Some(inner) = words.next() else { break };
        match list(inner).map(|inner| (users_notify(&inner), inner)) {
            Some((Some(theirs), inner)) if theirs != inner => {
                kept.extend([PREVIOUS.to_owned(), serde_json::to_string(&theirs).ok()?]);
            }
            Some((None, _)) => {}
            _ => kept.extend([PREVIOUS.to_owned(), inner.clone()]),
        }
    }
    Some(kept)
}

fn list(json: &str) -> Option<Vec<String>> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notify_of_the_users_own_is_found_in_every_form() {
        let hook = "/h/.arize/harness/venv/bin/arize-hook-codex-notify";
        let inner = format!("[\"{hook}\"]");
        let chained = format!("[\"{hook}\",\"--previous-notify\",\"[\\\"a\\\"]\"]");
        for (command, expected) in [
            (vec![hook], None),
            (vec![hook, "--previous-notify", r#"["bell","-x"]"#], Some(vec!["bell", "-x"])),
            (vec!["bell", "-x", hook], Some(vec!["bell", "-x"])),
            (vec!["bell"], Some(vec!["bell"])),
            (
                vec!["App", "turn-ended", "--previous-notify", &inner],
                Some(vec!["App", "turn-ended"]),
            ),
            (
                vec!["App", "turn-ended", "--previous-notify", &chained],
                Some(vec!["App", "turn-ended", "--previous-notify", r#"["a"]"#]),
            ),
            (
                vec!["App", "--previous-notify", r#"["b", "c"]"#],
                Some(vec!["App", "--previous-notify", r#"["b", "c"]"#]),
            ),
        ] {
            let owned: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let expected: Option<Vec<String>> =
                expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
            assert_eq!(users_notify(&owned), expected, "{command:?}");
        }
    }

    #[test]
    fn its_service_is_distinguished_from_other_programs() {
        for (command, expected) in [
            ("/h/.arize/harness/venv/bin/python3 -m tracing.codex.codex_buffer", true),
            ("python3.11 /h/.arize/harness/codex-tracing/codex_buffer.py --port 4318", true),
            ("/h/venv/bin/python /h/.arize/harness/venv/bin/arize-codex-buffer run", true),
            ("/usr/bin/otelcol --config x", false),
            ("python3 -m http.server 4318", false),
            ("/opt/bin/arize-codex-buffer run", false),
        ] {
            assert_eq!(is_service(command), expected, "{command}");
        }
    }
}
