//! `arize-codex show`: the list of turns, one of them, two beside each other, and those that run.

mod compare;
mod filters;
mod follow;

pub(crate) use follow::on_interrupt;

use std::path::Path;

use codex_config::{Environment, Paths, Settings, Target};
use dashboard::export;
use doctor::Style;
use doctor::status::destinations;
use jiff::Zoned;
use jiff::tz::TimeZone;
use otlp_model::{Span, TraceId};
use trace_store::usage::TurnFilter;
use trace_store::{OpenError, QueryError, TraceStore};

use crate::args::Show;
use crate::print::{self, Page};
use crate::{CommandError, ExitCode, Output, usage};

/// Prints one turn of the local store, lists the last ones, or compares two.
pub(crate) fn show(
    args: &Show,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    let zone = TimeZone::system();
    let page = Page::new(style, &zone, &paths.home);
    let store = open(args, environment, &paths)?;
    let success = |text| Ok((text, ExitCode::Success));
    if let Some([first, second]) = args.compare.as_deref() {
        return compare::compare(&store, [first, second], args.json, page);
    }
    let is_export = args.html.is_some() || args.perfetto.is_some();
    let trace_id = match &args.trace {
        Some(prefix) => find(&store, prefix)?,
        None => {
            let is_one = args.last || is_export;
            let filter = filters::filter(&args.filters, &Zoned::now())?;
            let limit = if is_one { 1 } else { args.limit.into() };
            let turns = store.turns(&filter, None, limit).map_err(|error| unread(&store, error))?;
            if args.json && !is_one {
                return success(print::turns_json(&turns));
            }
            let Some(last) = turns.first() else {
                return Err(if filter == TurnFilter::default() {
                    no_turns(args, environment, &paths)
                } else {
                    no_match()
                });
            };
            if !is_one {
                return success(
                    print::turns(&turns, page) + &newer(args, environment, &paths, style),
                );
            }
            last.trace_id
        }
    };
    let spans = store.trace(trace_id).map_err(|error| unread(&store, error))?;
    if let Some(file) = args.html.as_ref().or(args.perfetto.as_ref()) {
        return success(export(args, spans, &zone, file)?);
    }
    if args.json {
        return success(print::spans_json(&spans));
    }
    if spans.is_empty() {
        return Err(without_spans());
    }
    let is_named = args.trace.is_some();
    let newer = if is_named { String::new() } else { newer(args, environment, &paths, style) };
    success(print::tree(&spans, page) + &newer)
}

/// Prints what running turns do until Ctrl-C.
pub(crate) fn show_running(
    args: &Show,
    environment: &Environment,
    style: Style,
    output: Output<'_>,
) -> Result<ExitCode, CommandError> {
    follow::follow(args, environment, style, output)
}

fn find(store: &TraceStore, prefix: &str) -> Result<TraceId, CommandError> {
    store.find_trace(prefix).map_err(|error| CommandError::NotFound {
        what: error.to_string(),
        hint: "`arize-codex show` lists the turns with their trace ids".to_owned(),
    })
}

fn unread(store: &TraceStore, error: QueryError) -> CommandError {
    CommandError::failed(format!("cannot read `{}`", store.path().display()), error)
}

fn no_match() -> CommandError {
    CommandError::NotFound {
        what: "no stored turn is like that".to_owned(),
        hint: "`arize-codex import` reads older turns; `arize-codex show` lists all".to_owned(),
    }
}

/// The figures of a turn may be stored without its contents.
fn without_spans() -> CommandError {
    CommandError::NotFound {
        what: "of this turn, only the figures are stored".to_owned(),
        hint: "`arize-codex import` reads what it did from its transcript".to_owned(),
    }
}

/// Writes a turn to hand on, and says what was replaced in it.
fn export(
    args: &Show,
    spans: Vec<Span>,
    zone: &TimeZone,
    file: &Path,
) -> Result<String, CommandError> {
    let scrubber = export::scrubber()
        .map_err(|error| CommandError::failed("cannot replace secrets", error))?;
    let exported = match args.html {
        Some(_) => export::html(spans, zone, &scrubber),
        None => export::perfetto(spans, &scrubber),
    };
    let Some(exported) = exported else {
        return Err(without_spans());
    };
    private_files::write(file, exported.text.as_bytes()).map_err(|error| {
        CommandError::failed(format!("cannot write `{}`", file.display()), error)
    })?;
    let mut text = format!("wrote {}\n", file.display());
    for (key, count) in &exported.replaced {
        let secrets = if *count == 1 { "secret" } else { "secrets" };
        text.push_str(&format!("replaced {count} {secrets} in {key}\n"));
    }
    Ok(text)
}

/// A line that says where newer turns are, if the store gets none of them any more.
fn newer(args: &Show, environment: &Environment, paths: &Paths, style: Style) -> String {
    let elsewhere = elsewhere(environment, paths).filter(|_| args.store.is_none());
    elsewhere.map_or_else(String::new, |there| {
        let line = format!("newer turns are sent to {}, without a copy here", there.names);
        let pages = if there.pages.is_empty() { String::new() } else { ": ".to_owned() };
        style.dim(&format!("{line}{pages}{}", there.pages)) + "\n"
    })
}

fn open(args: &Show, environment: &Environment, paths: &Paths) -> Result<TraceStore, CommandError> {
    let path = args.store.as_ref().unwrap_or(&paths.traces_db);
    let is_searched = args.filters.search.is_some();
    usage::with_turns(path, paths, environment, is_searched).map_err(|error| match error {
        OpenError::Missing { .. } => no_turns(args, environment, paths),
        error => CommandError::failed("cannot open the local store", error),
    })
}

/// Turns may go to a backend alone, which then is the place to see them.
fn no_turns(args: &Show, environment: &Environment, paths: &Paths) -> CommandError {
    if let Some(path) = &args.store {
        return CommandError::NotFound {
            what: format!("`{}` has no turns", path.display()),
            hint: "without `--store`, `arize-codex show` reads the store of this installation"
                .to_owned(),
        };
    }
    let Some(there) = elsewhere(environment, paths) else {
        return CommandError::NotFound {
            what: "no turn is stored yet".to_owned(),
            hint: "run `codex`, or see an example with `arize-codex demo`".to_owned(),
        };
    };
    CommandError::NotFound {
        what: format!("turns are sent to {}, and no copy is kept on this machine", there.names),
        hint: {
            let look = match &*there.pages {
                "" => "`arize-codex status` lists the last turns".to_owned(),
                pages => format!("open {pages}"),
            };
            format!(
                "{look}; `arize-config set harnesses.codex.local_copy true` keeps copies from now on"
            )
        },
    }
}

/// The targets that turns are sent to while no copy is kept on this machine.
struct Elsewhere {
    names: String,
    /// The pages of the project there; may be empty.
    pages: String,
}

fn elsewhere(environment: &Environment, paths: &Paths) -> Option<Elsewhere> {
    let settings = Settings::load(paths, environment);
    let keeps_copies =
        settings.targets.iter().any(|target| matches!(target.target, Ok(Target::Local)));
    let destinations = destinations(&settings, paths);
    if keeps_copies || destinations.is_empty() {
        return None;
    }
    let names: Vec<String> =
        destinations.iter().map(|there| format!("`{}`", there.target)).collect();
    let pages: Vec<&str> = destinations.iter().filter_map(|there| there.page.as_deref()).collect();
    Some(Elsewhere { names: names.join(", "), pages: pages.join(" ") })
}
