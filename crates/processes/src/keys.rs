//! Programs of the system need none of the user's credentials.

use std::ffi::OsStr;
use std::process::Command;

/// Parts of the names of variables that hold credentials, such as `PHOENIX_API_KEY` and
/// `OTEL_EXPORTER_OTLP_HEADERS`.
const PARTS: [&str; 10] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "HEADERS",
    "COOKIE",
    "DATABASE_URL",
];

/// Leaves the variables that hold credentials out of what a program inherits. For Codex, which may need
/// them to work, and for our own programs this is not meant.
pub fn without_keys(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_key(name)) {
        command.env_remove(name);
    }
    command
}

fn is_key(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_by_their_names() {
        for name in [
            "OPENAI_API_KEY",
            "ARIZE_API_KEY",
            "PHOENIX_CLIENT_HEADERS",
            "MLFLOW_TRACKING_TOKEN",
            "MLFLOW_TRACKING_PASSWORD",
            "github_token",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_key(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "CODEX_HOME"] {
            assert!(!is_key(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_program_does_not_inherit_them() {
        let keys: Vec<_> = std::env::vars_os().filter(|(name, _)| is_key(name)).collect();
        let mut command = Command::new("any");
        without_keys(&mut command);
        let removed: Vec<_> = command.get_envs().collect();
        assert_eq!(removed.len(), keys.len());
        assert!(removed.iter().all(|(_, value)| value.is_none()));
    }
}
