//! Whether tracked files of a repository differ from its commit.
//!
//! The repository belongs to the workspace, which may be hostile: its configuration can name programs
//! that `git status` runs (filters, monitors, transports of missing objects), and these would run
//! outside Codex's sandbox. So git never sees that configuration. It gets a git folder of ours, empty
//! but for the commit, and gets the paths where the index, the objects and the work tree are. It inherits
//! nothing of the environment but the `PATH`: what else is there may hold keys.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How long the question may take; a large repository stays without an answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// The most that is read of a file below `.git`, in bytes. `packed-refs` has a line per branch and tag.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// How many names of branches may lead to one another.
const SYMBOLIC_REFS: usize = 5;

/// A question to git that is being answered while the hook waits for something else.
pub(crate) struct Dirty(Option<Status>);

/// A running `git status`.
struct Status {
    git: Child,
    /// The git folder that it was given.
    _folder: TempDir,
}

impl Dirty {
    /// Asks whether tracked files of a working directory differ from its commit. There is no answer
    /// where a filter changes files on their way into the repository: git would need to run it.
    pub(crate) fn ask(directory: Option<&str>) -> Self {
        let repository = directory.and_then(|directory| Repository::around(Path::new(directory)));
        let repository = repository.filter(|repository| !repository.names_filters());
        Self(repository.and_then(|repository| repository.status().ok()))
    }

    /// The answer, if it has come in time.
    pub(crate) fn answer(self) -> Option<bool> {
        self.within(PATIENCE)
    }

    /// One letter of its list says enough: git would wait for a reader of all of a long one.
    fn within(self, patience: Duration) -> Option<bool> {
        let mut status = self.0?;
        let child = &mut status.git;
        let mut stdout = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let read = stdout.read(&mut [0]);
            // There is no receiver any more if it took too long.
            let _ = sender.send(read);
        });
        let answer = match receiver.recv_timeout(patience) {
            Ok(Ok(0)) => child.wait().ok().filter(ExitStatus::success).map(|_| false),
            Ok(Ok(_)) => Some(true),
            Ok(Err(_)) | Err(_) => None,
        };
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        answer
    }
}

/// Where the parts of a repository are.
#[derive(Debug)]
struct Repository {
    work_tree: PathBuf,
    /// What belongs to this work tree: `HEAD` and the index.
    git_dir: PathBuf,
    /// What all work trees of the repository share: branches and objects.
    common_dir: PathBuf,
}

impl Repository {
    /// The repository that a directory is in.
    fn around(directory: &Path) -> Option<Self> {
        if !directory.is_absolute() || !directory.is_dir() {
            return None;
        }
        let work_tree = directory.ancestors().find(|folder| folder.join(".git").exists())?;
        let dot_git = work_tree.join(".git");
        // Of a linked work tree and a submodule it is a file that says where the folder is.
        let git_dir = if dot_git.is_dir() {
            dot_git
        } else {
            work_tree.join(text_of(&dot_git)?.strip_prefix("gitdir:")?.trim())
        };
        let common = text_of(&git_dir.join("commondir"));
        let common_dir = common.map_or(git_dir.clone(), |path| git_dir.join(path.trim()));
        Some(Self { work_tree: work_tree.to_owned(), git_dir, common_dir })
    }

    /// Whether the attributes of the repository name filters, such as those of Git LFS.
    fn names_filters(&self) -> bool {
        let files =
            [self.work_tree.join(".gitattributes"), self.common_dir.join("info/attributes")];
        files.iter().any(|file| text_of(file).is_some_and(|text| text.contains("filter=")))
    }

    /// The commit that is checked out: 40 hexadecimal digits.
    fn commit(&self) -> Option<String> {
        let mut name = text_of(&self.git_dir.join("HEAD"))?;
        for _ in 0..SYMBOLIC_REFS {
            let text = name.trim();
            let Some(target) = text.strip_prefix("ref:") else {
                return is_commit(text).then(|| text.to_owned());
            };
            name = self.reference(target.trim())?;
        }
        None
    }

    /// What a branch leads to.
    fn reference(&self, name: &str) -> Option<String> {
        let is_name = name.starts_with("refs/") && !name.split('/').any(|part| part == "..");
        let loose = is_name.then(|| text_of(&self.common_dir.join(name)))?;
        loose.or_else(|| {
            let packed = text_of(&self.common_dir.join("packed-refs"))?;
            let commit = packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '));
            commit.map(str::to_owned)
        })
    }

