//! `arize-codex setup` and `arize-codex uninstall`.

mod history;
mod page;

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::time::Duration;

use ::doctor::{Level, Tried};
use codex_config::{ConfigFile, Environment, Secret, TlsFiles};
use machine::Machine;
use setup::ask::{Ask, AskError, TakeProposed};
use setup::record::RecordError;
use setup::terminal::Terminal;
use setup::uninstall::{self, Removal, Stored};
use setup::way_back::with_way_back;
use setup::{
    Applied, ApplyError, Header, HeaderError, InterviewError, LockError, Plan, PlanError, Request,
};
use trace_store::TraceStore;

use self::page::Page;
use crate::args::{Setup, Uninstall};
use crate::{CommandError, ExitCode};

/// How long a target may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Installs the tracing of Codex for this user.
pub(crate) fn setup(
    args: &Setup,
    environment: &Environment,
    width: Option<usize>,
) -> Result<(String, ExitCode), CommandError> {
    let machine = machine(environment)?;
    let page = Page { json: args.json, width, home: &machine.paths.home };
    let mut ask = asker(args.yes || args.dry_run, || {
        let open = "--target, --endpoint, --project, --user-id, --content";
        format!("{open} are not all given, and there is no terminal to ask on")
    })?;
    let request = request(args)?;
    let facts = inspect(&machine, &request)?;
    ask.tell("Enter takes what is proposed, Esc goes back, Ctrl-C stops and changes nothing.\n");
    let decided = with_way_back(&mut *ask, |ask| {
        let answers = setup::interview(&request, &facts, &machine, ask)?;
        let plan = setup::plan(&machine, &facts, &answers)?;
        let steps = plan.steps(&machine);
        let settings = plan.settings(&machine, &facts);
        let tried = ::doctor::try_targets(&settings, &machine.paths, environment, PATIENCE);
        if args.dry_run {
            return Ok((answers, plan, tried));
        }
        ask.tell(&page.tried(&tried));
        if tried.findings.iter().any(|finding| finding.level == Level::Failure) {
            ask.tell("Until a target accepts turns, they are queued on this machine.");
        }
        let agreed = match steps.is_empty() {
            true => Agreed::GoOn,
            false => agree(ask, &page.list(&steps), || plan.diff(), true)?,
        };
        match agreed {
            Agreed::GoOn => Ok((answers, plan, tried)),
            Agreed::Change => Err(CommandError::from(ask.to_the_first())),
        }
    });
    let (answers, plan, tried) = decided?;
    if args.dry_run {
        let steps = plan.steps(&machine);
        return Ok((page.dry_run(&steps, &plan.diff(), &tried), ExitCode::Success));
    }
    let applied = carry_out(&machine, &facts, &plan)?;
    if !args.no_path {
        add_to_job_path(environment, &machine.paths.bin_dir);
    }
    let mut next = setup::next_steps(&machine, &facts, &answers, &plan);
    let settings = plan.settings(&machine, &facts);
    next.extend(history::offer(args, &settings, &machine, environment, &mut *ask));
    Ok(page.report(&applied.done, &applied.problems, &next, &tried))
}

/// The file in which a job names folders for the `PATH` of its next steps (GitHub Actions), which read
/// no profile of a shell.
const JOB_PATH_FILE: &str = "GITHUB_PATH";

