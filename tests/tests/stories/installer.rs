//! `install.sh` where something is wrong, and over an older version.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stories::http::{Server, respond};
use stories::process::{Finished, run};

use crate::stage;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn what_is_wrong_is_named_and_nothing_is_left() {
    let place = Place::new();
    let damaged = place.copy_of_packages("damaged");
    fs::write(damaged.join(place.archive()), "not an archive").expect("a file");
    let unlisted = place.copy_of_packages("unlisted");
    fs::write(unlisted.join("SHA256SUMS"), "").expect("a file");
    let server = place.half_a_server();
    let from = |place: &Path| format!("--from '{}'", place.display());
    let without = |tool: &str| format!("--from '{}' #{tool}", place.packages.display());
    for (arguments, expected) in [
        (from(&damaged), "error: the checksum of arize-codex-"),
        (from(&unlisted), "error: SHA256SUMS has no checksum of arize-codex-"),
        (from(Path::new("/nowhere")), "/SHA256SUMS` does not exist\nhint: say --from FOLDER"),
        (
            format!("--from {}", server.url()),
            ".gz was interrupted; nothing was installed\nhint: run",
        ),
        (format!("--from {}/no", server.url()), "/no/SHA256SUMS does not exist\nhint: say --from"),
        (format!("--from {} #curl", server.url()), "error: neither `curl` nor `wget` is there"),
        (without("gzip"), "error: `gzip` is missing\nhint: install gzip with your package manager"),
        (without("sha256sum"), "error: none of `sha256sum`, `shasum` and `openssl` is there"),
        ("--prefix".to_owned(), "error: `--prefix` needs a value\nhint: install.sh --help"),
        ("--perfix x".to_owned(), "error: `--perfix` is not an option\nhint: install.sh --help"),
        ("--uninstall".to_owned(), "home/.local` was installed by this script\nhint: say --prefix"),
    ] {
        let (arguments, missing) = arguments.split_once('#').unwrap_or((&arguments, ""));
        let done = place.install(arguments, missing);
        assert_eq!(done.status.code(), Some(1), "{arguments}: {done:?}");
        assert!(done.stderr.contains(expected), "{arguments}: {}", done.stderr);
        assert_eq!(fs::read_dir(place.home()).expect("a home").count(), 0, "{arguments}");
    }
}

#[test]
fn a_prefix_that_cannot_be_used_is_named() {
    let place = Place::new();
    let prefix = place.home().join("prefix");
    fs::create_dir(&prefix).expect("a folder");
    let file_system = |options: &str| {
        let script = format!(
            "mount -t tmpfs -o {options} tmpfs '{prefix}' && exec sh '{installer}' \
             --from '{packages}' --prefix '{prefix}'",
            prefix = prefix.display(),
            installer = place.installer().display(),
            packages = place.packages.display(),
        );
        let mut unshare = Command::new("unshare");
        let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", &script];
        run(unshare.args(arguments).env("HOME", place.home()), LIMIT).expect("it ends")
    };
    let probe = file_system("ro");
    if probe.stderr.contains("unshare") || probe.stderr.contains("mount") {
        assert!(std::env::var_os("CI").is_none(), "`CI` is set, and: {probe:?}");
        return;
    }
    for (options, expected) in [
        ("ro", format!("error: `{}/lib` cannot be made\nhint: choose another", prefix.display())),
        ("noexec", "its file system is mounted noexec\nhint: choose another folder".to_owned()),
    ] {
        let done = file_system(options);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        assert!(done.stderr.contains(&expected), "{}", done.stderr);
    }
}

