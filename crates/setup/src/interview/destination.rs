//! The address of a backend, and the credentials that it asks for.

use codex_config::{Environment, Secret, is_header_name, variables};

use super::{InterviewError, not_empty};
use crate::answers::{Backend, Destination, Request};
use crate::ask::Ask;
use crate::facts::Facts;
use crate::header::Header;
use crate::mlflow_plugin;

/// Decides what is needed to get to a backend, of which this much is known.
pub(super) fn destination(
    template: Destination,
    request: &Request,
    facts: &Facts,
    environment: &Environment,
    ask: &mut dyn Ask,
) -> Result<Destination, InterviewError> {
    let backend = template.backend;
    if backend != Backend::Mlflow && request.experiment_id.is_some() {
        return Err(InterviewError::Wrong {
            what: format!("the target `{backend}` has no experiments"),
            hint: "leave --experiment-id out, or --target mlflow".to_owned(),
        });
    }
    if backend == Backend::Local {
        headers(request, backend, Vec::new(), ask)?;
        return Ok(Destination::of(backend));
    }
    let endpoint = match &request.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => {
            let proposed = template.endpoint.as_deref().or(backend.default_endpoint());
            let (check, help) = endpoint_question(backend);
            let question = format!("Address of {}", backend.title());
            ask.text(&question, proposed.unwrap_or_default(), help, check)?
        }
    };
    check_endpoint(backend, &endpoint)?;
    let headers = headers(request, backend, template.headers, ask)?;
    let api_key = api_key(request, backend, template.api_key, environment, ask)?;
    let space_id = match (&request.space_id, backend) {
        (Some(space_id), _) => Some(space_id.clone()),
        (None, Backend::Arize) => {
            let variable = environment.get(variables::ARIZE_SPACE_ID).map(str::to_owned);
            let proposed = template.space_id.or(variable).unwrap_or_default();
            Some(ask.text("Space id", &proposed, "in the settings of your space", not_empty)?)
        }
        (None, _) => None,
    };
    if backend == Backend::Arize {
        let missing = [
            (api_key.is_none(), "an API key", "--api-key-stdin or ARIZE_API_KEY"),
            (
                space_id.as_ref().is_none_or(String::is_empty),
                "a space id",
                "--space-id or ARIZE_SPACE_ID",
            ),
        ];
        let missing: Vec<_> = missing.into_iter().filter(|(is_missing, ..)| *is_missing).collect();
        if !missing.is_empty() {
            let join = |parts: Vec<&str>| parts.join(" and ");
            return Err(InterviewError::Wrong {
                what: format!(
                    "Arize AX needs {}",
                    join(missing.iter().map(|(_, what, _)| *what).collect())
                ),
                hint: join(missing.iter().map(|(.., hint)| *hint).collect()),
            });
        }
    }
    let experiment_id = match backend {
        Backend::Mlflow => experiment_id(request, facts, template.experiment_id, environment, ask)?,
        _ => None,
    };
    Ok(Destination { backend, endpoint: Some(endpoint), api_key, headers, space_id, experiment_id })
}

/// The experiment in MLflow: nothing for that of the project's name.
fn experiment_id(
    request: &Request,
    facts: &Facts,
    known: Option<String>,
    environment: &Environment,
    ask: &mut dyn Ask,
) -> Result<Option<String>, InterviewError> {
    if let Some(id) = &request.experiment_id {
        return check_experiment(id)
            .map(|()| Some(id.trim().to_owned()))
            .map_err(|what| InterviewError::Wrong { what, hint: "--experiment-id 1".to_owned() });
    }
    let of_plugin = facts.mlflow_plugin.as_ref().and_then(|plugin| plugin.experiment_id.clone());
    let variable = environment.get(variables::MLFLOW_EXPERIMENT_ID).map(str::to_owned);
    let is_new = facts.settings.targets.as_ref().is_none_or(|now| !now.has(Backend::Mlflow));
    let proposed = known.or_else(|| variable.or(of_plugin).filter(|_| is_new)).unwrap_or_default();
    let help = "its number; Enter without one takes the experiment called like the project";
    let typed = ask.text("Experiment id", &proposed, help, |text| match text {
        "" => Ok(()),
        id => check_experiment(id),
    })?;
    Ok((!typed.is_empty()).then_some(typed))
}

fn check_experiment(id: &str) -> Result<(), String> {
    match mlflow_plugin::is_id(id.trim()) {
        true => Ok(()),
        false => Err(format!("the experiment id `{id}` is not a number")),
    }
}

