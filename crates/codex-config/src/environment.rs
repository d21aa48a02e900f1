//! Environment variables as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use crate::variables::USER_HOME;

/// Holds the variables of a process and, below them, those of `arize-env.sh`.
///
/// An empty variable counts as unset. `Debug` shows names only, because values may be credentials.
#[derive(Clone, Default)]
pub struct Environment {
    process: BTreeMap<OsString, OsString>,
    file: BTreeMap<String, String>,
}

impl Environment {
    /// Takes the variables of a process, for example `std::env::vars_os()`.
    pub fn new<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let process = variables.into_iter().map(|(k, v)| (key(&k.into()), v.into())).collect();
        Self { process, file: BTreeMap::new() }
    }

    /// The same with this home directory where no variable names one, as in a job without `HOME`: the
    /// system knows it (`std::env::home_dir`), and Codex uses it.
    #[must_use]
    pub fn or_home(mut self, home: Option<PathBuf>) -> Self {
        if let (None, Some(home)) = (self.path(USER_HOME), home) {
            self.process.insert(key(OsStr::new(USER_HOME)), home.into_os_string());
        }
        self
    }

    /// Adds variables that hold where the process does not set them.
    pub(crate) fn with_fallback(&self, file: BTreeMap<String, String>) -> Self {
        Self { process: self.process.clone(), file }
    }

    /// The same without these variables of the process; those of `arize-env.sh` stay.
    pub fn without(&self, names: &[&str]) -> Self {
        let mut rest = self.clone();
        for name in names {
            rest.process.remove(&key(OsStr::new(name)));
        }
        rest
    }

    /// The same without the variables whose names `is_kept` refuses, wherever they are set.
    pub(crate) fn filtered(&self, is_kept: &dyn Fn(&str) -> bool) -> Self {
        let mut rest = self.clone();
        rest.process.retain(|name, _| name.to_str().is_none_or(is_kept));
        rest.file.retain(|name, _| is_kept(name));
        rest
    }

    /// The variables of `arize-env.sh` alone.
    pub(crate) fn without_process(&self) -> Self {
        Self { process: BTreeMap::new(), file: self.file.clone() }
    }

    /// Looks up a variable of the process; `None` when it is unset, empty, not Unicode, or as
    /// `arize-env.sh` has it.
    pub(crate) fn of_process(&self, name: &str) -> Option<&str> {
        let value = self.process.get(&key(OsStr::new(name)))?.to_str()?;
        let is_own = !value.is_empty() && self.file.get(name).is_none_or(|file| file != value);
        is_own.then_some(value)
    }

    /// Looks a variable up; `None` when it is unset, empty or not Unicode.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.process
            .get(&key(OsStr::new(name)))
            .and_then(|value| value.to_str())
            .filter(|value| !value.is_empty())
            .or_else(|| self.file.get(name).map(String::as_str).filter(|value| !value.is_empty()))
    }

    /// Looks up a variable of the process that names a path, which need not be Unicode.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.process.get(&key(OsStr::new(name)))?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }
}

/// The name under which a variable is kept: on Windows `Path` is `PATH`.
fn key(name: &OsStr) -> OsString {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("process", &self.process.keys())
            .field("file", &self.file.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_the_system_counts_where_no_variable_names_one() {
        let home = |environment: Environment| {
            environment.or_home(Some(PathBuf::from("/home/ada"))).path(USER_HOME)
        };
        let none: [(&str, &str); 0] = [];
        assert_eq!(home(Environment::new(none)), Some(PathBuf::from("/home/ada")));
        assert_eq!(home(Environment::new([(USER_HOME, "")])), Some(PathBuf::from("/home/ada")));
        assert_eq!(home(Environment::new([(USER_HOME, "/x")])), Some(PathBuf::from("/x")));
    }

    #[test]
    fn the_process_beats_the_file_and_empty_is_unset() {
        let file = [("A", "file"), ("B", "file"), ("C", "")].map(|(k, v)| (k.into(), v.into()));
        let environment =
            Environment::new([("A", "process"), ("B", "")]).with_fallback(file.into());
        assert_eq!(environment.get("A"), Some("process"));
        assert_eq!(environment.get("B"), Some("file"));
        assert_eq!(environment.get("C"), None);
        assert_eq!(environment.without(&["A", "D"]).get("A"), Some("file"));
    }

    #[test]
    fn only_windows_finds_a_name_in_other_letters() {
        let environment = Environment::new([("Path", "x")]);
        assert_eq!(environment.get("Path"), Some("x"));
        assert_eq!(environment.path("PATH").is_some(), cfg!(windows));
    }

    #[test]
    fn debug_shows_no_values() {
        let environment = Environment::new([("PHOENIX_API_KEY", "hunter2")]);
        let shown = format!("{environment:?}");
        assert!(shown.contains("PHOENIX_API_KEY") && !shown.contains("hunter2"), "{shown}");
    }
}
