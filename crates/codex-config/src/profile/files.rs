//! Which files the shells of a user read.

use std::path::{Path, PathBuf};

use super::Shell;
use crate::{Environment, variables};

/// The conventions of an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux, macOS and the like.
    Unix,
    /// Windows.
    Windows,
}

impl Platform {
    /// The one that this program runs on.
    pub const CURRENT: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

/// A file that a shell reads when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The shell.
    pub shell: Shell,
    /// The file, which need not exist.
    pub path: PathBuf,
}

/// Lists the files that need the block, so that each shell that the user has gets it once: those
/// that exist, and for the login shell (`SHELL`) the one that it would read.
///
/// A file that would keep a shell from reading another one is not proposed unless it exists.
pub fn profiles(
    home: &Path,
    environment: &Environment,
    platform: Platform,
    exists: impl Fn(&Path) -> bool,
) -> Vec<Profile> {
    if platform == Platform::Windows {
        // Windows PowerShell and its successor; the first is always installed.
        return ["WindowsPowerShell", "PowerShell"]
            .map(|folder| home.join("Documents").join(folder))
            .into_iter()
            .enumerate()
            .filter(|(index, folder)| *index == 0 || exists(folder))
            .map(|(_, folder)| power_shell(&folder))
            .collect();
    }
    let login_shell = environment.path(variables::SHELL);
    let login_shell =
        login_shell.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let uses = |name| login_shell == Some(name);
    let config =
        environment.path(variables::XDG_CONFIG_HOME).unwrap_or_else(|| home.join(".config"));
    let mut found = Vec::new();
    let mut add = |wanted: bool, shell, path: PathBuf| {
        if wanted || exists(&path) {
            found.push(Profile { shell, path });
        }
    };

    add(uses("bash"), Shell::Bash, home.join(".bashrc"));
    // A login shell of bash reads the first of these, other shells the last.
    let of_bash = [".bash_profile", ".bash_login"].map(|name| home.join(name));
    let first = of_bash.into_iter().find(|path| exists(path));
    let reads_profile = first.is_none() && uses("bash");
    if let Some(first) = first {
        add(true, Shell::Bash, first);
    }
    let is_posix = login_shell.is_some_and(|name| matches!(name, "sh" | "dash" | "ash" | "ksh"));
    add(reads_profile || is_posix, Shell::Sh, home.join(".profile"));

    let zsh = environment.path(variables::ZDOTDIR).unwrap_or_else(|| home.to_owned());
    add(uses("zsh"), Shell::Zsh, zsh.join(".zshrc"));
    let fish = config.join("fish");
    add(uses("fish") || exists(&fish), Shell::Fish, fish.join("conf.d").join("arize-codex.fish"));
    let power_shell_folder = config.join("powershell");
    if uses("pwsh") || exists(&power_shell_folder) {
        found.push(power_shell(&power_shell_folder));
    }
    found
}

fn power_shell(folder: &Path) -> Profile {
    Profile { shell: Shell::PowerShell, path: folder.join("Microsoft.PowerShell_profile.ps1") }
}
