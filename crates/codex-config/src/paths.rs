//! The layout on disk, in one place.

use std::path::{Path, PathBuf};

use crate::{Environment, managed, variables};

/// Names every file and directory the programs share; it creates none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The user's home directory; `~` in settings stands for it.
    pub home: PathBuf,
    /// `~/.arize/harness`, the root of everything of ours.
    pub harness_home: PathBuf,
    /// `config.yaml`, the settings file.
    pub config_file: PathBuf,
    /// `config.json` of the newer Python system, read only while there is no `config.yaml`.
    pub legacy_config_file: PathBuf,
    /// `bin/`: installed programs and the `codex` shim.
    pub bin_dir: PathBuf,
    /// `run/`: pid file, lock and token of the buffer service.
    pub run_dir: PathBuf,
    /// `logs/`.
    pub logs_dir: PathBuf,
    /// `state/codex/`: per-thread state, the buffer database, the outbox, debug dumps.
    pub state_dir: PathBuf,
    /// `traces.db`, the local store.
    pub traces_db: PathBuf,
    /// Codex's own directory: `CODEX_HOME`, or `~/.codex`.
    pub codex_home: PathBuf,
    /// `arize-env.sh` in Codex's directory.
    pub env_file: PathBuf,
    /// The settings of an administrator, for all users of the machine.
    pub managed_file: PathBuf,
}

impl Paths {
    /// Lays out the paths below a home directory; `codex_home` replaces `~/.codex` where given.
    pub fn new(home: impl Into<PathBuf>, codex_home: Option<PathBuf>) -> Self {
        let home = home.into();
        let harness_home = home.join(".arize").join("harness");
        let codex_home = codex_home.unwrap_or_else(|| home.join(".codex"));
        Self::laid_out(home, harness_home, codex_home)
    }

    /// The same with other directories in place of `~/.arize/harness` and `~/.codex`.
    pub fn laid_out(home: PathBuf, harness_home: PathBuf, codex_home: PathBuf) -> Self {
        Self {
            config_file: harness_home.join("config.yaml"),
            legacy_config_file: harness_home.join("config.json"),
            bin_dir: harness_home.join("bin"),
            run_dir: harness_home.join("run"),
            logs_dir: harness_home.join("logs"),
            state_dir: harness_home.join("state").join("codex"),
            traces_db: harness_home.join("traces.db"),
            env_file: codex_home.join("arize-env.sh"),
            managed_file: managed::usual_file(),
            codex_home,
            harness_home,
            home,
        }
    }

    /// Lays out the paths from `HOME` (on Windows `USERPROFILE`), `ARIZE_HARNESS_HOME` and
    /// `CODEX_HOME`; `None` when no home directory is named.
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let home = environment.path(variables::USER_HOME)?;
        let Self { home, harness_home, codex_home, .. } =
            Self::new(home, environment.path(variables::CODEX_HOME));
        let harness_home = environment.path(variables::ARIZE_HARNESS_HOME).unwrap_or(harness_home);
        Some(Self::laid_out(home, harness_home, codex_home))
    }

    /// Lays out the paths from where a program of ours is installed, `~/.arize/harness/bin`; `None`
    /// when it is elsewhere. For a program that was started without `HOME`.
    pub fn from_program(program: &Path, environment: &Environment) -> Option<Self> {
        let bin = program.parent()?;
        let home = bin.ancestors().nth(3)?;
        let paths = Self::new(home, environment.path(variables::CODEX_HOME));
        (paths.bin_dir == bin).then_some(paths)
    }

    /// Gives the default log file, `logs/codex.log`.
    pub fn default_log_file(&self) -> PathBuf {
        self.logs_dir.join("codex.log")
    }

    /// Resolves a path from a setting: `~` is the home directory, and a relative path starts
    /// there, because the directory a hook runs in is an accident.
    pub fn resolve(&self, path: &str) -> PathBuf {
        if path == "~" {
            return self.home.clone();
        }
        let separators = if cfg!(windows) { ['/', '\\'].as_slice() } else { &['/'] };
        let below = path.strip_prefix('~').and_then(|path| path.strip_prefix(separators));
        self.home.join(Path::new(below.unwrap_or(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_below_a_home() {
        let paths = Paths::new("/home/ada", None);
        assert_eq!(paths.config_file, Path::new("/home/ada/.arize/harness/config.yaml"));
        assert_eq!(paths.state_dir, Path::new("/home/ada/.arize/harness/state/codex"));
        assert_eq!(paths.env_file, Path::new("/home/ada/.codex/arize-env.sh"));
    }

    #[test]
    fn codex_home_moves_the_env_file() {
        let environment =
            Environment::new([(variables::USER_HOME, "/home/ada"), ("CODEX_HOME", "/srv/codex")]);
        let paths = Paths::from_environment(&environment).unwrap();
        assert_eq!(paths.env_file, Path::new("/srv/codex/arize-env.sh"));
        assert_eq!(paths.harness_home, Path::new("/home/ada/.arize/harness"));
        assert_eq!(Paths::from_environment(&Environment::default()), None);
        let moved = Environment::new([
            (variables::USER_HOME, "/home/ada"),
            ("ARIZE_HARNESS_HOME", "/srv/arize"),
        ]);
        let paths = Paths::from_environment(&moved).unwrap();
        assert_eq!(paths.config_file, Path::new("/srv/arize/config.yaml"));
        assert_eq!(paths.codex_home, Path::new("/home/ada/.codex"));
    }

    #[test]
    fn a_home_is_known_by_what_is_installed_in_it() {
        let of = |program| Paths::from_program(Path::new(program), &Environment::default());
        let installed = "/home/ada/.arize/harness/bin/arize-hook-codex-notify";
        assert_eq!(of(installed), Some(Paths::new("/home/ada", None)));
        for elsewhere in ["/usr/bin/arize-hook-codex-notify", "arize-hook-codex-notify", "/"] {
            assert_eq!(of(elsewhere), None);
        }
    }

    #[test]
    fn paths_in_settings() {
        let paths = Paths::new("/home/ada", None);
        for (text, expected) in [
            ("~", "/home/ada"),
            ("~/x.log", "/home/ada/x.log"),
            ("x.log", "/home/ada/x.log"),
            ("/var/x.log", "/var/x.log"),
            ("~other/x.log", "/home/ada/~other/x.log"),
        ] {
            assert_eq!(paths.resolve(text), Path::new(expected));
        }
    }
}
