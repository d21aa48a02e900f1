//! Our programs, copied into the harness home, also while they run there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use processes::running;

use machine::Machine;

/// Every program of an installation; the first is the one that installs.
pub const PROGRAMS: [&str; 5] = [
    "arize-codex",
    "arize-codex-buffer",
    "arize-codex-proxy",
    "arize-hook-codex-notify",
    "arize-config",
];

/// A program and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramCopy {
    /// The program.
    pub from: PathBuf,
    /// Its place in the harness home.
    pub to: PathBuf,
    /// Whether something else, or nothing, is there.
    pub differs: bool,
}

/// Says why a program cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not where the others are.
    #[error("`{}` does not exist", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It cannot be copied.
    #[error("`{}` cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Names programs for a person: all of them, or each one.
pub(crate) fn names(copies: &[&ProgramCopy]) -> String {
    if copies.len() == PROGRAMS.len() {
        return "the programs of arize-codex".to_owned();
    }
    let names = copies.iter().filter_map(|copy| copy.to.file_name());
    names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ")
}

/// The file of a program on this system.
pub(crate) fn file_name(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

/// Compares the programs beside the running one with those in the harness home.
pub(crate) fn compare(machine: &Machine) -> Result<Vec<ProgramCopy>, ProgramError> {
    PROGRAMS
        .iter()
        .map(|program| {
            let from = machine.programs.join(file_name(program));
            let to = machine.paths.bin_dir.join(file_name(program));
            if !from.is_file() {
                return Err(ProgramError::Missing { path: from });
            }
            let differs = differ(&from, &to)
                .map_err(|source| ProgramError::Read { path: from.clone(), source })?;
            Ok(ProgramCopy { from, to, differs })
        })
        .collect()
}

impl ProgramCopy {
    /// Puts the program in its place, all at once: who runs the old one goes on with it.
    pub(crate) fn install(&self) -> Result<(), ProgramError> {
        let fresh = self.to.with_extension("new");
        let installed = self.write(&fresh).and_then(|()| running::replace(&fresh, &self.to));
        installed.map_err(|source| {
            // It may not have come into being.
            let _ = fs::remove_file(&fresh);
            ProgramError::Write { path: self.to.clone(), source }
        })
    }

    fn write(&self, fresh: &Path) -> io::Result<()> {
        let mut source = File::open(&self.from)?;
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
        let mut copy = options.open(fresh)?;
        io::copy(&mut source, &mut copy)?;
        copy.sync_all()
    }
}

/// Whether two files hold something else. A second one that is not there does.
fn differ(a: &Path, b: &Path) -> io::Result<bool> {
    const PIECE: usize = 1 << 16;
    let Ok(mut b) = File::open(b) else { return Ok(true) };
    let mut a = File::open(a)?;
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(true);
    }
    let (mut of_a, mut of_b) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let length = a.read(&mut of_a)?;
        if length == 0 {
            return Ok(false);
        }
        // As long as the other one, unless it is changed right now.
        if b.read_exact(&mut of_b[..length]).is_err() || of_a[..length] != of_b[..length] {
            return Ok(true);
        }
    }
}