/// Lets the next steps of a job find `codex`. The file belongs to the job and ends with it.
fn add_to_job_path(environment: &Environment, folder: &Path) {
    let Some(file) = environment.path(JOB_PATH_FILE) else { return };
    let line = folder.display().to_string();
    let is_there = |text: String| text.lines().any(|folder| folder == line);
    if !fs::read_to_string(&file).is_ok_and(is_there) {
        let file = OpenOptions::new().create(true).append(true).open(file);
        // Tracing works without it.
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}

/// Takes the installation back.
pub(crate) fn uninstall(
    args: &Uninstall,
    environment: &Environment,
    width: Option<usize>,
) -> Result<(String, ExitCode), CommandError> {
    let machine = machine(environment)?;
    let page = Page { json: args.json, width, home: &machine.paths.home };
    let mut ask = asker(args.yes || args.dry_run, || {
        "whether to remove the stored turns is open, and there is no terminal to ask on".to_owned()
    })?;
    let purge = args.purge || !args.keep_data && wants_purge(&mut *ask, &machine)?;
    let removal: Removal = uninstall::plan(&machine, purge)?;
    let steps = removal.steps();
    if args.dry_run {
        return Ok((page.dry_run(&steps, &removal.diff(), &Tried::default()), ExitCode::Success));
    }
    if !steps.is_empty() {
        agree(&mut *ask, &page.list(&steps), || removal.diff(), false)?;
    }
    let mut next = removal.next_steps();
    let removed = removal.carry_out(&machine)?;
    let turns = stored_turns(&machine);
    next.extend(Stored::find(&machine).filter(|_| !purge).map(|stored| stored.next_step(turns)));
    next.extend(kept_settings(&machine));
    Ok(page.report(&removed.done, &removed.problems, &next, &Tried::default()))
}

/// Names the settings that the user made since, which stay: there may be a key among them.
fn kept_settings(machine: &Machine) -> Option<String> {
    let settings = ConfigFile::read(&machine.paths).ok()?.json(false).ok()?;
    let settings: serde_json::Value = serde_json::from_str(&settings).ok()?;
    let own = settings.pointer("/harnesses/codex")?.as_object()?;
    let names: Vec<String> = own.keys().map(|name| format!("`{name}`")).collect();
    let file = machine.paths.config_file.display();
    let names = names.join(", ");
    (!own.is_empty()).then(|| {
        format!("Kept: {names} below `harnesses.codex` in {file}, which you set after setup.")
    })
}

/// Offers to remove what is stored, if something is.
fn wants_purge(ask: &mut dyn Ask, machine: &Machine) -> Result<bool, AskError> {
    let Some(stored) = Stored::find(machine) else { return Ok(false) };
    ask.confirm("Remove the data, too?", false, &stored.what(stored_turns(machine)))
}

/// How many turns the local store holds; one that cannot be read is counted by its size alone.
fn stored_turns(machine: &Machine) -> u64 {
    let counts = TraceStore::open_read_only(&machine.paths.traces_db)
        .ok()
        .and_then(|store| store.counts().ok());
    counts.map_or(0, |counts| counts.traces)
}

fn machine(environment: &Environment) -> Result<Machine, CommandError> {
    let folder = std::env::current_dir()
        .map_err(|error| CommandError::failed("cannot find the present folder", error))?;
    let machine = Machine { folder, ..crate::place::machine(environment)? };
    match machine.relative_folder() {
        None => Ok(machine),
        Some((variable, relative)) => Err(CommandError::Incomplete {
            what: format!("`{variable}` is `{}`, which is no absolute path", relative.display()),
            hint: format!("{variable}={}", machine.folder.join(relative).display()),
        }),
    }
}

fn inspect(machine: &Machine, request: &Request) -> Result<setup::Facts, CommandError> {
    setup::inspect(machine, request).map_err(|error| CommandError::Refused {
        hint: error.hint().to_owned(),
        source: Box::new(error),
    })
}

/// The person at the terminal, or what is proposed.
fn asker(
    takes_proposed: bool,
    open: impl FnOnce() -> String,
) -> Result<Box<dyn Ask>, CommandError> {
    if takes_proposed {
        return Ok(Box::new(TakeProposed::default()));
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return Ok(Box::new(Terminal));
    }
    Err(CommandError::Incomplete { what: open(), hint: "add -y to accept the defaults".to_owned() })
}

fn request(args: &Setup) -> Result<Request, CommandError> {
    let api_key = match args.api_key_stdin {
        true => Some(secret_from_stdin("API key", "--api-key-stdin")?),
        false => None,
    };
    Ok(Request {
        targets: args.targets.clone(),
        local_copy: args.local_copy.then_some(true).or(args.no_local_copy.then_some(false)),
        endpoint: args.endpoint.clone(),
        project: args.project.clone(),
        api_key,
        headers: headers(args)?,
        tls: TlsFiles {
            ca_file: args.ca_file.clone(),
            client_certificate: args.client_certificate.clone(),
            client_key: args.client_key.clone(),
            ..TlsFiles::default()
        },
        space_id: args.space_id.clone(),
        experiment_id: args.experiment_id.clone(),
        user_id: args.user_id.clone(),
        content: args.content,
        scope: args.scope,
        existing_otel: args.existing_otel,
        port: args.port,
        no_path: args.no_path,
        no_service: args.no_service,
        autostart: args.autostart,
        with_skills: args.with_skills,
        hooks: args.hooks,
        restart_daemon: args.restart_daemon,
    })
}

/// What the flags say of headers. The parser of the command line would show a wrong one with its value.
fn headers(args: &Setup) -> Result<Vec<Header>, CommandError> {
    let mut headers =
        args.headers.iter().map(|header| header.parse()).collect::<Result<Vec<_>, _>>()?;
    if let Some(name) = &args.header_stdin {
        let value = secret_from_stdin(&format!("value of `{name}`"), "--header-stdin NAME")?;
        headers.push(Header::new(name, value.expose())?);
    }
    Ok(headers)
}

fn secret_from_stdin(name: &str, flag: &str) -> Result<Secret, CommandError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CommandError::failed(format!("cannot read the {name}"), error))?;
    match text.trim() {
        "" => Err(CommandError::Incomplete {
            what: format!("there is no {name} on the standard input"),
            hint: format!("arize-codex setup -y {flag} < FILE"),
        }),
        key => Ok(Secret::new(key)),
    }
}

