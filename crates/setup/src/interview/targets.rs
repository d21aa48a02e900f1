//! Which targets traces go to.

use codex_config::{Environment, variables};

use super::InterviewError;
use super::destination;
use crate::answers::{Backend, Destination, Request, Targets};
use crate::ask::{Ask, AskError};
use crate::facts::Facts;

/// Decides where traces go, and with what they get there.
pub(super) fn targets(
    request: &Request,
    facts: &Facts,
    environment: &Environment,
    ask: &mut dyn Ask,
) -> Result<Targets, InterviewError> {
    let known = known(facts, environment);
    let templates = match &*request.targets {
        [] => choose(facts, &known, ask)?,
        named => named.iter().map(|backend| template(*backend, &known)).collect(),
    };
    let mut chosen: Vec<Destination> = Vec::new();
    for template in templates {
        if chosen.iter().all(|known| known.backend != template.backend) {
            chosen.push(template);
        }
    }
    // In one order, however they were named, so that the same targets are the same file.
    chosen.sort_by_key(|destination| {
        Backend::ALL.iter().position(|backend| *backend == destination.backend)
    });
    let has_local = chosen.iter().any(|destination| destination.backend == Backend::Local);
    let is_alone = chosen.len() == 1;
    if !is_alone {
        chosen.retain(|destination| destination.backend != Backend::Local);
    }
    is_clear(request, &chosen)?;
    let decided = chosen
        .into_iter()
        .map(|template| destination::destination(template, request, facts, environment, ask));
    let destinations = decided.collect::<Result<_, _>>()?;
    Ok(Targets { destinations, local_copy: has_local && !is_alone })
}

/// What the flags say must be about one target: an address or a key fits no other.
fn is_clear(request: &Request, chosen: &[Destination]) -> Result<(), InterviewError> {
    let about_one = [
        (request.endpoint.is_some(), "--endpoint"),
        (request.api_key.is_some(), "--api-key-stdin"),
        (!request.headers.is_empty(), "--header"),
    ];
    let said = about_one.into_iter().find(|(is_said, _)| *is_said);
    match said.filter(|_| chosen.len() > 1) {
        None => Ok(()),
        Some((_, flag)) => Err(InterviewError::Wrong {
            what: format!("`{flag}` does not say for which of several targets it is"),
            hint: "leave it out, and set `harnesses.codex.targets.KIND.endpoint` and `.api_key` \
                   with `arize-codex config set` afterwards"
                .to_owned(),
        }),
    }
}

/// Where traces go now, or else would without settings.
fn known(facts: &Facts, environment: &Environment) -> Vec<Destination> {
    match &facts.settings.targets {
        Some(targets) => targets.destinations.clone(),
        None => {
            let environment = from_environment(environment);
            environment.or_else(|| facts.mlflow_plugin.clone()).into_iter().collect()
        }
    }
}

fn template(backend: Backend, known: &[Destination]) -> Destination {
    let known = known.iter().find(|known| known.backend == backend).cloned();
    known.unwrap_or_else(|| Destination::of(backend))
}

/// Offers the backends, what other harnesses send to first.
fn choose(
    facts: &Facts,
    known: &[Destination],
    ask: &mut dyn Ask,
) -> Result<Vec<Destination>, AskError> {
    const SEVERAL: &str = "several  more than one of these";
    let neighbours = facts.settings.neighbours.iter().map(|(harness, destination)| {
        let place = destination.endpoint.as_deref().unwrap_or("no address");
        let option = format!("the same as {harness}  ({}, {place})", destination.backend);
        (option, destination.clone())
    });
    let backends =
        Backend::ALL.iter().map(|backend| (backend.about().to_owned(), template(*backend, known)));
    let mut offered: Vec<(String, Destination)> = neighbours.chain(backends).collect();
    let preferred = known.first().map_or(Backend::Local, |known| known.backend);
    let proposed = match known.len() > 1 {
        true => offered.len(),
        false => {
            let last = offered.iter().rposition(|(_, offer)| offer.backend == preferred);
            last.unwrap_or_default()
        }
    };
    let options = offered.iter().map(|(option, _)| option.clone());
    let options: Vec<String> = options.chain([SEVERAL.to_owned()]).collect();
    let chosen = ask.choose("Where should traces go?", &options, proposed)?;
    if chosen < offered.len() {
        return Ok(vec![offered.swap_remove(chosen).1]);
    }
    let options: Vec<String> =
        Backend::ALL.iter().map(|backend| backend.about().to_owned()).collect();
    let keeps_copy = facts.settings.targets.as_ref().is_none_or(|known| known.local_copy);
    let is_proposed = |backend: &Backend| match backend {
        Backend::Local => keeps_copy || known.iter().any(|known| known.backend == *backend),
        _ => known.iter().any(|known| known.backend == *backend),
    };
    let indices = Backend::ALL.iter().enumerate();
    let proposed: Vec<usize> =
        indices.filter(|(_, backend)| is_proposed(backend)).map(|(index, _)| index).collect();
    let chosen = ask.choose_some("Which ones?", &options, &proposed)?;
    let backends = chosen.into_iter().filter_map(|index| Backend::ALL.get(index));
    Ok(backends.map(|backend| template(*backend, known)).collect())
}

fn from_environment(environment: &Environment) -> Option<Destination> {
    let set =
        |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let phoenix = set(&[variables::PHOENIX_ENDPOINT, variables::PHOENIX_COLLECTOR_ENDPOINT]);
    let backend =
        match (&phoenix, set(&[variables::ARIZE_API_KEY]), set(&[variables::ARIZE_SPACE_ID])) {
            (Some(_), ..) => Backend::Phoenix,
            (None, Some(_), Some(_)) => Backend::Arize,
            _ => return None,
        };
    Some(Destination { endpoint: phoenix, ..Destination::of(backend) })
}
