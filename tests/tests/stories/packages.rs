//! Each package is installed on a machine without a compiler, traces a turn, and is removed again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stories::process::{self, Finished, run};
use stories::{Codex, Home, ModelServer, NpmRegistry, Script, Step, USAGE, wait};

use crate::stage;

const LIMIT: Duration = Duration::from_secs(120);

/// From the archive to the first trace, with what the README says, in less than a minute.
#[test]
fn the_archive_of_the_installer() {
    let machine = Machine::new();
    let begun = process::cpu_time_of_children();
    let installer = machine.packages.join("install.sh");
    let done = machine.shell(&format!("sh '{}'", installer.display()));
    let first = "Next:\n  arize-codex setup\n";
    assert!(done.stdout.ends_with(first), "{done:?}");
    machine.traces_a_turn(&machine.home(".local/bin"));
    // A busy machine makes it wait longer, but gives it no more to do.
    let took = process::cpu_time_of_children() - begun;
    assert!(
        !took.is_zero() && took < Duration::from_secs(60),
        "{took:?} from the installer to the trace"
    );
    machine.has_pages_and_completions(".local");
    machine.shell(&format!("sh '{}'", installer.display()));
    machine.shell("~/.local/lib/arize-codex/install.sh --uninstall");
    machine.is_as_before();
}

#[test]
fn npm() {
    let machine = Machine::new();
    let registry = NpmRegistry::start(&machine.packages).expect("a registry");
    let npm = format!("--registry {} --no-audit --no-fund --loglevel=error", registry.url());
    machine.shell(&format!("npm install --global --prefix ~/.local {npm} arize-codex"));
    let launcher = machine.home(".local/bin");
    // The launcher of npm ends as the program does.
    assert_eq!(machine.shell("arize-codex nothing; echo $?").stdout, "2\n");
    machine.traces_a_turn(&launcher);
    machine.shell(&format!("npm uninstall --global --prefix ~/.local {npm} arize-codex"));
    // What npm makes once for all packages.
    for folder in [".local/lib/node_modules", ".local/lib", ".local/bin", ".local"] {
        drop(fs::remove_dir(machine.home(folder)));
    }
    machine.is_as_before();
}

#[test]
fn npx() {
    let machine = Machine::new();
    let registry = NpmRegistry::start(&machine.packages).expect("a registry");
    let port = machine.home.buffer_port();
    let line =
        format!("npx --yes --registry {} arize-codex setup -y --port {port}", registry.url());
    let done = machine.shell(&line);
    assert!(done.stdout.contains("Done:"), "{done:?}");
    // The cache of npm may go: setup leaves nothing that leads there.
    fs::remove_dir_all(machine.home(".npm")).expect("the cache is gone");
    machine.turn();
    let programs = machine.home(".arize/harness/bin");
    machine.shown(&programs);
    machine.shell(&format!("{}/arize-codex uninstall -y --purge", programs.display()));
    machine.is_as_before();
}

#[test]
fn pip() {
    let machine = Machine::new();
    let python = stage::path("STORIES_INSTALLERS").join("python");
    machine.shell(&format!("'{}' -m venv ~/venv", python.display()));
    let options = format!("--no-index --find-links '{}'", machine.packages.display());
    machine.shell(&format!("~/venv/bin/pip install {options} arize-codex"));
    machine.has_pages_and_completions("venv");
    machine.traces_a_turn(&machine.home("venv/bin"));
    machine.shell("~/venv/bin/pip uninstall --yes arize-codex");
    let left = machine.shell("find ~/venv -name '*arize*'");
    assert_eq!(left.stdout, "");
    fs::remove_dir_all(machine.home("venv")).expect("a folder of pip's");
    machine.is_as_before();
}

#[test]
fn pipx() {
    let machine = Machine::new();
    let pipx = stage::path("STORIES_INSTALLERS").join("pipx");
    let options = format!("--no-index --find-links={}", machine.packages.display());
    let pipx = pipx.display();
    machine.shell(&format!("'{pipx}' install --pip-args='{options}' arize-codex"));
    machine.traces_a_turn(&machine.home(".local/bin"));
    machine.shell(&format!("'{pipx}' uninstall arize-codex"));
    machine.leaves_nothing_named_so();
}

