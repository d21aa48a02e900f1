//! Programs that a package manager updates after setup has copied them.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use machine::programs::refresh;
use setup::PROGRAMS;

use crate::home::{Home, quiet};

/// Puts a version into a folder as package managers do: at once, with the time of its build.
fn unpack(folder: &Path, version: &str, mode: u32) {
    fs::create_dir_all(folder).unwrap();
    for program in PROGRAMS {
        let fresh = folder.join("fresh");
        fs::write(&fresh, format!("#!/bin/sh\necho {program} {version}\n")).unwrap();
        fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).unwrap();
        let built = SystemTime::UNIX_EPOCH + Duration::from_secs(499_162_500);
        fs::File::options().append(true).open(&fresh).unwrap().set_modified(built).unwrap();
        fs::rename(&fresh, folder.join(program)).unwrap();
    }
}

fn copies(home: &Home) -> String {
    home.read(".arize/harness/bin/arize-hook-codex-notify")
}

#[test]
fn the_copies_follow_the_package_manager() {
    let mut home = Home::with(&[]);
    home.machine.programs = home.path("npm");
    let paths = home.machine.paths.clone();
    unpack(&home.path("npm"), "0.1.0", 0o755);
    let before = home.tree();
    home.install(&quiet());
    assert_eq!(refresh(&paths).unwrap(), None, "nothing is new");
    let hook = home.read(".codex/config.toml");

    unpack(&home.path("npm"), "0.2.0", 0o755);
    assert_eq!(refresh(&paths).unwrap(), Some(home.path("npm")));
    assert!(copies(&home).contains("0.2.0"));
    assert_eq!(home.read(".codex/config.toml"), hook, "the path in Codex's configuration stays");
    assert_eq!(refresh(&paths).unwrap(), None);

    // The same version once more, one that others can write, one that does not start, and none.
    unpack(&home.path("npm"), "0.2.0", 0o755);
    assert_eq!(refresh(&paths).unwrap(), None);
    unpack(&home.path("npm"), "0.3.0", 0o777);
    assert_eq!(refresh(&paths).unwrap(), None);
    unpack(&home.path("npm"), "0.3.0", 0o644);
    assert_eq!(refresh(&paths).unwrap(), None);
    fs::remove_dir_all(home.path("npm")).unwrap();
    assert_eq!(refresh(&paths).unwrap(), None);
    assert!(copies(&home).contains("0.2.0"));

    // Setup from the copies themselves does not forget where they came from.
    home.machine.programs = paths.bin_dir.clone();
    home.install(&quiet());
    unpack(&home.path("npm"), "0.10.0", 0o755);
    assert_eq!(refresh(&paths).unwrap(), Some(home.path("npm")));
    home.uninstall(true);
    unpack(&home.path("npm"), "0.1.0", 0o755);
    assert_eq!(home.tree(), before);
}

/// As Homebrew and `install.sh` do it: a folder for each version, and links that lead to the present one.
#[test]
fn a_folder_that_has_the_version_in_its_name_is_found_through_its_links() {
    let mut home = Home::with(&[]);
    let version = |version: &str| home.path(&format!("lib/arize-codex/{version}/bin"));
    let link = |to: &str| {
        for program in PROGRAMS {
            let link = home.path("bin").join(program);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(version(to).join(program), link).unwrap();
        }
    };
    fs::create_dir_all(home.path("bin")).unwrap();
    unpack(&version("0.1.0"), "0.1.0", 0o755);
    fs::write(home.path("lib/arize-codex/install.sh"), "").unwrap();
    link("0.1.0");
    let programs = dunce::canonicalize(version("0.1.0")).unwrap();
    let stable = dunce::canonicalize(home.path("bin")).unwrap();
    let machine = machine::Machine { programs, ..home.machine.clone() };
    assert_eq!(machine::programs::origin(&machine), Some(stable.clone()));
    unpack(&version("0.2.0"), "0.2.0", 0o755);
    link("0.2.0");
    fs::remove_dir_all(version("0.1.0")).unwrap();
    let record = serde_json::json!({ "origin": stable }).to_string();
    home.machine = machine;
    home.write(".arize/harness/state/setup.json", &record);
    unpack(&home.machine.paths.bin_dir, "0.1.0", 0o755);
    assert!(refresh(&home.machine.paths).unwrap().is_some());
    assert!(copies(&home).contains("0.2.0"));
}

/// An agent may write in its workspace, and must not write what the hook runs outside its sandbox.
#[test]
fn programs_of_a_workspace_are_copied_by_setup_alone() {
    let mut home = Home::with(&[]);
    for (mark, programs) in [
        ("work/.git/HEAD", "work/node_modules/arize-codex/bin"),
        ("build/CACHEDIR.TAG", "build/release"),
    ] {
        unpack(&home.path(programs), "0.1.0", 0o755);
        home.machine.programs = dunce::canonicalize(home.path(programs)).unwrap();
        assert!(machine::programs::origin(&home.machine).is_some(), "{programs}");
        home.write(mark, "");
        assert_eq!(machine::programs::origin(&home.machine), None, "{programs}");
    }
    // A home under version control is no workspace, and nvm's clone is none.
    home.write(".git/HEAD", "");
    home.write(".nvm/.git/HEAD", "");
    for programs in ["bin", ".nvm/versions/node/v24/lib/node_modules/arize-codex/bin"] {
        unpack(&home.path(programs), "0.1.0", 0o755);
        home.machine.programs = dunce::canonicalize(home.path(programs)).unwrap();
        assert!(machine::programs::origin(&home.machine).is_some(), "{programs}");
    }
}

#[test]
fn an_uninstallation_leaves_the_programs_to_their_package_manager() {
    let mut home = Home::with(&[]);
    let folder = home.path("lib/node_modules/arize-codex-linux-x64/bin");
    unpack(&folder, "0.1.0", 0o755);
    home.machine.programs = dunce::canonicalize(&folder).unwrap();
    home.install(&quiet());
    let removal = setup::uninstall::plan(&home.machine, false).unwrap();
    let next = removal.next_steps().join("\n");
    let expected =
        "The programs that npm installed stay: `npm uninstall -g arize-codex` removes them.";
    assert!(next.contains(expected), "{next}");
    home.uninstall(false);
    assert!(folder.join("arize-codex").exists());
}
