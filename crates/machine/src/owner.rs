//! What put programs onto this machine, and how they are removed.

use std::fs;
use std::path::{Path, PathBuf};

/// What owns a folder of programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A package manager.
    Manager {
        /// Its name.
        name: &'static str,
        /// The command that removes the programs.
        removal: String,
        /// A folder that leads to the programs after an update, too; nothing where theirs does.
        stable: Option<PathBuf>,
    },
    /// A cache from which a package manager runs programs once (`npx`, `uvx`).
    Cache(&'static str),
    /// Nothing that is known.
    None,
}

/// The package, by its name in all package managers.
const PACKAGE: &str = "arize-codex";

impl Owner {
    /// What owns the programs in this folder, given without symbolic links.
    pub fn of(folder: &Path) -> Self {
        let text = folder.to_string_lossy().replace('\\', "/");
        Self::by_path(&text)
            .or_else(|| Self::of_python(folder))
            .or_else(|| Self::of_archive(folder))
            .or_else(|| Self::of_cargo(folder))
            .or_else(|| Self::of_debian(folder))
            .unwrap_or(Self::None)
    }

    /// Its name; nothing where it is not known.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Manager { name, .. } | Self::Cache(name) => Some(name),
            Self::None => None,
        }
    }

    /// The command that removes the programs in this folder, where one is needed.
    pub fn removal(&self, folder: &Path) -> Option<String> {
        match self {
            Self::Manager { removal, .. } => Some(removal.clone()),
            Self::Cache(_) => None,
            Self::None => {
                let files = crate::PROGRAMS.map(|program| {
                    let file = folder.join(crate::programs::file_name(program));
                    codex_config::shell_word(&file.display().to_string())
                });
                Some(match cfg!(windows) {
                    true => format!("Remove-Item {}", files.join(", ")),
                    false => format!("rm {}", files.join(" ")),
                })
            }
        }
    }

    fn manager(name: &'static str, removal: impl Into<String>) -> Self {
        Self::Manager { name, removal: removal.into(), stable: None }
    }

    fn by_path(path: &str) -> Option<Self> {
        let is_node = path.contains("/node_modules/") || path.contains("/pnpm");
        Some(if is_node && path.contains("/_npx/") {
            Self::Cache("npx")
        } else if is_node && path.contains("/pnpm") || path.contains("/.pnpm/") {
            Self::manager("pnpm", format!("pnpm remove -g {PACKAGE}"))
        } else if is_node && path.contains("/.bun/") {
            Self::manager("bun", format!("bun remove -g {PACKAGE}"))
        } else if is_node {
            Self::manager("npm", format!("npm uninstall -g {PACKAGE}"))
        } else if let Some((prefix, _)) = path.split_once("/Cellar/") {
            Self::Manager {
                name: "Homebrew",
                removal: format!("brew uninstall {PACKAGE}"),
                stable: Some(Path::new(prefix).join("bin")),
            }
        } else if path.contains("/uv/tools/") {
            Self::manager("uv", format!("uv tool uninstall {PACKAGE}"))
        } else if path.contains("/uv/archive-v") || path.contains("/uv/environments-v") {
            Self::Cache("uvx")
        } else if path.contains("/pipx/venvs/") {
            Self::manager("pipx", format!("pipx uninstall {PACKAGE}"))
        } else {
            return None;
        })
    }

    /// A virtual environment, or a prefix that Python installs into.
    fn of_python(folder: &Path) -> Option<Self> {
        let prefix = folder.parent()?;
        if prefix.join("pyvenv.cfg").is_file() {
            let python = folder.join("python").display().to_string();
            let python = codex_config::shell_word(&python);
            return Some(Self::manager("pip", format!("{python} -m pip uninstall {PACKAGE}")));
        }
        let mut libraries = fs::read_dir(prefix.join("lib")).ok()?.flatten();
        let has_package = |library: fs::DirEntry| {
            let packages = ["site-packages", "dist-packages"].map(|name| library.path().join(name));
            let mut entries =
                packages.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
            entries
                .any(|entry| entry.is_ok_and(|entry| is_info(&entry.file_name().to_string_lossy())))
        };
        let found = libraries.any(has_package);
        found.then(|| Self::manager("pip", format!("python3 -m pip uninstall {PACKAGE}")))
    }

    /// What `install.sh` made: `PREFIX/lib/arize-codex/VERSION/bin`, and links in `PREFIX/bin`.
    fn of_archive(folder: &Path) -> Option<Self> {
        let home =
            folder.ancestors().find(|above| above.file_name().is_some_and(|it| it == PACKAGE))?;
        let installer = home.join("install.sh");
        let prefix = home.parent()?.parent()?;
        installer.is_file().then(|| {
            let words = [&installer, prefix]
                .map(|path: &Path| codex_config::shell_word(&path.display().to_string()));
            Self::Manager {
                name: "install.sh",
                removal: format!("sh {} --uninstall --prefix {}", words[0], words[1]),
                stable: Some(prefix.join("bin")),
            }
        })
    }

    fn of_cargo(folder: &Path) -> Option<Self> {
        let root = folder.parent()?;
        let installed = fs::read_to_string(root.join(".crates.toml")).ok()?;
        let ours = installed.lines().filter(|line| {
            crate::PROGRAMS.iter().any(|program| line.contains(&format!("\"{program}\"")))
        });
        // `"cli 0.1.0 (path+file:///…)" = ["arize-codex", "arize-config"]`
        let packages: Vec<&str> =
            ours.filter_map(|line| line.strip_prefix('"')?.split(' ').next()).collect();
        if packages.is_empty() {
            return None;
        }
        let root = codex_config::shell_word(&root.display().to_string());
        let packages = packages.join(" ");
        Some(Self::manager("cargo", format!("cargo uninstall --root {root} {packages}")))
    }

    fn of_debian(folder: &Path) -> Option<Self> {
        let list = Path::new("/var/lib/dpkg/info").join(format!("{PACKAGE}.list"));
        let is_system = folder == Path::new("/usr/bin") || folder == Path::new("/bin");
        (is_system && list.is_file())
            .then(|| Self::manager("apt", format!("sudo apt remove {PACKAGE}")))
    }
}

