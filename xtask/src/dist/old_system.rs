//! The programs in a root of nothing but the oldest glibc that Debian offers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::platform::Platform;
use crate::run::{announce, succeed};
use crate::workspace::{programs, target_dir};

/// Debian 11, with glibc 2.31: older ones are no longer in Debian's archive.
const RELEASE: &str = "bullseye";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Runs `arize-codex demo` there, which uses all programs, or says why not.
pub(super) fn try_programs(platform: &Platform, built: &Path) -> anyhow::Result<()> {
    if platform.triple != Platform::of_this_machine()?.triple || !Path::new(KEYS).exists() {
        announce("left out: the programs in an old system, for which Debian is needed");
        return Ok(());
    }
    let root = target_dir()?.join("old-system");
    if !root.join("installed").exists() {
        install(&root)?;
    }
    for program in programs()? {
        fs::copy(built.join(&program), root.join(&program))?;
    }
    // A namespace of its own needs no right but that of being this user.
    let mut demo = Command::new("unshare");
    demo.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    demo.arg("--root").arg(&root).args(["/arize-codex", "demo"]);
    succeed(demo.env_clear().env("HOME", "/").env("PATH", "/usr/bin:/bin:/"))
}

/// Unpacks Debian's glibc into a root that has nothing else.
fn install(root: &Path) -> anyhow::Result<()> {
    announce(&format!("fetching the glibc of Debian {RELEASE}"));
    let work = tempfile::tempdir()?;
    let list = work.path().join("sources.list");
    let source = format!("deb [signed-by={KEYS}] {} {RELEASE} main\n", archive_of_debian()?);
    fs::write(&list, source)?;
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.path().join(folder))?;
    }
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        for (name, place) in [
            ("Dir::Etc::SourceList", list.clone()),
            ("Dir::Etc::SourceParts", PathBuf::from("/dev/null")),
            ("Dir::State", work.path().join("state")),
            // Whatever this system has is newer.
            ("Dir::State::status", PathBuf::from("/dev/null")),
            ("Dir::Cache", work.path().join("cache")),
        ] {
            apt.arg("-o").arg(format!("{name}={}", place.display()));
        }
        apt.args(["-qq", "-o", "APT::Sandbox::User=root"]).args(words).current_dir(work.path());
        succeed(&mut apt)
    };
    apt(&["update"])?;
    apt(&["download", "libc6"])?;
    let mut packages = fs::read_dir(work.path())?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = packages.find(|path| path.extension().is_some_and(|it| it == "deb"));
    let package = package.context("apt-get downloaded nothing")?;
    for folder in ["dev", "proc", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    // A device would need more rights.
    fs::write(root.join("dev/null"), "")?;
    succeed(Command::new("dpkg-deb").arg("--extract").arg(package).arg(root))?;
    // Last: it tells a root that is complete.
    fs::write(root.join("installed"), "")?;
    Ok(())
}

/// Where this machine gets its own packages.
fn archive_of_debian() -> anyhow::Result<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Created-By: Packages"])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let is_main = |line: &&str| line.trim_end_matches('/').ends_with("/debian");
    let line = text.lines().find(is_main).map(str::to_owned);
    line.context("apt-get names no archive of Debian")
}
