//! A model provider that answers by the script: OpenAI's Responses API over server-sent events, or
//! over a WebSocket where Codex asks for one.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::http::{self, Request, Server};
use crate::script::{Arguments, Call, Failure, Item, Script, Step, Usage};
use crate::shell::Shell;
use crate::websocket;

/// Plays the steps of its scripts, one per request to `/v1/responses`.
///
/// A request beyond the last step is answered with status 400, which ends Codex's turn: a script
/// that is too short is seen at once.
#[derive(Debug)]
pub struct ModelServer {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
}

/// Holds one request to the model.
#[derive(Debug, Clone)]
pub struct Received {
    /// The JSON body.
    pub body: Value,
    /// When it had arrived.
    pub at: SystemTime,
    part: usize,
}

/// The steps for the requests of one agent.
#[derive(Debug)]
struct Part {
    /// What the agent's requests contain; none where there is one agent only.
    prompt: Option<String>,
    steps: Vec<Step>,
}

impl Part {
    fn is_for(&self, body: &Value) -> bool {
        let said = |prompt: &String| body["input"].to_string().contains(prompt.as_str());
        self.prompt.as_ref().is_none_or(said)
    }
}

impl ModelServer {
    /// Starts a server that plays these turns one after the other.
    pub fn start(turns: &[Script]) -> io::Result<Self> {
        let steps = turns.iter().flat_map(|turn| turn.steps.clone()).collect();
        Self::start_parts(vec![Part { prompt: None, steps }])
    }

    /// Starts a server for agents that work at the same time: a request gets the next step of the
    /// first script whose prompt is in it. An agent that sets others to work comes before them,
    /// because its requests hold their prompts too.
    pub fn start_agents(agents: &[Script]) -> io::Result<Self> {
        let part = |script: &Script| Part {
            prompt: Some(script.prompt.clone()),
            steps: script.steps.clone(),
        };
        Self::start_parts(agents.iter().map(part).collect())
    }

    fn start_parts(parts: Vec<Part>) -> io::Result<Self> {
        let received = Arc::new(Mutex::new(Vec::new()));
        let server = Server::start({
            let received = Arc::clone(&received);
            move |request, stream| answer(&request, stream, &parts, &received)
        })?;
        Ok(Self { server, received })
    }

    /// Returns the `base_url` for Codex's `model_providers`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.server.url())
    }

    /// Returns the tool for shell commands that Codex offers, after its first request.
    pub fn shell(&self) -> Option<Shell> {
        self.received().first().and_then(|request| Shell::offered(&request.body))
    }

    /// Returns the requests to the model so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(
    request: &Request,
    stream: &mut TcpStream,
    parts: &[Part],
    received: &Mutex<Vec<Received>>,
) -> io::Result<()> {
    let path = request.path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("POST", "/v1/responses") => {
            let body: Value = serde_json::from_slice(&request.body)?;
            let model = body["model"].clone();
            match next_step(body, parts, received) {
                Some(step) => play(&step, &model, stream),
                None => refuse(stream, 400, "the script has no further step"),
            }
        }
        ("GET", "/v1/responses") if request.header("upgrade").is_some() => {
            websocket::serve(request, stream, |body| {
                let model = body["model"].clone();
                // Codex warms a connection up before it has anything to ask.
                if body["generate"] == false {
                    return Some(events(&Step::default(), &model));
                }
                next_step(body, parts, received).map(|step| events(&step, &model))
            })
        }
        ("GET", "/v1/models") => http::respond(stream, 200, &json_type(), br#"{"models":[]}"#),
        // At its start Codex asks what earlier turns cost.
        ("POST", "/v1/analytics/codex/turn-costs") => {
            http::respond(stream, 200, &json_type(), b"{}")
        }
        _ => refuse(stream, 404, "not part of the script"),
    }
}

/// Takes note of a request and returns its answer.
fn next_step(body: Value, parts: &[Part], received: &Mutex<Vec<Received>>) -> Option<Step> {
    if asks_for_title(&body) {
        return Some(Step::default().message("Work on it"));
    }
    let shell = Shell::offered(&body).unwrap_or_default();
    let (agent, offered) = (spawned_agent(&body), offered_tools(&body));
    let part = parts.iter().position(|part| part.is_for(&body))?;
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    let before = received.iter().filter(|request| request.part == part).count();
    received.push(Received { body, at: SystemTime::now(), part });
    let step = parts[part].steps.get(before)?.clone().for_shell(shell).for_tools(&offered);
    Some(match agent {
        Some(agent) => step.for_agent(&agent),
        None => step,
    })
}

/// Whether Codex asks on its own account, for the title of an interactive session: the answer is
/// no step of a script, and the request may come at any time.
fn asks_for_title(body: &Value) -> bool {
    body["input"].to_string().contains("single-line task title")
}

/// The names of the tools that a request offers outside of any group.
fn offered_tools(body: &Value) -> Vec<String> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}

/// The sub-agent that the last of the outputs in this request names, as the first generation of them
/// does.
fn spawned_agent(body: &Value) -> Option<String> {
    let outputs = body["input"].as_array()?.iter().rev().filter_map(|item| item["output"].as_str());
    let outputs = outputs.filter_map(|output| serde_json::from_str::<Value>(output).ok());
    outputs.into_iter().find_map(|output| output["agent_id"].as_str().map(str::to_owned))
}

