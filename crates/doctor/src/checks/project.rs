//! Configuration of the project around the working directory, from which Codex takes less than from
//! the user's own.

use std::fs;
use std::path::{Path, PathBuf};

use codex_config::codex_toml;
use codex_home::CodexVersion;

use crate::Finding;
use crate::words::edit;

const CHECK: &str = "codex.project";

/// From this version on, Codex ignores `notify` and `otel` in the configuration of a project.
const IGNORED_SINCE: CodexVersion = CodexVersion { major: 0, minor: 130, patch: 0 };

/// A `.codex/config.toml` of a project that sets what Codex takes from the user's only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The file.
    pub file: PathBuf,
    /// The keys.
    pub keys: Vec<&'static str>,
}

/// What the facts mean; nothing where no project sets such keys.
pub fn check(projects: &[Project], version: Option<CodexVersion>) -> Vec<Finding> {
    projects.iter().map(|project| evaluate(project, version)).collect()
}

fn evaluate(project: &Project, version: Option<CodexVersion>) -> Finding {
    let keys: Vec<String> = project.keys.iter().map(|key| format!("`{key}`")).collect();
    let (file, keys) = (project.file.display(), keys.join(" and "));
    let message = if version.is_some_and(|version| version < IGNORED_SINCE) {
        format!("`{file}` sets {keys}, which this Codex prefers to your own settings")
    } else {
        format!("`{file}` sets {keys}, which Codex ignores there")
    };
    Finding::warning(CHECK, message, edit(&project.file))
}

/// The configuration of the project around a directory, up to the root of its repository.
pub fn inspect(directory: &Path, codex_home: &Path) -> Vec<Project> {
    let root = directory.ancestors().find(|folder| folder.join(".git").exists());
    let root = root.unwrap_or(directory);
    let folders = directory.ancestors().take_while(|folder| folder.starts_with(root));
    let files = folders.map(|folder| folder.join(".codex"));
    files
        .filter(|folder| folder != codex_home)
        .filter_map(|folder| {
            let file = folder.join("config.toml");
            let found = codex_toml::inspect(&fs::read_to_string(&file).ok()?).ok()?;
            let keys = [("notify", found.notify.is_some()), ("otel", found.otel.is_some())];
            let keys: Vec<_> =
                keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect();
            (!keys.is_empty()).then_some(Project { file, keys })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::checks::expect;

    #[test]
    fn the_project_is_searched_up_to_its_root() {
        let home = tempfile::tempdir().unwrap();
        let below = home.path().join("repository/a/b");
        fs::create_dir_all(&below).unwrap();
        fs::create_dir_all(home.path().join("repository/.git")).unwrap();
        for (folder, text) in [
            ("", "notify = [\"x\"]\n"),
            ("repository", "[otel]\n"),
            ("repository/a", "model = \"x\"\n"),
        ] {
            let folder = home.path().join(folder).join(".codex");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("config.toml"), text).unwrap();
        }
        let found = inspect(&below, &home.path().join(".codex"));
        let file = home.path().join("repository/.codex/config.toml");
        assert_eq!(found, [Project { file, keys: vec!["otel"] }]);
        for (version, part) in [("0.169.0", "ignores there"), ("0.98.0", "prefers to your own")] {
            expect::only(&check(&found, CodexVersion::parse(version)), Level::Warning, part);
        }
        assert_eq!(inspect(home.path(), &home.path().join(".codex")), []);
    }
}