#[test]
fn uv() {
    let machine = Machine::new();
    let installers = stage::path("STORIES_INSTALLERS");
    let (uv, python) = (installers.join("uv"), installers.join("python"));
    let (uv, python) = (uv.display(), python.display());
    let packages = machine.packages.display();
    let options = format!("--python '{python}' --no-index --find-links '{packages}'");
    machine.shell(&format!("'{uv}' tool install --offline {options} arize-codex"));
    machine.traces_a_turn(&machine.home(".local/bin"));
    machine.shell(&format!("'{uv}' tool uninstall arize-codex"));
    machine.leaves_nothing_named_so();
}

/// Into a root of its own, so that this machine stays as it is.
#[test]
fn debian() {
    if Command::new("dpkg").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "`CI` is set, and there is no dpkg");
        return;
    }
    let machine = Machine::new();
    let root = machine.home("root");
    fs::create_dir_all(root.join("var/lib/dpkg")).expect("a root");
    fs::write(root.join("var/lib/dpkg/status"), "").expect("a root without packages");
    let dpkg = "dpkg --force-depends,not-root --no-triggers --log=/dev/null --root ~/root";
    let package = machine.package("_amd64.deb").or(machine.package("_arm64.deb")).expect("a deb");
    // As `dpkg` would find it in the root.
    machine.shell(&format!("PATH=$PATH:/usr/sbin:/sbin {dpkg} --install '{}'", package.display()));
    let unit = root.join("usr/lib/systemd/user/arize-codex-buffer.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    assert!(unit.contains("ExecStart=/usr/bin/arize-codex-buffer run\n"), "{unit}");
    assert!(!root.join("etc").exists(), "nothing is enabled");
    for file in ["man/man1/arize-codex.1.gz", "zsh/vendor-completions/_arize-codex"] {
        assert!(root.join("usr/share").join(file).exists(), "{file}");
    }
    machine.traces_a_turn(&root.join("usr/bin"));
    machine.shell(&format!("PATH=$PATH:/usr/sbin:/sbin {dpkg} --purge arize-codex"));
    let left = machine.shell("find ~/root -name '*arize*'");
    assert_eq!(left.stdout, "");
    fs::remove_dir_all(root).expect("a folder of dpkg's");
    machine.is_as_before();
}

/// A machine with Codex and without a compiler.
struct Machine {
    home: Home,
    packages: PathBuf,
    model: ModelServer,
    before: BTreeSet<PathBuf>,
}

/// The programs of the system that an installation may need.
const TOOLS: &str = "awk basename bash cat chmod cp curl cut diff dirname dpkg dpkg-deb dpkg-split env find \
    getconf grep gzip head id ldconfig ldd ln ls mkdir mktemp mv node npm npx ps readlink rm rmdir sed \
    sh sha256sum sort start-stop-daemon tail tar tr uname";

impl Machine {
    fn new() -> Self {
        let home = Home::new(Path::new("/nowhere"), "packages").expect("a home");
        let tools = home.root().join("tools");
        fs::create_dir(&tools).expect("a folder");
        let places = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(Path::new);
        for tool in TOOLS.split_whitespace() {
            let mut places = places.iter().map(|place| place.join(tool));
            if let Some(found) = places.find(|path| path.exists()) {
                symlink(found, tools.join(tool)).expect("a link");
            }
        }
        symlink(stage::codex(), tools.join("codex")).expect("a link");
        fs::remove_dir_all(home.codex_home().with_file_name(".arize")).expect("no installation");
        let script = Script::new("Say one").step(Step::new(USAGE).message("One."));
        let model = ModelServer::start(&[script]).expect("a model");
        Codex::untraced(&stage::codex(), &home, &model).expect("config.toml");
        let packages = stage::path("STORIES_PACKAGES");
        let mut machine = Self { home, packages, model, before: BTreeSet::new() };
        fs::write(machine.home(".bashrc"), "# mine\n").expect("a profile");
        machine.before = machine.files();
        machine
    }

