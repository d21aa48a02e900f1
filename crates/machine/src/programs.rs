//! Our programs, copied into the harness home, also while they run there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use processes::running;

use codex_config::Paths;

use crate::{Installation, Machine, Owner};

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
pub fn names(copies: &[&ProgramCopy]) -> String {
    if copies.len() == PROGRAMS.len() {
        return "the programs of arize-codex".to_owned();
    }
    let names = copies.iter().filter_map(|copy| copy.to.file_name());
    names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ")
}

/// The file of a program on this system.
pub fn file_name(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

/// Compares the programs beside the running one with those in the harness home.
///
/// # Errors
///
/// When one is missing or cannot be read.
pub fn compare(machine: &Machine) -> Result<Vec<ProgramCopy>, ProgramError> {
    compare_folders(&machine.programs, &machine.paths.bin_dir)
}

/// The folder in which an update of the programs will be found; nothing for the harness home itself, for
/// a cache, and for a folder in which an agent may work: what it writes there must not run outside its
/// sandbox.
pub fn origin(machine: &Machine) -> Option<PathBuf> {
    match Owner::of(&machine.programs) {
        _ if are_copies(machine) => None,
        Owner::Cache(_) => None,
        Owner::Manager { stable: Some(stable), .. } => Some(stable),
        _ if is_in_a_workspace(&machine.programs, &machine.paths.home) => None,
        Owner::Manager { .. } | Owner::None => Some(machine.programs.clone()),
    }
}

/// Whether the programs that run are those in the harness home.
pub fn are_copies(machine: &Machine) -> bool {
    let bin = &machine.paths.bin_dir;
    machine.programs == dunce::canonicalize(bin).unwrap_or_else(|_| bin.clone())
}

/// Whether a folder is part of a repository, or of what was built in one. Tools that are clones, such as
/// nvm in `~/.nvm`, are in hidden folders, where no agent works; a home may be a repository of dotfiles.
fn is_in_a_workspace(folder: &Path, home: &Path) -> bool {
    let home = dunce::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let is_hidden = |folder: &Path| {
        let below = folder.strip_prefix(&home).unwrap_or(folder);
        below.iter().any(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    let above = folder.ancestors().take_while(|above| **above != home);
    above.filter(|above| !is_hidden(above)).any(|above| {
        [".git", ".hg", ".jj", "CACHEDIR.TAG"].iter().any(|mark| above.join(mark).exists())
    })
}

/// Brings the copies up to date after the package manager updated the programs that they were made of.
/// Says what it did: nothing where they are as they were, or are not to be trusted.
///
/// # Errors
///
/// When a program cannot be copied.
pub fn refresh(paths: &Paths) -> Result<Option<PathBuf>, ProgramError> {
    let Some(origin) = Installation::read(paths).origin else { return Ok(None) };
    let bin = &paths.bin_dir;
    if !PROGRAMS.iter().any(|program| may_differ(&origin, bin, program)) {
        return Ok(None);
    }
    let copies = compare_folders(&origin, bin)?;
    if !copies.iter().any(|copy| copy.differs) {
        // So that they are not compared again.
        copies.iter().for_each(|copy| touch(&copy.to));
        return Ok(None);
    }
    let starts = copies.iter().all(|copy| is_trusted(&copy.from))
        && copies.first().is_some_and(|copy| starts(&copy.from));
    if !starts {
        return Ok(None);
    }
    for copy in &copies {
        match copy.differs {
            true => copy.install()?,
            false => touch(&copy.to),
        }
    }
    Ok(Some(origin))
}

/// Whether a program has changed since it was copied. A file from a package has the time of its build,
/// but its inode has that of the update.
fn may_differ(origin: &Path, bin: &Path, program: &str) -> bool {
    let metadata = |folder: &Path| fs::metadata(folder.join(file_name(program)));
    let (Ok(from), Ok(to)) = (metadata(origin), metadata(bin)) else { return false };
    let is_newer = to.modified().is_ok_and(|copied| changed(&from) > Some(copied));
    from.len() != to.len() || is_newer
}

#[cfg(unix)]
fn changed(file: &fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let (seconds, nanos) = (file.ctime().try_into().ok()?, file.ctime_nsec().try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(not(unix))]
fn changed(file: &fs::Metadata) -> Option<SystemTime> {
    file.modified().ok()
}

/// Whether the file system of a folder, or of what there is above it, runs no programs.
#[cfg(target_os = "linux")]
pub fn is_noexec(folder: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};

    let flags = folder.ancestors().find_map(|folder| Some(statvfs(folder).ok()?.f_flag));
    flags.is_some_and(|flags| flags.contains(StatVfsMountFlags::NOEXEC))
}

/// Whether the file system of a folder runs no programs: not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn is_noexec(_: &Path) -> bool {
    false
}

/// Whether only the user and the system's owner can have written a program.
#[cfg(unix)]
fn is_trusted(program: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    let Ok(file) = fs::metadata(program) else { return false };
    let own = std::env::current_exe().and_then(fs::metadata).map(|own| own.uid());
    let is_owners = file.uid() == 0 || own.is_ok_and(|own| own == file.uid());
    is_owners && file.mode() & OTHERS_WRITE == 0
}

#[cfg(not(unix))]
fn is_trusted(_: &Path) -> bool {
    true
}

/// Whether a program runs on this machine.
fn starts(program: &Path) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    let mut command = Command::new(program);
    let answer = processes::answer(command.arg("--version"), PATIENCE);
    answer.is_ok_and(|answer| answer.status.success())
}

fn touch(file: &Path) {
    // Where it fails, the files are compared once more.
    let file = File::options().append(true).open(file);
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

fn compare_folders(origin: &Path, bin: &Path) -> Result<Vec<ProgramCopy>, ProgramError> {
    PROGRAMS
        .iter()
        .map(|program| {
            let from = origin.join(file_name(program));
            let to = bin.join(file_name(program));
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
    ///
    /// # Errors
    ///
    /// When it cannot be read or written; then the old one stays.
    pub fn install(&self) -> Result<(), ProgramError> {
        // Another process may be at it.
        let fresh = self.to.with_extension(format!("{}.new", std::process::id()));
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
