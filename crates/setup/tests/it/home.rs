//! A temporary home, and what is in it.

use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use codex_config::{Environment, Paths, variables};
use machine::Machine;
use setup::ask::TakeProposed;
use setup::{Answers, Applied, ApplyError, Facts, PROGRAMS, Plan, Request};
use tempfile::TempDir;

/// A profile that every installation changes.
pub(crate) const PROFILE: &str = match cfg!(windows) {
    true => "Documents/WindowsPowerShell/Microsoft.PowerShell_profile.ps1",
    false => ".zshrc",
};

/// A home with some files of its user.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) machine: Machine,
}

/// What is in a folder: files with their content, links with their target, folders.
pub(crate) type Tree = BTreeMap<PathBuf, String>;

impl Home {
    /// Makes a home with these files; a content that begins with `-> ` is a symbolic link.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("build");
        fs::create_dir(&programs).unwrap();
        for program in PROGRAMS {
            let program = format!("{program}{EXE_SUFFIX}");
            fs::write(programs.join(&program), format!("#!/bin/sh\n# {program}\n")).unwrap();
        }
        let user = folder.path().join("user");
        fs::create_dir(&user).unwrap();
        let variables = [
            (variables::USER_HOME, user.to_str().unwrap()),
            ("SHELL", "/bin/zsh"),
            ("PATH", "/nowhere"),
        ];
        let environment = Environment::new(variables);
        let paths = Paths::from_environment(&environment).unwrap();
        let home = Self {
            folder,
            machine: Machine { paths, environment, programs, folder: user, has_registry: false },
        };
        for (path, content) in files {
            home.write(path, content);
        }
        home
    }

    /// Puts a Codex on the `PATH` that says it is this version.
    pub(crate) fn with_codex(mut self, version: &str) -> Self {
        let folder = self.folder.path().join("usr");
        fs::create_dir_all(&folder).unwrap();
        write_codex(&folder, version);
        let user = self.path("");
        let variables = [
            (variables::USER_HOME, user.as_path()),
            ("SHELL", Path::new("/bin/zsh")),
            ("PATH", &folder),
        ];
        self.machine.environment = Environment::new(variables);
        self
    }

    /// Writes a file of the user.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("-> ") {
            #[cfg(unix)]
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            _ => fs::write(path, content).unwrap(),
        }
    }

    /// Reads a file of the user.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The path of a file of the user.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("user").join(path)
    }

    /// A message as it is on Unix and with `~` for the home.
    pub(crate) fn shown(&self, message: &str) -> String {
        let short = message.replace(&self.path("").display().to_string(), "~/");
        short.replace(MAIN_SEPARATOR, "/").replace(EXE_SUFFIX, "")
    }

    /// Keeps a file of the user from being written to, or no longer.
    pub(crate) fn set_read_only(&self, path: &str, read_only: bool) {
        let path = self.path(path);
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(read_only);
        fs::set_permissions(&path, permissions).unwrap();
    }

    /// Everything in the home, but for our data.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        collect(&self.path(""), &self.path(""), &mut tree);
        tree
    }

    /// Plans what this request needs, all else as proposed.
    pub(crate) fn plan(&self, request: &Request) -> (Facts, Answers, Plan) {
        let facts = setup::inspect(&self.machine, request).unwrap();
        let mut ask = TakeProposed::default();
        let answers = setup::interview(request, &facts, &self.machine, &mut ask).unwrap();
        let plan = setup::plan(&self.machine, &facts, &answers).unwrap();
        (facts, answers, plan)
    }

    /// Carries a plan out.
    pub(crate) fn apply(&self, facts: &Facts, plan: &Plan) -> Result<Applied, ApplyError> {
        setup::apply(&self.machine, facts, plan)
    }

    /// Installs.
    pub(crate) fn install(&self, request: &Request) -> Applied {
        let (facts, _, plan) = self.plan(request);
        self.apply(&facts, &plan).unwrap()
    }

    /// Uninstalls; nothing must be left undone.
    pub(crate) fn uninstall(&self, purge: bool) {
        let removal = setup::uninstall::plan(&self.machine, purge).unwrap();
        let removed = removal.carry_out(&self.machine).unwrap();
        assert_eq!(removed.problems, [], "{removed:?}");
    }
}

#[cfg(unix)]
fn write_codex(folder: &Path, version: &str) {
    let codex = folder.join("codex");
    fs::write(&codex, format!("#!/bin/sh\necho codex-cli {version}\n")).unwrap();
    fs::set_permissions(&codex, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(windows)]
fn write_codex(folder: &Path, version: &str) {
    fs::write(folder.join("codex.cmd"), format!("@echo codex-cli {version}\r\n")).unwrap();
}

/// A request that starts no process.
pub(crate) fn quiet() -> Request {
    // A port without a service, so that the machine of a developer does not matter, and
    // that no system gives to a server of another test.
    Request { no_service: true, port: Some(25_999), ..Request::default() }
}

fn collect(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_owned();
        if let Ok(target) = fs::read_link(&path) {
            tree.insert(name, format!("-> {}", target.display()));
        } else if path.is_dir() {
            tree.insert(name, "folder".to_owned());
            collect(root, &path, tree);
        } else {
            tree.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
}
