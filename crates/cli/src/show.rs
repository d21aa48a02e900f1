//! `arize-codex show`.

use codex_config::Environment;
use trace_store::{OpenError, TraceStore};

use crate::args::Show;
use crate::{CommandError, print};

/// Prints one turn of the local store, or lists the last ones, in lines of this width.
pub(crate) fn show(
    args: &Show,
    environment: &Environment,
    width: usize,
) -> Result<String, CommandError> {
    let store = open(args, environment)?;
    let failed =
        |error| CommandError::failed(format!("cannot read `{}`", store.path().display()), error);
    let trace_id = match &args.trace {
        Some(prefix) => store.find_trace(prefix).map_err(|error| CommandError::NotFound {
            what: error.to_string(),
            hint: "`arize-codex show` lists the turns with their trace ids".to_owned(),
        })?,
        None if args.last => match store.last_traces(1).map_err(failed)?.first() {
            Some(last) => last.trace_id,
            None => return Err(empty(&store)),
        },
        None => {
            let traces = store.last_traces(args.limit).map_err(failed)?;
            if args.json {
                return Ok(print::summaries_json(&traces));
            }
            if traces.is_empty() {
                return Err(empty(&store));
            }
            return Ok(print::summaries(&traces, width));
        }
    };
    let spans = store.trace(trace_id).map_err(failed)?;
    Ok(if args.json { print::spans_json(&spans) } else { print::tree(&spans, width) })
}

fn open(args: &Show, environment: &Environment) -> Result<TraceStore, CommandError> {
    let path = match &args.store {
        Some(path) => path.clone(),
        None => crate::paths(environment)?.traces_db,
    };
    TraceStore::open_read_only(&path).map_err(|error| match error {
        OpenError::Missing { .. } => CommandError::NotFound {
            what: format!("no turn was stored yet: `{}` does not exist", path.display()),
            hint: "`arize-codex demo` shows what a turn looks like".to_owned(),
        },
        error => CommandError::failed("cannot open the local store", error),
    })
}

fn empty(store: &TraceStore) -> CommandError {
    CommandError::NotFound {
        what: format!("`{}` holds no turn", store.path().display()),
        hint: "`arize-codex demo` shows what a turn looks like".to_owned(),
    }
}