/// What a person wants who saw what will be done.
enum Agreed {
    GoOn,
    /// Other answers.
    Change,
}

/// Shows what will be done and lets it be stopped, or, after questions, changed.
fn agree(
    ask: &mut dyn Ask,
    steps: &str,
    diff: impl Fn() -> String,
    has_questions: bool,
) -> Result<Agreed, CommandError> {
    const DIFF: &str = "show me the changes first";
    const CHANGE: &str = "change an answer";
    ask.tell(&format!("\nThis will be done:\n{steps}"));
    let options = ["yes", DIFF, CHANGE, "no"].into_iter();
    let options = options.filter(|option| has_questions || *option != CHANGE);
    let mut options: Vec<String> = options.map(str::to_owned).collect();
    loop {
        let chosen = ask.choose("Go on?", &options, 0)?;
        match options.remove(chosen).as_str() {
            "yes" => return Ok(Agreed::GoOn),
            DIFF => ask.tell(&diff()),
            CHANGE => return Ok(Agreed::Change),
            _ => return Err(AskError::Stopped.into()),
        }
    }
}

fn carry_out(
    machine: &Machine,
    facts: &setup::Facts,
    plan: &Plan,
) -> Result<Applied, CommandError> {
    setup::apply(machine, facts, plan).map_err(|error| match error {
        ApplyError::Lock(error) => error.into(),
        error => {
            let what = "stopped half-way; `arize-codex uninstall` takes back what was done";
            CommandError::failed(what, error)
        }
    })
}

impl From<AskError> for CommandError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Stopped | AskError::Back => Self::Stopped,
            AskError::Terminal(_) => Self::Failed { what: error.to_string(), source: None },
        }
    }
}

impl From<HeaderError> for CommandError {
    fn from(error: HeaderError) -> Self {
        Self::Incomplete { what: error.to_string(), hint: error.hint() }
    }
}

impl From<LockError> for CommandError {
    fn from(error: LockError) -> Self {
        nothing_changed(error.hint(), error)
    }
}

impl From<PlanError> for CommandError {
    fn from(error: PlanError) -> Self {
        nothing_changed(error.hint(), error)
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        nothing_changed(error.hint(), error)
    }
}

fn nothing_changed(
    hint: Option<&'static str>,
    error: impl std::error::Error + Send + Sync + 'static,
) -> CommandError {
    match hint {
        Some(hint) => CommandError::Refused { hint: hint.to_owned(), source: Box::new(error) },
        None => CommandError::failed("nothing was changed", error),
    }
}

impl From<InterviewError> for CommandError {
    fn from(error: InterviewError) -> Self {
        match error {
            InterviewError::Ask(error) => error.into(),
            InterviewError::Wrong { what, hint } => Self::Incomplete { what, hint },
        }
    }
}
