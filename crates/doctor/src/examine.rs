//! The whole examination, in the order of the chain.

use std::ffi::OsString;
use std::path::{MAIN_SEPARATOR, PathBuf};
use std::time::SystemTime;

use codex_config::{Environment, Paths, Settings};

use crate::checks::programs::Incomplete;
use crate::checks::{
    chained, codex, codex_toml, daemon, disk, hooks, log, outbox, permissions, programs, project,
    service, settings, target, turns,
};
use crate::remedy::Remedies;
use crate::send::send;
use crate::{Finding, Report, logs};

/// What is examined: the machine as one shell sees it.
#[derive(Debug)]
pub struct Place<'a> {
    /// The variables of the shell.
    pub environment: &'a Environment,
    /// Where things are.
    pub paths: &'a Paths,
    /// Our settings.
    pub settings: &'a Settings,
    /// The folder of our programs: that of the one that runs.
    pub programs: PathBuf,
    /// The shell's working directory.
    pub directory: PathBuf,
    /// The time.
    pub now: SystemTime,
}

/// Looks at every link of the chain.
pub fn examine(place: &Place<'_>) -> Report {
    report(links(place), place)
}

/// Looks at every link of the chain, and sends a test turn through it.
pub fn examine_and_send(place: &Place<'_>) -> Report {
    let mut findings = links(place);
    findings.extend(send(place));
    report(findings, place)
}

fn links(place: &Place<'_>) -> Vec<Finding> {
    let Place { paths, settings: own, .. } = place;
    let search = place.environment.path("PATH").unwrap_or_default().into_os_string();
    let buffer = place.programs.join("arize-codex-buffer");
    let extensions = place.environment.path("PATHEXT").map(PathBuf::into_os_string);
    let codex = codex::gather(paths, &search, extensions.as_deref());
    let hooks = hooks::gather(paths, codex.version);
    let expected = codex_toml::Expected {
        search: &search,
        service: service::wanted(own),
        write_token: service::write_token(own, paths),
        // Settings that cannot be read do not say that they are off.
        prompts: own.unreadable.is_some()
            || own.forward.is_some()
            || own.targets.iter().any(|target| target.content.prompts),
        hooks: !hooks.ours.is_empty(),
        version: codex.version,
        codex: codex.real(),
    };
    let remedies = Remedies { paths, shell: place.environment };
    let incomplete = programs::gather(&place.programs, &search);
    let mut findings = programs::check(incomplete.as_ref());
    findings.extend(codex::check(&codex));
    findings.extend(codex_toml::check(&codex_toml::gather(paths, expected)));
    let projects = project::gather(&place.directory, &paths.codex_home);
    findings.extend(project::check(&projects, codex.version));
    findings.extend(hooks::check(&hooks));
    findings.extend(chained::check(&chained::gather(paths, &search)));
    findings.extend(settings::check(own, remedies));
    findings.extend(permissions::check(&permissions::gather(paths, own)));
    findings.extend(daemon::check(daemon::gather(paths, codex.real(), &search).as_ref()));
    findings.extend(service::check(&service::gather(own, paths, &buffer, place.now)));
    findings.extend(disk::check(&disk::gather(paths)));
    findings.extend(target::check(&target::gather(own, paths), remedies));
    findings.extend(outbox::check(&outbox::gather(own, paths), paths, place.now));
    findings.extend(turns::check(&turns::gather(paths, place.now)));
    findings.extend(log::check(&logs::last(&[logs::hook(own)], usize::MAX), place.now));
    match incomplete {
        Some(incomplete) => {
            findings.into_iter().map(|finding| with_complete_setup(finding, &incomplete)).collect()
        }
        None => findings,
    }
}

/// Names the setup that has all programs: one that lacks some refuses to install, and a restart brings
/// none back.
fn with_complete_setup(finding: Finding, incomplete: &Incomplete) -> Finding {
    const SETUP: &str = "arize-codex setup";
    let command = match finding.command {
        Some(_) if finding.check == service::RUNS_HOOK => Some(incomplete.setup()),
        Some(command) => Some(match command.strip_prefix(SETUP) {
            Some(flags) => incomplete.setup() + flags,
            None => command,
        }),
        None => None,
    };
    Finding { command, ..finding }
}

fn report(findings: Vec<Finding>, place: &Place<'_>) -> Report {
    let search = place.environment.path("PATH").unwrap_or_default().into_os_string();
    let findings = findings
        .into_iter()
        .map(|finding| with_short_paths(finding, place))
        .map(|finding| with_reachable_program(finding, place, &search));
    Report::new(findings.collect())
}

/// Calls the user's home `~`.
fn with_short_paths(finding: Finding, place: &Place<'_>) -> Finding {
    let home = format!("{}{MAIN_SEPARATOR}", place.paths.home.display());
    let short = format!("~{MAIN_SEPARATOR}");
    Finding { message: finding.message.replace(&home, &short), ..finding }
}

/// Names our programs by their paths where the shell would not find them.
fn with_reachable_program(finding: Finding, place: &Place<'_>, search: &OsString) -> Finding {
    const OURS: [&str; 4] =
        ["arize-codex-buffer ", "arize-config ", "arize-codex ", "arize-hook-codex-notify "];
    let Some(command) = &finding.command else { return finding };
    let reachable = |program: &str| processes::find_program(program.trim_end(), search).is_some();
    let words = OURS.into_iter().filter(|program| !reachable(program));
    let command = words.fold(command.clone(), |command, program| {
        let path = crate::words::program(&place.programs.join(program.trim_end()));
        if command.starts_with(program) || command.contains(&format!("&& {program}")) {
            command.replace(program, &format!("{path} "))
        } else {
            command
        }
    });
    Finding { command: Some(command), ..finding }
}
