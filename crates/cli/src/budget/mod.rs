//! `arize-codex budget`: how far budgets are used, and what a person allows.

mod change;
mod check;
mod known;

use std::path::{Path, PathBuf};

use budget::Millis;
use codex_config::{Environment, Paths, Settings};
use doctor::Style;
use jiff::{Timestamp, Zoned};
use spending::{Home, InForce};

pub(crate) use check::check;
pub(crate) use known::Known;

use crate::{CommandError, ExitCode, examples};

/// Print how far each budget is used, or lift them.
///
/// Budgets are set in `config.yaml` (`arize-codex config set harnesses.codex.budgets.day.usd 20`) or in
/// `.arize-codex.yaml` in a repository.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::BUDGET, args_conflicts_with_subcommands = true)]
pub(crate) struct Budget {
    #[command(subcommand)]
    pub(crate) command: Option<BudgetCommand>,
    /// Also the budgets of this session, a thread with its sub-agents [default: that which runs this command].
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum BudgetCommand {
    Allow(Allow),
    Trust(Trust),
}

/// Let Codex work on although a budget is used up.
#[derive(Debug, clap::Args)]
pub(crate) struct Allow {
    /// Only in this session.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Until then, such as 2h, 18:00 or 2026-12-24T18:00; without it, for ever in a session, and else until midnight.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Take back all that was allowed.
    #[arg(long, conflicts_with_all = ["session", "until"])]
    pub(crate) clear: bool,
}

/// Trust the budgets of a repository as they are now.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// A folder of the repository [default: the current one].
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// What holds for all of these commands.
pub(crate) struct Place {
    pub(crate) paths: Paths,
    home: Home,
    pub(crate) settings: Settings,
    now: Zoned,
}

impl Place {
    pub(crate) fn new(environment: &Environment) -> Result<Self, CommandError> {
        let paths = crate::paths(environment)?;
        let settings = Settings::load(&paths, environment);
        Ok(Self { home: Home::new(&paths), settings, paths, now: Zoned::now() })
    }

    fn in_force(&self, folder: Option<&Path>) -> InForce {
        let here = std::env::current_dir().ok();
        self.home.in_force(&self.settings.budgets, folder.or(here.as_deref()))
    }
}

/// Runs the command.
pub(crate) fn budget(
    args: &Budget,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let place = Place::new(environment)?;
    let text = match &args.command {
        Some(BudgetCommand::Allow(allow)) => change::allow(allow, &place)?,
        Some(BudgetCommand::Trust(trust)) => change::trust(trust, &place)?,
        None => {
            // Codex says so to the commands that it runs: an agent asks about itself.
            let session = args.session.as_deref().or_else(|| environment.get("CODEX_SESSION_ID"));
            // In a sandbox that lets nothing be written, what is known may be a little old.
            let known = Known::of(&place, session, environment).or_else(|error| {
                let as_it_is = Known::as_it_is(&place, session, environment);
                as_it_is.map(|(known, _)| known).map_err(|_| error)
            })?;
            if args.json { known.json(&place) } else { known.text(&place, style) }
        }
    };
    Ok((text, ExitCode::Success))
}

fn millis(time: &Zoned) -> Millis {
    u64::try_from(time.timestamp().as_millisecond()).unwrap_or(0)
}

fn timestamp(time: Millis) -> Timestamp {
    i64::try_from(time)
        .ok()
        .and_then(|time| Timestamp::from_millisecond(time).ok())
        .unwrap_or_default()
}

fn local(time: Millis, place: &Place) -> String {
    let time = timestamp(time).to_zoned(place.now.time_zone().clone());
    time.strftime("%Y-%m-%d %H:%M %Z").to_string()
}