    fn home(&self, path: &str) -> PathBuf {
        self.home.codex_home().with_file_name(path)
    }

    fn package(&self, ending: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(&self.packages).expect("packages");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.to_string_lossy().ends_with(ending))
    }

    /// Runs a line, which must succeed.
    fn shell(&self, line: &str) -> Finished {
        let mut shell = self.home.command(Path::new("/bin/bash"));
        let tools = self.home.root().join("tools");
        let path = format!("{}:{}", self.home(".local/bin").display(), tools.display());
        shell.env("PATH", path).env("SHELL", "/bin/bash");
        let done = run(shell.args(["-c", line]), LIMIT).expect("the shell ends");
        assert!(done.status.success(), "{line}: {done:?}");
        done
    }

    /// Sets the programs of this folder up, lets Codex do a turn, sees it, and takes everything back.
    fn traces_a_turn(&self, programs: &Path) {
        let program = programs.join("arize-codex");
        let program = program.display();
        let versions = self.shell(&format!("{program} version --json"));
        let versions: Value = serde_json::from_str(&versions.stdout).expect("JSON");
        let found = versions["programs"].as_array().expect("programs");
        let is_found = |it: &&Value| it["path"].is_string() && it["version"].is_string();
        assert_eq!(found.iter().filter(is_found).count(), 5, "{versions}");
        let port = self.home.buffer_port();
        self.shell(&format!("{program} setup -y --port {port}"));
        self.turn();
        self.shown(programs);
        self.shell(&format!("{program} uninstall -y --purge"));
    }

    /// Has Codex do a turn, in a new shell, as setup says.
    fn turn(&self) {
        let line = "bash -ic 'codex exec --skip-git-repo-check \"Say one\"' </dev/null";
        let done = self.shell(line);
        assert!(done.stdout.contains("One."), "{done:?}");
        assert_eq!(self.model.received().len(), 1);
    }

    /// Waits until the turn can be seen.
    fn shown(&self, programs: &Path) {
        let line = format!("{}/arize-codex show --last || true", programs.display());
        let shown = wait::until("the turn in the store", LIMIT, || {
            let shown = self.shell(&line).stdout;
            shown.contains("< One.").then_some(shown)
        });
        assert!(shown.expect("a turn").contains("> Say one"));
    }

    /// Whether shells and `man` find something below this prefix.
    fn has_pages_and_completions(&self, prefix: &str) {
        for file in [
            "man/man1/arize-codex.1",
            "bash-completion/completions/arize-codex-buffer",
            "fish/vendor_completions.d/arize-codex.fish",
            "zsh/site-functions/_arize-codex",
        ] {
            assert!(self.home(prefix).join("share").join(file).exists(), "{file}");
        }
    }

    /// All that is in the home, but for what Codex and the package managers keep for themselves.
    fn files(&self) -> BTreeSet<PathBuf> {
        let (mut files, mut folders) = (BTreeSet::new(), vec![self.home("")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let entry = entry.expect("an entry");
                let name = entry.file_name();
                if [".codex", ".npm", ".cache"].iter().any(|it| name == *it) {
                    continue;
                }
                files.insert(entry.path());
                if entry.file_type().expect("a type").is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        files
    }

    fn is_as_before(&self) {
        assert_eq!(self.files(), self.before);
        let config = fs::read_to_string(self.home(".codex/config.toml")).expect("config.toml");
        assert!(!config.contains("arize"), "{config}");
        assert!(!self.home(".codex/arize-env.sh").exists());
        assert_eq!(fs::read_to_string(self.home(".bashrc")).expect("a profile"), "# mine\n");
    }

    /// For package managers that leave folders of their own.
    fn leaves_nothing_named_so(&self) {
        let left: Vec<PathBuf> = self.files().difference(&self.before).cloned().collect();
        // pipx keeps its own lock file of each name.
        let is_ours = |path: &&PathBuf| {
            let path = path.to_string_lossy();
            path.contains("arize") && !path.ends_with(".arize-codex.lock")
        };
        let ours = left.iter().filter(is_ours);
        assert_eq!(ours.count(), 0, "{left:?}");
    }
}