fn is_info(name: &str) -> bool {
    name.starts_with("arize_codex-") && name.ends_with(".dist-info")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(folder: &Path, name: &str, removal: &str) {
        let owner = Owner::of(folder);
        assert_eq!(owner.name(), Some(name), "{owner:?}");
        assert_eq!(owner.removal(folder).unwrap_or_default(), removal, "{owner:?}");
    }

    /// The folders are those in which these managers put programs.
    #[test]
    fn managers_are_known_by_their_folders() {
        let platform = "node_modules/arize-codex-linux-x64/bin";
        let npm = "npm uninstall -g arize-codex";
        for (folder, name, removal) in [
            (format!("/usr/lib/node_modules/arize-codex/{platform}"), "npm", npm),
            (format!("/h/.nvm/versions/node/v22.1.0/lib/{platform}"), "npm", npm),
            (format!("/h/.npm/_npx/aa/{platform}"), "npx", ""),
            (
                format!(
                    "/h/.local/share/pnpm/global/5/.pnpm/arize-codex-linux-x64@0.1.0/{platform}"
                ),
                "pnpm",
                "pnpm remove -g arize-codex",
            ),
            (format!("/h/.bun/install/global/{platform}"), "bun", "bun remove -g arize-codex"),
            (
                "/home/linuxbrew/.linuxbrew/Cellar/arize-codex/0.1.0/bin".to_owned(),
                "Homebrew",
                "brew uninstall arize-codex",
            ),
            (
                "/h/.local/share/uv/tools/arize-codex/bin".to_owned(),
                "uv",
                "uv tool uninstall arize-codex",
            ),
            ("/h/.cache/uv/archive-v0/x/bin".to_owned(), "uvx", ""),
            (
                "/h/.local/share/pipx/venvs/arize-codex/bin".to_owned(),
                "pipx",
                "pipx uninstall arize-codex",
            ),
        ] {
            check(Path::new(&folder), name, removal);
        }
        let brew = Owner::of(Path::new("/opt/homebrew/Cellar/arize-codex/0.1.0/bin"));
        let Owner::Manager { stable, .. } = brew else { panic!("{brew:?}") };
        assert_eq!(stable.as_deref(), Some(Path::new("/opt/homebrew/bin")));
    }

    #[test]
    fn managers_are_known_by_what_they_wrote_down() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let at = |path: &str| home.path().join(path);
        write("venv/pyvenv.cfg", "");
        let python = at("venv/bin/python");
        let removal = format!("{} -m pip uninstall arize-codex", python.display());
        check(&at("venv/bin"), "pip", &removal);
        write(".local/lib/python3.13/site-packages/arize_codex-0.1.0.dist-info/RECORD", "");
        check(&at(".local/bin"), "pip", "python3 -m pip uninstall arize-codex");
        write(
            ".cargo/.crates.toml",
            "[v1]\n\"cli 0.1.0 (path+file:///x)\" = [\"arize-codex\", \"arize-config\"]\n\
             \"ripgrep 15.0.0 (registry)\" = [\"rg\"]\n",
        );
        let root = at(".cargo");
        check(
            &at(".cargo/bin"),
            "cargo",
            &format!("cargo uninstall --root {} cli", root.display()),
        );
        write("opt/lib/arize-codex/install.sh", "");
        let (script, prefix) = (at("opt/lib/arize-codex/install.sh"), at("opt"));
        let removal = format!("sh {} --uninstall --prefix {}", script.display(), prefix.display());
        check(&at("opt/lib/arize-codex/0.1.0-x/bin"), "install.sh", &removal);
        assert_eq!(Owner::of(&at("build")), Owner::None);
        let removal = Owner::None.removal(&at("build")).unwrap();
        assert!(removal.starts_with("rm ") && removal.contains("build/arize-config"), "{removal}");
    }
}
