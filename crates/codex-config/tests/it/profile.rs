//! The PATH block in the profiles of shells: how it reads, what it does, and where it goes.

use std::path::{Path, PathBuf};

use codex_config::Environment;
use codex_config::profile::{self, Platform, Shell};
use expect_test::{Expect, expect};

use crate::with_slashes;

const HOME: &str = "/home/ada";
const BIN: &str = "/home/ada/.arize/harness/bin";

#[track_caller]
fn check_block(shell: Shell, folder: &str, block: Expect) {
    block.assert_eq(&profile::insert("", shell, Path::new(folder), Path::new(HOME)).unwrap());
}

#[track_caller]
fn check_refused(text: &str, message: Expect) {
    let refusal = profile::insert(text, Shell::Sh, Path::new(BIN), Path::new(HOME)).unwrap_err();
    assert_eq!(profile::remove(text).unwrap_err(), refusal);
    message.assert_eq(&refusal.to_string());
}

#[track_caller]
fn check_files(platform: Platform, environment: &[(&str, &str)], existing: &[&str], files: Expect) {
    let environment = Environment::new(environment.iter().copied());
    let existing: Vec<PathBuf> = existing.iter().map(|name| Path::new(HOME).join(name)).collect();
    let exists = |path: &Path| existing.iter().any(|file| file.starts_with(path));
    let found = profile::profiles(Path::new(HOME), &environment, platform, exists);
    let lines = found.iter().map(|profile| {
        format!("{:?} {}\n", profile.shell, profile.path.strip_prefix(HOME).unwrap().display())
    });
    files.assert_eq(&with_slashes(&lines.collect::<String>()));
}

