//! `arize-codex tag`.

use std::path::PathBuf;

use codex_config::Environment;
use serde_json::json;
use trace_store::usage::{NoTag, TagChange, Tags};

use crate::{CommandError, examples};

/// Give the turns of a session a name of yours, such as a ticket, for `report --by tag`, `report --tag`
/// and `show --tag`.
///
/// Later turns of the session get it, too. Nothing is sent: what targets have stays as it is. For turns
/// to come, `ARIZE_TAGS` and `harnesses.codex.tags` put tags on their spans as well.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::TAG)]
pub(crate) struct Tag {
    /// The session, or one of its threads or traces: the id or its beginning, as `show` prints them.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The tags that it gets; without any, those that it has are printed.
    #[arg(value_name = "TAG", value_parser = tag_of)]
    pub(crate) tags: Vec<Tags>,
    /// Take this tag away; may be repeated.
    #[arg(long, value_name = "TAG", value_parser = tag_of)]
    pub(crate) remove: Vec<Tags>,
    /// The store to change, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn tag_of(text: &str) -> Result<Tags, NoTag> {
    let mut tags = Tags::default();
    tags.add(text)?;
    Ok(tags)
}

/// Changes the tags of a session, and says which it has now.
pub(crate) fn tag(args: &Tag, environment: &Environment) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    let path = super::store_path(args.store.as_ref(), &paths);
    let reads_new = args.store.is_none();
    let (mut store, _) = super::current(path, reads_new, &paths, environment, None)?;
    let failed = |error| CommandError::failed(format!("cannot read `{}`", path.display()), error);
    let sessions = store.sessions_like(&args.id.to_ascii_lowercase()).map_err(failed)?;
    let session = match &sessions[..] {
        [session] => session,
        [] => {
            return Err(CommandError::NotFound {
                what: format!("no session, thread or trace begins with `{}`", args.id),
                hint: "`arize-codex show --json` lists turns with their ids".to_owned(),
            });
        }
        _ => {
            return Err(CommandError::Incomplete {
                what: format!("several sessions begin with `{}`: {}", args.id, sessions.join(", ")),
                hint: "give more of the id".to_owned(),
            });
        }
    };
    let mut change = TagChange::default();
    args.tags.iter().for_each(|tag| change.add.extend(tag));
    args.remove.iter().for_each(|tag| change.remove.extend(tag));
    let changed = if change == TagChange::default() {
        0
    } else {
        store.tag(session, &change).map_err(|error| {
            CommandError::failed(format!("cannot write `{}`", path.display()), error)
        })?
    };
    let tags = store.tags(session).map_err(failed)?;
    if args.json {
        let tags: Vec<&str> = tags.iter().collect();
        let answer = json!({ "session_id": session, "tags": tags, "changed_turns": changed });
        return Ok(format!("{answer}\n"));
    }
    Ok(match tags.is_empty() {
        true => format!("{session}: no tags\n"),
        false => format!("{session}: {tags}\n"),
    })
}