fn api_key(
    request: &Request,
    backend: Backend,
    known: Option<Secret>,
    environment: &Environment,
    ask: &mut dyn Ask,
) -> Result<Option<Secret>, InterviewError> {
    let variable = match backend {
        Backend::Phoenix => variables::PHOENIX_API_KEY,
        Backend::Arize => variables::ARIZE_API_KEY,
        Backend::Mlflow => variables::MLFLOW_TRACKING_TOKEN,
        Backend::Local | Backend::Otlp if request.api_key.is_some() => {
            return Err(InterviewError::Wrong {
                what: format!("the target `{backend}` takes no API key"),
                hint: "--header-stdin authorization, with `Bearer ` before the key".to_owned(),
            });
        }
        Backend::Local | Backend::Otlp => return Ok(None),
    };
    if request.api_key.is_some() {
        return Ok(request.api_key.clone());
    }
    let help = match (&known, environment.get(variable)) {
        (Some(_), _) => "it is not shown; Enter keeps the one that is set".to_owned(),
        (None, Some(_)) => format!("it is not shown; Enter takes the one in {variable}"),
        (None, None) if backend == Backend::Arize => "it is not shown".to_owned(),
        (None, None) => "it is not shown; Enter if there is none".to_owned(),
    };
    let known = known.or_else(|| environment.get(variable).map(Secret::new));
    let question = format!("API key of {}", backend.title());
    let mut typed = ask.secret(&question, &help)?;
    if backend == Backend::Arize && typed.is_none() && known.is_none() {
        // Once more, before all that was answered is lost.
        ask.tell("Arize AX accepts nothing without a key.");
        typed = ask.secret(&question, &help)?;
    }
    Ok(typed.or(known))
}

/// Asks for the headers in which receivers of OTLP take credentials.
fn headers(
    request: &Request,
    backend: Backend,
    mut headers: Vec<Header>,
    ask: &mut dyn Ask,
) -> Result<Vec<Header>, InterviewError> {
    const VALUE: &str = "it is not shown; ${NAME} in it is taken from the environment";
    let takes_headers = matches!(backend, Backend::Phoenix | Backend::Otlp);
    if !takes_headers && !request.headers.is_empty() {
        return Err(InterviewError::Wrong {
            what: format!("the target `{backend}` takes no headers"),
            hint: "leave --header and --header-stdin out".to_owned(),
        });
    }
    request.headers.iter().cloned().for_each(|header| header.put_into(&mut headers));
    if backend != Backend::Otlp || !request.headers.is_empty() {
        return Ok(headers);
    }
    loop {
        let names: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
        let help = match names.join(", ") {
            none if none.is_empty() => {
                "such as authorization; Enter if the endpoint needs none".to_owned()
            }
            set => format!("set: {set}; Enter goes on, a name of these sets it anew"),
        };
        let name = ask.text("Header of each request", "", &help, header_name)?;
        if name.is_empty() {
            return Ok(headers);
        }
        if let Some(value) = ask.secret(&format!("Value of `{name}`"), VALUE)? {
            match Header::new(&name, value.expose()) {
                Ok(header) => header.put_into(&mut headers),
                Err(error) => ask.tell(&format!("{error}.")),
            }
        }
    }
}

fn header_name(text: &str) -> Result<(), String> {
    match text.is_empty() || is_header_name(text) {
        true => Ok(()),
        false => Err("the name alone, such as authorization".to_owned()),
    }
}

type Check = fn(&str) -> Result<(), String>;

/// What is asked for, and how a wrong answer is noticed while it can be put right.
fn endpoint_question(backend: Backend) -> (Check, &'static str) {
    fn check(backend: Backend, text: &str) -> Result<(), String> {
        not_empty(text)?;
        check_endpoint(backend, text).map_err(|error| error.to_string())
    }
    match backend {
        Backend::Arize => (|text| check(Backend::Arize, text), ""),
        Backend::Otlp => {
            (|text| check(Backend::Otlp, text), "such as https://collector.example:4318")
        }
        Backend::Local | Backend::Phoenix | Backend::Mlflow => {
            (|text| check(Backend::Phoenix, text), "")
        }
    }
}

fn check_endpoint(backend: Backend, endpoint: &str) -> Result<(), InterviewError> {
    // Nothing would be delivered there.
    if endpoint.contains('@') {
        return Err(InterviewError::Wrong {
            what: "an endpoint has no user name: credentials belong in the API key or a header"
                .to_owned(),
            hint: "--api-key-stdin, or --header-stdin NAME".to_owned(),
        });
    }
    let has_scheme = endpoint.starts_with("http://") || endpoint.starts_with("https://");
    // Arize's own form is `host:port`.
    if (has_scheme || backend == Backend::Arize) && !endpoint.trim().is_empty() {
        return Ok(());
    }
    Err(InterviewError::Wrong {
        what: match endpoint.is_empty() {
            true => format!("the target `{backend}` needs an endpoint"),
            false => format!("the endpoint `{endpoint}` begins with neither http:// nor https://"),
        },
        hint: format!(
            "--endpoint {}",
            backend.default_endpoint().unwrap_or("https://collector.example:4318")
        ),
    })
}