#[test]
fn blocks() {
    check_block(
        Shell::Zsh,
        BIN,
        expect![[r##"
        # >>> arize-codex >>>
        # Runs Codex with tracing: the folder with its shim comes first.
        case "$PATH:" in
          "$HOME/.arize/harness/bin":*) ;;
          *) export PATH="$HOME/.arize/harness/bin":"$PATH" ;;
        esac
        # <<< arize-codex <<<
    "##]],
    );
    check_block(
        Shell::Fish,
        BIN,
        expect![[r##"
        # >>> arize-codex >>>
        # Runs Codex with tracing: the folder with its shim comes first.
        if test "$PATH[1]" != "$HOME/.arize/harness/bin"
            set -gx PATH "$HOME/.arize/harness/bin" $PATH
        end
        # <<< arize-codex <<<
    "##]],
    );
    check_block(
        Shell::PowerShell,
        BIN,
        expect![[r#"
        # >>> arize-codex >>>
        # Runs Codex with tracing: the folder with its shim comes first.
        $arizeCodexBin = Join-Path $HOME '.arize/harness/bin'
        if (($env:PATH -split [IO.Path]::PathSeparator)[0] -ne $arizeCodexBin) {
            $env:PATH = $arizeCodexBin + [IO.Path]::PathSeparator + $env:PATH
        }
        # <<< arize-codex <<<
    "#]],
    );
    check_block(
        Shell::Sh,
        "/opt/a \"b\" $c `d` \\e",
        expect![[r##"
        # >>> arize-codex >>>
        # Runs Codex with tracing: the folder with its shim comes first.
        case "$PATH:" in
          "/opt/a \"b\" \$c \`d\` \\e":*) ;;
          *) export PATH="/opt/a \"b\" \$c \`d\` \\e":"$PATH" ;;
        esac
        # <<< arize-codex <<<
    "##]],
    );
    check_block(
        Shell::PowerShell,
        "/opt/ada's tools",
        expect![[r#"
        # >>> arize-codex >>>
        # Runs Codex with tracing: the folder with its shim comes first.
        $arizeCodexBin = '/opt/ada''s tools'
        if (($env:PATH -split [IO.Path]::PathSeparator)[0] -ne $arizeCodexBin) {
            $env:PATH = $arizeCodexBin + [IO.Path]::PathSeparator + $env:PATH
        }
        # <<< arize-codex <<<
    "#]],
    );
}

#[test]
fn a_block_is_brought_up_to_date_in_its_place() {
    let old = profile::insert("a\n", Shell::Sh, Path::new("/old"), Path::new(HOME)).unwrap();
    let text = format!("{old}b\n");
    let new = profile::insert(&text, Shell::Sh, Path::new("/new"), Path::new(HOME)).unwrap();
    assert_eq!(new, text.replace("/old", "/new"));
    // The whole file was copied once.
    let twice = format!("{text}{text}");
    let new = profile::insert(&twice, Shell::Sh, Path::new("/new"), Path::new(HOME)).unwrap();
    assert_eq!(new.matches("# >>> arize-codex >>>").count(), 1, "{new}");
    assert_eq!(profile::remove(&twice).unwrap(), "a\nb\na\nb\n");
}

#[test]
fn other_blocks_and_lines_are_found_and_left_alone() {
    let text = "export PATH=\"$HOME/.arize/harness/bin:$PATH\"\n\
                # >>> conda initialize >>>\n\
                # <<< conda initialize <<<\n\
                # >>> arize codex tracing PATH >>>\n\
                *\":$HOME/.arize/harness/bin:\"*) ;;\n\
                # <<< arize codex tracing PATH <<<\n";
    assert_eq!(profile::remove(text).unwrap(), text);
    let without = profile::remove_python_system(text).unwrap();
    assert_eq!(without, text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
    let with = profile::insert(text, Shell::Sh, Path::new(BIN), Path::new(HOME)).unwrap();
    assert!(with.starts_with(text));
}

#[test]
fn comments_without_counterpart_are_refused() {
    check_refused(
        "a\n# >>> arize-codex >>>\nb\n",
        expect!["line 2: `# >>> arize-codex >>>` has no counterpart"],
    );
    check_refused(
        "a\n# <<< arize-codex <<<\n",
        expect!["line 2: `# <<< arize-codex <<<` has no counterpart"],
    );
    check_refused(
        "# >>> arize-codex >>>\n# >>> arize-codex >>>\n# <<< arize-codex <<<\n",
        expect!["line 1: `# >>> arize-codex >>>` has no counterpart"],
    );
    let folder = Path::new("/a:b");
    let refusal = profile::insert("", Shell::Sh, folder, Path::new(HOME)).unwrap_err();
    expect!["`/a:b` cannot be part of PATH"].assert_eq(&refusal.to_string());
}

#[test]
fn the_files_that_shells_read() {
    let unix = Platform::Unix;
    check_files(
        unix,
        &[("SHELL", "/bin/bash")],
        &[],
        expect![[r#"
        Bash .bashrc
        Sh .profile
    "#]],
    );
    check_files(
        unix,
        &[("SHELL", "/bin/bash")],
        &[".bashrc", ".bash_profile"],
        expect![[r#"
        Bash .bashrc
        Bash .bash_profile
    "#]],
    );
    check_files(
        unix,
        &[("SHELL", "/bin/zsh")],
        &[".profile", ".bash_login"],
        expect![[r#"
        Bash .bash_login
        Sh .profile
        Zsh .zshrc
    "#]],
    );
    check_files(
        unix,
        &[("SHELL", "/bin/zsh"), ("ZDOTDIR", "/home/ada/.z")],
        &[],
        expect![[r#"
        Zsh .z/.zshrc
    "#]],
    );
    check_files(
        unix,
        &[("SHELL", "/usr/bin/fish")],
        &[],
        expect![[r#"
        Fish .config/fish/conf.d/arize-codex.fish
    "#]],
    );
    check_files(
        unix,
        &[("SHELL", "/bin/dash"), ("XDG_CONFIG_HOME", "/home/ada/.c")],
        &[".c/fish/config.fish", ".c/powershell/profile.ps1", ".zshrc"],
        expect![[r#"
            Sh .profile
            Zsh .zshrc
            Fish .c/fish/conf.d/arize-codex.fish
            PowerShell .c/powershell/Microsoft.PowerShell_profile.ps1
        "#]],
    );
    check_files(unix, &[], &[], expect![""]);
    check_files(
        Platform::Windows,
        &[],
        &[],
        expect![[r#"
        PowerShell Documents/WindowsPowerShell/Microsoft.PowerShell_profile.ps1
    "#]],
    );
    check_files(
        Platform::Windows,
        &[],
        &["Documents/PowerShell/x.ps1"],
        expect![[r#"
        PowerShell Documents/WindowsPowerShell/Microsoft.PowerShell_profile.ps1
        PowerShell Documents/PowerShell/Microsoft.PowerShell_profile.ps1
    "#]],
    );
}

/// Runs the block in each shell that is installed, at least in the one that every Unix has.
#[cfg(unix)]
#[test]
fn the_folder_comes_first_once() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".arize/harness/it's a $bin");
    let path = std::env::var("PATH").unwrap();
    let path = format!("/usr/bin:{}:{path}", folder.display());
    let mut ran = Vec::new();
    for (name, shell) in [
        ("sh", Shell::Sh),
        ("bash", Shell::Bash),
        ("zsh", Shell::Zsh),
        ("fish", Shell::Fish),
        ("pwsh", Shell::PowerShell),
    ] {
        let block = profile::insert("", shell, &folder, home.path()).unwrap();
        let show = match shell {
            Shell::Fish => "string join : $PATH",
            Shell::PowerShell => "echo $env:PATH",
            _ => "echo \"$PATH\"",
        };
        let script = home.path().join(format!("script.{name}"));
        std::fs::write(&script, format!("{block}{block}{show}\n")).unwrap();
        let output = std::process::Command::new(name)
            .arg(&script)
            .env("HOME", home.path())
            .env("PATH", &path)
            .output();
        let Ok(output) = output else { continue };
        let expected = format!("{}:{path}\n", folder.display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}: {output:?}");
        ran.push(name);
    }
    assert!(ran.contains(&"sh"), "{ran:?}");
}