    fn status(&self) -> io::Result<Status> {
        let commit = self.commit().ok_or(io::ErrorKind::NotFound)?;
        let folder = tempfile::Builder::new().prefix("arize-codex-git").tempdir()?;
        fs::write(folder.path().join("HEAD"), format!("{commit}\n"))?;
        fs::create_dir(folder.path().join("refs"))?;
        let mut git = Command::new("git");
        git.env_clear().envs(search_path());
        git.current_dir(folder.path());
        git.env("GIT_DIR", folder.path());
        git.env("GIT_WORK_TREE", &self.work_tree);
        git.env("GIT_INDEX_FILE", self.git_dir.join("index"));
        git.env("GIT_OBJECT_DIRECTORY", self.common_dir.join("objects"));
        git.env("GIT_CONFIG_NOSYSTEM", "1");
        // An empty name is no file at all.
        git.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_SYSTEM", "");
        git.env("GIT_NO_LAZY_FETCH", "1");
        // Codex may want the lock.
        git.arg("--no-optional-locks");
        if cfg!(windows) {
            // As git sets up each repository there.
            git.args(["-c", "core.fileMode=false", "-c", "core.symlinks=false"]);
            git.args(["-c", "core.ignoreCase=true"]);
        }
        git.args(["status", "--porcelain", "--untracked-files=no", "--ignore-submodules"]);
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Status { git: git.spawn()?, _folder: folder })
    }
}

