//! What git says of a folder, without running it: the repository belongs to a workspace, which may be
//! hostile.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most that is read of a `.git` file, in bytes.
const LARGEST: u64 = 4096;

/// The main folders of work trees, as far as they were looked for.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    known: HashMap<String, String>,
}

impl Folders {
    /// The folder that stands for a working directory: the top of its repository, of which all work
    /// trees count as the main one. The directory itself where it is in none, or is gone.
    pub(crate) fn of(&mut self, directory: &str) -> String {
        if let Some(folder) = self.known.get(directory) {
            return folder.clone();
        }
        let top = Some(Path::new(directory)).filter(|path| path.is_dir()).and_then(top);
        let folder = top.map_or_else(|| directory.to_owned(), |top| top.display().to_string());
        self.known.insert(directory.to_owned(), folder.clone());
        folder
    }
}

/// The folder under which turns in a directory are recorded.
pub fn folder_of(directory: &str) -> String {
    Folders::default().of(directory)
}

fn top(directory: &Path) -> Option<PathBuf> {
    let (folder, git) = directory
        .ancestors()
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| Some((folder, folder.join(".git"))).filter(|(_, git)| git.exists()))?;
    if git.is_dir() {
        return Some(folder.to_owned());
    }
    // `gitdir: MAIN/.git/worktrees/NAME`
    let text = small_file(&git).ok()?;
    let folder_of = Path::new(text.strip_prefix("gitdir:")?.trim());
    let main = folder_of.parent().filter(|worktrees| worktrees.ends_with(".git/worktrees"))?;
    Some(main.parent()?.parent()?.to_owned())
}

fn small_file(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// The address of a repository as a name: `host/owner/name`.
pub(crate) fn repository(address: &str) -> String {
    let address = address.trim();
    let name = match address.split_once("://") {
        Some((_, rest)) => rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).to_owned(),
        None => match address.split_once(':') {
            Some((host, path)) if !host.contains('/') => {
                let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
                format!("{host}/{}", path.trim_start_matches('/'))
            }
            _ => address.to_owned(),
        },
    };
    let name = name.trim_end_matches('/');
    name.strip_suffix(".git").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn forms_of_an_address_name_the_same_repository() {
        for address in [
            "https://github.com/acme/web.git",
            "https://user:secret@github.com/acme/web",
            "git@github.com:acme/web.git",
            "ssh://git@github.com/acme/web/",
        ] {
            assert_eq!(repository(address), "github.com/acme/web", "{address}");
        }
        assert_eq!(repository("/srv/git/web.git"), "/srv/git/web");
    }

    #[test]
    fn work_trees_count_as_their_main_one() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        fs::create_dir_all(home.path().join("main/.git/worktrees/other")).unwrap();
        fs::create_dir_all(home.path().join("main/src")).unwrap();
        fs::create_dir_all(home.path().join("other/src")).unwrap();
        fs::create_dir_all(home.path().join("module")).unwrap();
        let gitdir = |to: &str| format!("gitdir: {}\n", path(to));
        fs::write(home.path().join("other/.git"), gitdir("main/.git/worktrees/other")).unwrap();
        fs::write(home.path().join("module/.git"), gitdir("main/.git/modules/module")).unwrap();
        let mut folders = Folders::default();
        for (directory, expected) in [
            ("main", "main"),
            ("main/src", "main"),
            ("other", "main"),
            ("other/src", "main"),
            // A submodule is a repository of its own.
            ("module", "module"),
            ("gone", "gone"),
        ] {
            assert_eq!(folders.of(&path(directory)), path(expected), "{directory}");
        }
    }
}
