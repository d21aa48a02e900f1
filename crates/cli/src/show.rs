//! `arize-codex show`.

use std::path::Path;

use codex_config::{Environment, Paths, Settings, Target};
use dashboard::export;
use doctor::Style;
use doctor::status::destinations;
use jiff::tz::TimeZone;
use otlp_model::Span;
use trace_store::{OpenError, TraceStore};

use crate::CommandError;
use crate::args::Show;
use crate::print::{self, Page};

/// Prints one turn of the local store, or lists the last ones.
pub(crate) fn show(
    args: &Show,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    let zone = TimeZone::system();
    let page = Page::new(style, &zone, &paths.home);
    let store = open(args, environment, &paths)?;
    let failed =
        |error| CommandError::failed(format!("cannot read `{}`", store.path().display()), error);
    let empty = || no_turns(args, environment, &paths);
    let trace_id = match &args.trace {
        Some(prefix) => store.find_trace(prefix).map_err(|error| CommandError::NotFound {
            what: error.to_string(),
            hint: "`arize-codex show` lists the turns with their trace ids".to_owned(),
        })?,
        None if args.last || args.html.is_some() || args.perfetto.is_some() => {
            match store.last_traces(1).map_err(failed)?.first() {
                Some(last) => last.trace_id,
                None => return Err(empty()),
            }
        }
        None => {
            let traces = store.last_traces(args.limit.into()).map_err(failed)?;
            if args.json {
                return Ok(print::summaries_json(&traces));
            }
            if traces.is_empty() {
                return Err(empty());
            }
            return Ok(print::summaries(&traces, page) + &newer(args, environment, &paths, style));
        }
    };
    let spans = store.trace(trace_id).map_err(failed)?;
    if let Some(file) = args.html.as_ref().or(args.perfetto.as_ref()) {
        return export(args, spans, &zone, file);
    }
    if args.json {
        return Ok(print::spans_json(&spans));
    }
    let is_named = args.trace.is_some();
    let newer = if is_named { String::new() } else { newer(args, environment, &paths, style) };
    Ok(print::tree(&spans, page) + &newer)
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
        return Err(CommandError::NotFound {
            what: "the turn has no spans".to_owned(),
            hint: "`arize-codex show` lists the turns with their trace ids".to_owned(),
        });
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
    TraceStore::open_read_only(path).map_err(|error| match error {
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
