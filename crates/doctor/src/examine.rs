//! The whole examination, in the order of the chain.

use std::ffi::OsString;
use std::path::MAIN_SEPARATOR;
use std::time::SystemTime;

use codex_config::Settings;
use machine::{Codex, Machine};

use crate::checks::programs::Incomplete;
use crate::checks::{
    alerts, budgets, chained, codex, codex_toml, daemon, disk, hooks, log, outbox, permissions,
    programs, project, service, settings, target, turns,
};
use crate::remedy::Remedies;
use crate::send::send;
use crate::{Finding, Report, logs};

/// What is examined: the machine as one shell sees it, at one time.
#[derive(Debug)]
pub struct Context<'a> {
    /// The folders and variables.
    pub machine: &'a Machine,
    /// Our settings.
    pub settings: &'a Settings,
    /// The time.
    pub now: SystemTime,
}

/// Examines every link of the chain.
pub fn examine(context: &Context<'_>) -> Report {
    report(links(context), context)
}

/// Examines every link of the chain, and sends a test turn through it.
pub fn examine_and_send(context: &Context<'_>) -> Report {
    let mut findings = links(context);
    findings.extend(send(context));
    report(findings, context)
}

fn links(context: &Context<'_>) -> Vec<Finding> {
    let Context { machine, settings: own, .. } = context;
    let paths = &machine.paths;
    let search = machine.search_path();
    let codex = Codex::inspect(machine);
    let hooks = hooks::inspect(paths, codex.version);
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
    let remedies = Remedies { paths, shell: &machine.environment };
    let incomplete = programs::inspect(&machine.programs, &search);
    let mut findings = programs::check(incomplete.as_ref());
    findings.extend(programs::check_file_system(&paths.bin_dir));
    findings.extend(programs::check_installations(&programs::installations(machine)));
    findings.extend(codex::check(&codex));
    findings.extend(codex_toml::check(&codex_toml::inspect(paths, expected)));
    let projects = project::inspect(&machine.folder, &paths.codex_home);
    findings.extend(project::check(&projects, codex.version));
    findings.extend(hooks::check(&hooks));
    findings.extend(budgets::check(&own.budgets, &hooks, paths));
    findings.extend(alerts::check(&own.alerts, &hooks));
    findings.extend(chained::check(&chained::inspect(paths, &search)));
    findings.extend(settings::check(own, remedies));
    findings.extend(permissions::check(&permissions::inspect(paths, own)));
    findings.extend(daemon::check(daemon::inspect(machine, codex.real()).as_ref()));
    findings.extend(service::check(&service::inspect(context)));
    findings.extend(disk::check(&disk::inspect(paths)));
    let targets = target::inspect(own, paths);
    let of_targets = target::check(&targets, remedies);
    let failed = target::failed(&targets, &of_targets);
    findings.extend(of_targets);
    findings.extend(outbox::check(&outbox::inspect(own, paths), &failed, paths, context.now));
    findings.extend(turns::check(&turns::inspect(paths, context.now)));
    findings.extend(log::check(&logs::last(&[logs::hook(own)], usize::MAX), &failed, context.now));
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

fn report(findings: Vec<Finding>, context: &Context<'_>) -> Report {
    let search = context.machine.search_path();
    let findings = findings
        .into_iter()
        .map(|finding| with_short_paths(finding, context))
        .map(|finding| with_reachable_program(finding, context, &search));
    Report::new(findings.collect())
}

/// Calls the user's home `~`.
fn with_short_paths(finding: Finding, context: &Context<'_>) -> Finding {
    let home = format!("{}{MAIN_SEPARATOR}", context.machine.paths.home.display());
    let short = format!("~{MAIN_SEPARATOR}");
    Finding { message: finding.message.replace(&home, &short), ..finding }
}

/// Names our programs by their paths where the shell would not find them.
fn with_reachable_program(finding: Finding, context: &Context<'_>, search: &OsString) -> Finding {
    const OURS: [&str; 4] =
        ["arize-codex-buffer ", "arize-config ", "arize-codex ", "arize-hook-codex-notify "];
    let Some(command) = &finding.command else { return finding };
    let reachable = |program: &str| processes::find_program(program.trim_end(), search).is_some();
    let words = OURS.into_iter().filter(|program| !reachable(program));
    let command = words.fold(command.clone(), |command, program| {
        let path = crate::words::program(&context.machine.programs.join(program.trim_end()));
        if command.starts_with(program) || command.contains(&format!("&& {program}")) {
            command.replace(program, &format!("{path} "))
        } else {
            command
        }
    });
    Finding { command: Some(command), ..finding }
}