#[test]
fn an_update_replaces_the_programs_and_leaves_what_others_put_there() {
    let place = Place::new();
    let bin = place.home().join(".local/bin");
    fs::create_dir_all(&bin).expect("a folder");
    fs::write(bin.join("arize-config"), "of another package").expect("a file");
    let from = |folder: &Path| format!("--from '{}'", folder.display());
    let refused = place.install(&from(&place.packages), "");
    assert!(
        refused.stderr.contains("arize-config` was not installed by this script"),
        "{refused:?}"
    );
    assert!(!bin.join("arize-codex").exists());
    fs::remove_file(bin.join("arize-config")).expect("it goes");

    let installed = place.install(&from(&place.packages), "");
    assert!(installed.status.success(), "{installed:?}");
    let before = fs::read_link(bin.join("arize-codex")).expect("a link");
    let newer = place.newer_packages();
    let updated = place.install(&from(&newer), "");
    assert!(updated.status.success(), "{updated:?}");
    let after = fs::read_link(bin.join("arize-codex")).expect("a link");
    assert_ne!(before, after);
    assert!(!bin.join(before).exists(), "the old version is gone");
    assert!(bin.join(after).exists() && bin.join("added").exists());
    // And back, which takes away what only the other one has.
    assert!(place.install(&from(&place.packages), "").status.success());
    assert!(fs::symlink_metadata(bin.join("added")).is_err());
    let versions = fs::read_dir(place.home().join(".local/lib/arize-codex")).expect("a folder");
    assert_eq!(versions.count(), 3, "a version, the script, and the list of folders");

    let removed = place.install("--uninstall", "");
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(fs::read_dir(bin).expect("it was there before").count(), 0);
    assert_eq!(fs::read_dir(place.home().join(".local")).expect("a folder").count(), 1);
}

/// A home to install into, and what is installed.
struct Place {
    root: tempfile::TempDir,
    packages: PathBuf,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("home")).expect("a home");
        Self { root, packages: stage::path("STORIES_PACKAGES") }
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn installer(&self) -> PathBuf {
        self.packages.join("install.sh")
    }

    /// The archive's name, from the list of checksums.
    fn archive(&self) -> String {
        let sums = fs::read_to_string(self.packages.join("SHA256SUMS")).expect("checksums");
        let here = format!("-{}-unknown-linux-gnu.tar.gz", std::env::consts::ARCH);
        let mut names = sums.lines().filter_map(|line| line.split("  ").nth(1));
        names.find(|name| name.ends_with(&here)).expect("an archive").to_owned()
    }

    fn install(&self, arguments: &str, missing: &str) -> Finished {
        const TOOLS: &str = "awk basename cat cp curl cut dirname find gzip ln mkdir mktemp mv readlink rm \
                             rmdir sed sh sha256sum tar uname";
        let tools = tempfile::tempdir().expect("a folder");
        for tool in TOOLS.split_whitespace().filter(|tool| *tool != missing) {
            let places = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(tool));
            let found = places.iter().find(|path| path.exists()).expect(tool);
            symlink(found, tools.path().join(tool)).expect("a link");
        }
        let line = format!("sh '{}' {arguments}", self.installer().display());
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("HOME", self.home()).env("PATH", tools.path());
        run(shell.args(["-c", &line]), LIMIT).expect("it ends")
    }

    /// A folder with the list of checksums and the archive.
    fn copy_of_packages(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        for file in ["SHA256SUMS", &self.archive()] {
            fs::copy(self.packages.join(file), folder.join(file)).expect(file);
        }
        folder
    }

    /// The same version with one program more.
    fn newer_packages(&self) -> PathBuf {
        let folder = self.copy_of_packages("newer");
        let script = r#"set -e; tar -xzf "$1"; : > "${1%.tar.gz}/bin/added"
            tar -cf - "${1%.tar.gz}" | gzip -1 > "$1"; sha256sum "$1" > SHA256SUMS"#;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, "newer", &self.archive()]).current_dir(&folder);
        let done = run(&mut shell, LIMIT).expect("it ends");
        assert!(done.status.success(), "{done:?}");
        folder
    }

    /// A server that has the checksums and closes the connection in the middle of the archive.
    fn half_a_server(&self) -> Server {
        let sums = fs::read(self.packages.join("SHA256SUMS")).expect("checksums");
        let server = Server::start(move |request, stream| match request.path.as_str() {
            "/SHA256SUMS" => respond(stream, 200, &[], &sums),
            path if path.ends_with(".tar.gz") => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
            }
            _ => respond(stream, 404, &[], b""),
        });
        server.expect("a server")
    }
}