/// What a program needs to be found and to start.
fn search_path() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let names = ["PATH", "SystemRoot"];
    names.into_iter().filter_map(|name| Some((name, std::env::var_os(OsStr::new(name))?)))
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The text of a file of moderate size; none where it is no file, which could be a pipe that is never
/// written to.
fn text_of(path: &Path) -> Option<String> {
    path.is_file().then_some(())?;
    let mut text = String::new();
    File::open(path).ok()?.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

// Where Windows is tested there is no git for it.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Scene {
        dir: TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let scene = Self { dir: tempfile::tempdir().unwrap() };
            fs::create_dir(scene.path("work")).unwrap();
            scene.git(&["init", "--quiet"]);
            scene
        }

        /// A repository with a file in a commit.
        fn with_a_commit() -> Self {
            let scene = Self::new();
            fs::write(scene.path("work/a"), "1").unwrap();
            scene.commit();
            scene
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn git(&self, arguments: &[&str]) {
            let mut git = Command::new("git");
            git.arg("-C").arg(self.path("work")).args(arguments);
            let done = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
            assert!(done.status.success(), "{done:?}");
        }

        fn commit(&self) {
            self.git(&["add", "."]);
            let name = ["-c", "user.name=a", "-c", "user.email=a@b"];
            self.git(&[&name[..], &["commit", "--quiet", "-m", "a"]].concat());
        }

        fn is_dirty(&self) -> Option<bool> {
            self.is_dirty_in("work")
        }

        fn is_dirty_in(&self, folder: &str) -> Option<bool> {
            Dirty::ask(self.path(folder).to_str()).within(Duration::from_secs(60))
        }

        /// A program that leaves a file when it runs, and its name in git's configuration.
        fn trap(&self) -> String {
            let trap = self.path("trap");
            let mark = self.path("ran");
            let script = format!("#!/bin/sh\nenv > {}\ncat\n", mark.display());
            fs::write(&trap, script).unwrap();
            fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
            trap.display().to_string()
        }

        fn has_run_the_trap(&self) -> bool {
            self.path("ran").exists()
        }
    }

    #[test]
    fn a_repository_is_dirty_when_a_tracked_file_differs() {
        let scene = Scene::new();
        assert_eq!(scene.is_dirty(), None, "no commit");
        fs::write(scene.path("work/a"), "1").unwrap();
        // Their names are more than a pipe takes.
        for number in 0..1000 {
            fs::write(scene.path(&format!("work/{number:0>100}")), "1").unwrap();
        }
        scene.commit();
        assert_eq!(scene.is_dirty(), Some(false));
        fs::write(scene.path("work/b"), "untracked").unwrap();
        assert_eq!(scene.is_dirty(), Some(false));
        fs::write(scene.path("work/a"), "2").unwrap();
        assert_eq!(scene.is_dirty(), Some(true));
        for number in 0..1000 {
            fs::remove_file(scene.path(&format!("work/{number:0>100}"))).unwrap();
        }
        assert_eq!(scene.is_dirty(), Some(true));
        assert_eq!(Dirty::ask(None).answer(), None);
        assert_eq!(Dirty::ask(Some("work")).answer(), None, "a relative path");
    }

    #[test]
    fn staged_changes_and_folders_below_count() {
        let scene = Scene::with_a_commit();
        fs::create_dir_all(scene.path("work/below/it")).unwrap();
        assert_eq!(scene.is_dirty_in("work/below/it"), Some(false));
        fs::write(scene.path("work/b"), "new").unwrap();
        scene.git(&["add", "b"]);
        assert_eq!(scene.is_dirty_in("work/below/it"), Some(true));
    }

    #[test]
    fn the_commit_is_found_wherever_git_keeps_it() {
        let scene = Scene::with_a_commit();
        scene.git(&["checkout", "--quiet", "-b", "feature/x"]);
        assert_eq!(scene.is_dirty(), Some(false), "a loose branch");
        scene.git(&["pack-refs", "--all"]);
        assert_eq!(scene.is_dirty(), Some(false), "a packed branch");
        scene.git(&["checkout", "--quiet", "--detach"]);
        assert_eq!(scene.is_dirty(), Some(false), "no branch");
        scene.git(&["worktree", "add", "--quiet", "../linked"]);
        assert_eq!(scene.is_dirty_in("linked"), Some(false), "a linked work tree");
        fs::write(scene.path("linked/a"), "2").unwrap();
        assert_eq!(scene.is_dirty_in("linked"), Some(true));
        assert_eq!(scene.is_dirty(), Some(false));
    }

    #[test]
    fn no_program_that_the_workspace_names_is_run() {
        let settings: [&[&str]; 5] = [
            &["core.fsmonitor"],
            &["filter.trap.clean", "filter.trap.smudge"],
            &["filter.trap.process"],
            &["core.sshCommand", "core.editor", "core.pager", "diff.external"],
            &["core.alternateRefsCommand", "credential.helper"],
        ];
        for names in settings {
            let scene = Scene::with_a_commit();
            let trap = scene.trap();
            for name in names {
                scene.git(&["config", name, &trap]);
            }
            fs::write(scene.path("work/.git/info/attributes"), "*  filter = trap\n").unwrap();
            fs::write(scene.path("work/.gitattributes"), "* filter=trap\n").unwrap();
            fs::write(scene.path("work/a"), "2").unwrap();
            assert_eq!(scene.is_dirty(), None, "a filter leaves no answer: {names:?}");
            fs::remove_file(scene.path("work/.gitattributes")).unwrap();
            fs::write(scene.path("work/.git/info/attributes"), "").unwrap();
            assert_eq!(scene.is_dirty(), Some(true), "{names:?}");
            // Attributes of a folder below are seen by git alone.
            fs::create_dir(scene.path("work/below")).unwrap();
            fs::write(scene.path("work/below/.gitattributes"), "* filter=trap\n").unwrap();
            fs::write(scene.path("work/below/c"), "3").unwrap();
            scene.git(&["-c", "filter.trap.clean=cat", "-c", "filter.trap.process=", "add", "."]);
            fs::write(scene.path("work/below/c"), "4").unwrap();
            fs::remove_file(scene.path("ran")).ok();
            assert_eq!(scene.is_dirty(), Some(true), "{names:?}");
            assert!(!scene.has_run_the_trap(), "{names:?}");
        }
    }

    #[test]
    fn a_configuration_from_elsewhere_is_not_read_either() {
        let scene = Scene::with_a_commit();
        let trap = scene.trap();
        fs::write(scene.path("more"), format!("[core]\nfsmonitor = {trap}\n")).unwrap();
        scene.git(&["config", "include.path", scene.path("more").to_str().unwrap()]);
        scene.git(&["config", "extensions.worktreeConfig", "true"]);
        fs::copy(scene.path("more"), scene.path("work/.git/config.worktree")).unwrap();
        assert_eq!(scene.is_dirty(), Some(false));
        assert!(!scene.has_run_the_trap());
    }

    #[test]
    fn a_repository_whose_parts_are_no_files_has_no_answer() {
        for broken in ["HEAD", "index", "objects"] {
            let scene = Scene::with_a_commit();
            let path = scene.path("work/.git").join(broken);
            fs::rename(&path, scene.path("gone")).unwrap();
            assert!(scene.is_dirty().unwrap_or(true), "{broken}");
            let done = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(done.success());
            assert_eq!(Dirty::ask(scene.path("work").to_str()).answer(), None, "{broken}");
        }
    }
}
