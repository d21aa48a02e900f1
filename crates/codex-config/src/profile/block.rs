//! The block itself.

use std::ops::Range;
use std::path::Path;

use crate::lines::{line_before, lines_at, splice, without_all};

/// A shell, for what it understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shell {
    /// Any POSIX shell.
    Sh,
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell, of Windows and of others.
    PowerShell,
}

/// Says why a profile is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// One of the two comments around a block has no counterpart.
    #[error("line {line}: `{marker}` has no counterpart")]
    Unpaired {
        /// The line, counted from 1.
        line: usize,
        /// The comment.
        marker: &'static str,
    },
    /// The folder cannot be written in a profile, or not be part of `PATH`.
    #[error("`{folder}` cannot be part of PATH")]
    Folder {
        /// The folder.
        folder: String,
    },
}

/// The comments before and after a block.
struct Markers {
    begin: &'static str,
    end: &'static str,
}

const OURS: Markers = Markers { begin: "# >>> arize-codex >>>", end: "# <<< arize-codex <<<" };
const PYTHON_SYSTEM: Markers = Markers {
    begin: "# >>> arize codex tracing PATH >>>",
    end: "# <<< arize codex tracing PATH <<<",
};

/// Adds the block at the end, where it has the last word on `PATH`, or brings ours up to date where
/// it stands. A second time changes nothing. `home` is written as `$HOME`.
pub fn insert(
    text: &str,
    shell: Shell,
    folder: &Path,
    home: &Path,
) -> Result<String, ProfileError> {
    let block = block(shell, folder, home)?;
    let block: Vec<&str> = block.lines().collect();
    if let [first, others @ ..] = find(text, &OURS)?.as_slice() {
        let mut replacements: Vec<_> =
            others.iter().map(|other| (other.clone(), String::new())).collect();
        let mut lines = lines_at(text, first.start, &block);
        if !text[first.clone()].ends_with('\n') {
            lines.truncate(lines.trim_end_matches(['\r', '\n']).len());
        }
        replacements.push((first.clone(), lines));
        return Ok(splice(text, replacements));
    }
    let blank = if text.is_empty() { &[][..] } else { &[""] };
    let added: Vec<&str> = blank.iter().copied().chain(block).collect();
    Ok(format!("{text}{}", lines_at(text, text.len(), &added)))
}

/// Takes our block out, with the blank line above it.
pub fn remove(text: &str) -> Result<String, ProfileError> {
    remove_blocks(text, &OURS)
}

/// Takes out the block that the Python system wrote.
pub fn remove_python_system(text: &str) -> Result<String, ProfileError> {
    remove_blocks(text, &PYTHON_SYSTEM)
}

fn remove_blocks(text: &str, markers: &Markers) -> Result<String, ProfileError> {
    let blocks = find(text, markers)?.into_iter();
    let with_blank = blocks.map(|block| match line_before(text, block.start) {
        Some(above) if text[above.clone()].trim().is_empty() => above.start..block.end,
        _ => block,
    });
    Ok(without_all(text, with_blank.collect()))
}

/// Finds the whole lines of each block.
fn find(text: &str, markers: &Markers) -> Result<Vec<Range<usize>>, ProfileError> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let unpaired = |marker, index| ProfileError::Unpaired { line: index + 1, marker };
        match (line.trim(), open) {
            (marker, None) if marker == markers.begin => open = Some((at, index)),
            (marker, Some((_, index))) if marker == markers.begin => {
                return Err(unpaired(markers.begin, index));
            }
            (marker, Some((start, _))) if marker == markers.end => {
                blocks.push(start..at + line.len());
                open = None;
            }
            (marker, None) if marker == markers.end => return Err(unpaired(markers.end, index)),
            _ => {}
        }
        at += line.len();
    }
    match open {
        Some((_, index)) => Err(ProfileError::Unpaired { line: index + 1, marker: markers.begin }),
        None => Ok(blocks),
    }
}

/// Writes the block. It asks whether the folder is the first one, not whether it is there at all:
/// the real `codex` may come before it.
fn block(shell: Shell, folder: &Path, home: &Path) -> Result<String, ProfileError> {
    let not_possible = || ProfileError::Folder { folder: folder.display().to_string() };
    let (below_home, path) = match folder.strip_prefix(home) {
        Ok(path) => (true, path),
        Err(_) => (false, folder),
    };
    let path = path.to_str().ok_or_else(not_possible)?;
    let separators: &[char] = if shell == Shell::PowerShell { &[';'] } else { &[':'] };
    if path.contains(separators) || path.contains(char::is_control) {
        return Err(not_possible());
    }
    let why = "# Runs Codex with tracing: the folder with its shim comes first.";
    let code = match shell {
        Shell::Sh | Shell::Bash | Shell::Zsh => {
            let folder = double_quoted(path, below_home, &['\\', '"', '$', '`']);
            format!(
                "case \"$PATH:\" in\n  {folder}:*) ;;\n  *) export PATH={folder}:\"$PATH\" ;;\nesac"
            )
        }
        Shell::Fish => {
            let folder = double_quoted(path, below_home, &['\\', '"', '$']);
            format!("if test \"$PATH[1]\" != {folder}\n    set -gx PATH {folder} $PATH\nend")
        }
        Shell::PowerShell => {
            let quoted = format!("'{}'", path.replace('\'', "''"));
            let folder = if below_home { format!("Join-Path $HOME {quoted}") } else { quoted };
            format!(
                "$arizeCodexBin = {folder}\n\
                 if (($env:PATH -split [IO.Path]::PathSeparator)[0] -ne $arizeCodexBin) {{\n    \
                 $env:PATH = $arizeCodexBin + [IO.Path]::PathSeparator + $env:PATH\n}}"
            )
        }
    };
    Ok(format!("{}\n{why}\n{code}\n{}\n", OURS.begin, OURS.end))
}

fn double_quoted(path: &str, below_home: bool, special: &[char]) -> String {
    let mut quoted = String::from(if below_home { "\"$HOME/" } else { "\"" });
    for c in path.chars() {
        if special.contains(&c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