fn play(step: &Step, model: &Value, stream: &mut TcpStream) -> io::Result<()> {
    thread::sleep(step.delay);
    let mut events = events(step, model);
    match step.failure {
        Some(Failure::Status(status)) => return refuse(stream, status, "scripted failure"),
        Some(Failure::Cut { events: sent } | Failure::Stall { events: sent }) => {
            events.truncate(sent);
        }
        None => {}
    }
    let event_stream = [("content-type".to_owned(), "text/event-stream".to_owned())];
    http::begin_stream(stream, 200, &event_stream)?;
    for event in events {
        thread::sleep(step.pace);
        let kind = event["type"].as_str().unwrap_or_default();
        write!(stream, "event: {kind}\ndata: {event}\n\n")?;
    }
    if let Some(Failure::Stall { .. }) = step.failure {
        http::hang(stream)?;
    }
    Ok(())
}

fn refuse(stream: &mut TcpStream, status: u16, message: &str) -> io::Result<()> {
    let body = json!({ "error": { "message": message, "type": "scripted" } }).to_string();
    let mut headers = json_type().to_vec();
    if status == 429 {
        // Codex gives up at once where the provider does not say when to come back.
        headers.push(("retry-after".to_owned(), "1".to_owned()));
    }
    http::respond(stream, status, &headers, body.as_bytes())
}

fn json_type() -> [(String, String); 1] {
    [("content-type".to_owned(), "application/json".to_owned())]
}

fn events(step: &Step, model: &Value) -> Vec<Value> {
    let id = &step.response_id;
    let mut events = vec![json!({ "type": "response.created", "response": { "id": id } })];
    for (index, item) in step.items.iter().enumerate() {
        let item_id = format!("{id}_{index}");
        if let Item::Message(text) = item {
            let begun = json!({ "type": "message", "id": item_id, "role": "assistant",
                "status": "in_progress", "content": [] });
            events.push(json!({ "type": "response.output_item.added",
                "output_index": index, "item": begun }));
            events.push(json!({ "type": "response.output_text.delta", "output_index": index,
                "content_index": 0, "item_id": item_id, "delta": text }));
        }
        events.push(json!({ "type": "response.output_item.done",
            "output_index": index, "item": output_item(&item_id, item) }));
    }
    events.push(json!({ "type": "response.completed", "response":
        { "id": id, "model": model, "status": "completed", "usage": usage_json(step.usage) } }));
    events
}

fn output_item(id: &str, item: &Item) -> Value {
    match item {
        Item::Reasoning(summary) => json!({ "type": "reasoning", "id": id, "content": null,
            "summary": [{ "type": "summary_text", "text": summary }],
            "encrypted_content": "opaque" }),
        Item::Message(text) => json!({ "type": "message", "id": id, "role": "assistant",
            "content": [{ "type": "output_text", "text": text }] }),
        Item::Call(Call { id: call_id, namespace, name, arguments, .. }) => match arguments {
            Arguments::Json(arguments) => json!({ "type": "function_call", "id": id,
                "call_id": call_id, "namespace": namespace, "name": name,
                "arguments": arguments }),
            Arguments::Text(input) => json!({ "type": "custom_tool_call", "id": id,
                "call_id": call_id, "name": name, "input": input }),
            // The provider has done it: there is nothing to answer, and no id to answer by.
            Arguments::Action(action) => json!({ "type": "web_search_call", "id": call_id,
                "status": "completed",
                "action": serde_json::from_str::<Value>(action).unwrap_or_default() }),
        },
    }
}

fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cached },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.total(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn ask(model: &ModelServer) -> (u16, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}/responses", model.base_url());
        let mut answer = agent.post(url).send(r#"{"input":[]}"#).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    /// The kinds of the events in a stream, in order.
    fn kinds(stream: &str) -> Vec<&str> {
        stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    #[test]
    fn plays_the_steps_in_order_and_then_refuses() {
        let usage = Usage { input: 10, cached: 4, output: 3, reasoning: 1 };
        let turn = Script::new("hello")
            .step(Step::new(usage).call(Call::command("ls")).call(Call::custom("patch", "***")))
            .step(Step::new(usage).message("done"));
        let model = ModelServer::start(&[turn]).unwrap();
        let (status, first) = ask(&model);
        assert_eq!(status, 200);
        assert!(first.contains(r#""call_id":"call_1""#), "{first}");
        assert!(first.contains(r#""input":"***""#), "{first}");
        assert!(first.contains(r#""cached_tokens":4"#), "{first}");
        assert_eq!(*kinds(&first).last().unwrap(), "response.completed");
        assert!(ask(&model).1.contains("done"));
        assert_eq!(ask(&model).0, 400);
        assert_eq!(model.received().len(), 3);
    }

    #[test]
    fn trap_20_a_question_about_costs_is_no_request_to_the_model() {
        let model = ModelServer::start(&[]).unwrap();
        let url = format!("{}/analytics/codex/turn-costs", model.base_url());
        let answer = ureq::post(url).send(r#"{"turn_ids":["a"]}"#).unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(model.received().is_empty());
    }

    #[test]
    fn fails_and_dawdles_as_scripted() {
        let slow = Duration::from_millis(30);
        let step = Step::new(Usage::default()).message("never complete");
        let turn = Script::new("hello")
            .step(Step::status(503))
            .step(step.after(slow).paced(slow).cut_after(2));
        let model = ModelServer::start(&[turn]).unwrap();
        assert_eq!(ask(&model).0, 503);
        let begun = Instant::now();
        let (status, stream) = ask(&model);
        assert_eq!(status, 200);
        assert_eq!(kinds(&stream), ["response.created", "response.output_item.added"]);
        assert!(begun.elapsed() >= slow * 3, "{:?}", begun.elapsed());
    }
}
