//! What the model answers in a story, and what Codex is known to do with it.
//!
//! A [`Script`] is one turn: the prompt and one [`Step`] per request to the model. The same value
//! drives the [model server](crate::ModelServer) and [the expected tree](crate::expected_tree), so
//! each number and each name of a story is written down once.

use std::iter::Sum;
use std::time::Duration;

use serde_json::{Value, json};

use crate::shell::Shell;

/// The model that stories use: one of those to which Codex offers its tools directly. With most
/// other current models Codex lets the model write JavaScript that calls the tools.
pub const MODEL: &str = "gpt-5.5";

/// One turn: the user's prompt and the model's answers to the requests it leads to.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What the user asks.
    pub prompt: String,
    /// The model that answers.
    pub model: String,
    /// The answers, in the order of the requests.
    pub steps: Vec<Step>,
    /// The words that the turn's failure is reported with, if it fails.
    pub fails: Option<String>,
    calls: usize,
}

impl Script {
    /// Starts a turn with this prompt.
    pub fn new(prompt: &str) -> Self {
        Self { prompt: prompt.to_owned(), model: MODEL.to_owned(), ..Self::default() }
    }

    /// Has another model answer; `-m` or the configuration must name it, too.
    pub fn with_model(self, model: &str) -> Self {
        Self { model: model.to_owned(), ..self }
    }

    /// Expects the turn to fail, with these words in the report.
    pub fn fails(self, words: &str) -> Self {
        Self { fails: Some(words.to_owned()), ..self }
    }

    /// Adds the answer to the next request; its tool calls are named `call_1`, `call_2`, ... over
    /// the whole script, unless they have a name.
    pub fn step(mut self, mut step: Step) -> Self {
        step.response_id = format!("resp_{}", self.steps.len() + 1);
        for call in step.calls_mut() {
            self.calls += 1;
            if call.id.is_empty() {
                call.id = format!("call_{}", self.calls);
            }
        }
        self.steps.push(step);
        self
    }

    /// Returns the script with its shell commands run by this tool.
    pub fn for_shell(mut self, shell: Shell) -> Self {
        self.steps = self.steps.into_iter().map(|step| step.for_shell(shell)).collect();
        self
    }

    /// Returns the text of the last message: the turn's final answer.
    pub fn answer(&self) -> Option<&str> {
        let answered = self.steps.iter().filter(|step| step.failure.is_none() && !step.compacts);
        answered.rev().find_map(Step::said)
    }

    /// Returns the tokens of all steps together.
    pub fn usage(&self) -> Usage {
        self.steps.iter().filter_map(Step::counted).sum()
    }
}

/// The answer to one request.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// What the answer consists of, in order.
    pub items: Vec<Item>,
    /// The tokens that it reports.
    pub usage: Usage,
    /// The response, as the provider names it.
    pub response_id: String,
    /// How long the server waits before it sends the head of the response.
    pub delay: Duration,
    /// How long the server waits before each event of the stream.
    pub pace: Duration,
    /// Whether Codex replaces the conversation with its message.
    pub compacts: bool,
    /// The model that is asked, if it is not the script's.
    pub model: Option<String>,
    /// What goes wrong.
    pub failure: Option<Failure>,
}

impl Step {
    /// Starts an answer that reports this usage.
    pub fn new(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }

    /// Starts an answer that is an HTTP error.
    pub fn status(status: u16) -> Self {
        Self { failure: Some(Failure::Status(status)), ..Self::default() }
    }

    /// Adds a summary of what the model thought.
    pub fn reasoning(self, summary: &str) -> Self {
        self.item(Item::Reasoning(summary.to_owned()))
    }

    /// Adds a tool call.
    pub fn call(self, call: Call) -> Self {
        self.item(Item::Call(call))
    }

    /// Adds a message to the user; a step that ends with it ends the turn.
    pub fn message(self, text: &str) -> Self {
        self.item(Item::Message(text.to_owned()))
    }

    /// Expects Codex to have asked for a summary of the conversation, and to go on with that.
    pub fn compacts(self) -> Self {
        Self { compacts: true, ..self }
    }

    /// Expects Codex to have asked another model than the script's.
    pub fn by_model(self, model: &str) -> Self {
        Self { model: Some(model.to_owned()), ..self }
    }

    /// Waits before the head of the response.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Waits before each event of the stream.
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// Closes the connection after so many events, before the response is complete.
    pub fn cut_after(self, events: usize) -> Self {
        Self { failure: Some(Failure::Cut { events }), ..self }
    }

    /// Sends so many events and then no more, until someone interrupts the turn.
    pub fn stalls_after(self, events: usize) -> Self {
        Self { failure: Some(Failure::Stall { events }), ..self }
    }

    /// Returns the tool calls, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.items.iter().filter_map(|item| match item {
            Item::Call(call) => Some(call),
            Item::Reasoning(_) | Item::Message(_) => None,
        })
    }

    /// Returns the last message.
    pub fn said(&self) -> Option<&str> {
        self.items.iter().rev().find_map(|item| match item {
            Item::Message(text) => Some(text.as_str()),
            Item::Reasoning(_) | Item::Call(_) => None,
        })
    }

    /// Returns the usage, if Codex gets to see it.
    pub fn counted(&self) -> Option<Usage> {
        self.failure.is_none().then_some(self.usage)
    }

    /// Returns the step with its shell commands run by this tool.
    pub fn for_shell(mut self, shell: Shell) -> Self {
        for call in self.calls_mut() {
            *call = call.clone().for_shell(shell);
        }
        self
    }

    /// Returns the step with its calls as versions ask for them that offer these tools without
    /// groups: by the tool's name alone, or (MCP) behind that of its group.
    pub fn for_tools(mut self, offered: &[String]) -> Self {
        for call in self.calls_mut() {
            let Some(group) = &call.namespace else { continue };
            let names = [call.name.clone(), format!("{group}__{}", call.name)];
            if let Some(name) = names.into_iter().find(|name| offered.contains(name)) {
                (call.namespace, call.name) = (None, name);
            }
        }
        self
    }

    /// Returns the step with this sub-agent where it says [`SPAWNED`].
    pub fn for_agent(mut self, agent: &str) -> Self {
        for call in self.calls_mut() {
            if let Arguments::Json(arguments) = &mut call.arguments {
                *arguments = arguments.replace(SPAWNED, agent);
            }
        }
        self
    }

    fn item(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    fn calls_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Call(call) => Some(call),
            Item::Reasoning(_) | Item::Message(_) => None,
        })
    }
}

/// One piece of a model's answer.
#[derive(Debug, Clone)]
pub enum Item {
    /// A summary of what the model thought.
    Reasoning(String),
    /// A tool that it asks for.
    Call(Call),
    /// What it says.
    Message(String),
}

/// A tool that the model asks for, and what is known about its end.
#[derive(Debug, Clone)]
pub struct Call {
    /// The call, as the model names it; given by [`Script::step`].
    pub id: String,
    /// The group that the model finds the tool in, such as `mcp__echo`.
    pub namespace: Option<String>,
    /// The tool.
    pub name: String,
    /// What the model passes to it.
    pub arguments: Arguments,
    /// What its output contains.
    pub prints: String,
    /// The words that its failure is reported with, if it fails.
    pub fails: Option<String>,
    /// The calls that it makes itself, if it is a script.
    pub nested: Vec<Self>,
    command: Option<String>,
}

impl Call {
    /// Calls a function with JSON arguments.
    pub fn function(name: &str, arguments: &Value) -> Self {
        Self::new(name, Arguments::Json(arguments.to_string()))
    }

    /// Calls a custom tool, such as `apply_patch`, with plain text.
    pub fn custom(name: &str, input: &str) -> Self {
        Self::new(name, Arguments::Text(input.to_owned()))
    }

    /// Lets the provider search the web or open a page; Codex only hears of it.
    pub fn web(action: &Value) -> Self {
        Self::new("web_search", Arguments::Action(action.to_string()))
    }

    /// Runs JavaScript that calls tools; Codex gives those calls ids of its own.
    pub fn script(source: &str, nested: impl IntoIterator<Item = Self>) -> Self {
        let nested = nested.into_iter().map(|call| Self { id: NESTED_ID.to_owned(), ..call });
        Self { nested: nested.collect(), ..Self::custom("exec", source) }
    }

    /// Runs a shell command with Codex's own tool: that of current versions, until
    /// [`Script::for_shell`] says otherwise.
    pub fn command(command: &str) -> Self {
        let call = Self::function("", &Value::Null);
        Self { command: Some(command.to_owned()), ..call }.for_shell(Shell::default())
    }

    /// Names the call.
    pub fn with_id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    /// Finds the tool in this group.
    pub fn within(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Runs a shell command outside of the sandbox, for which Codex asks the user.
    pub fn escalated(command: &str) -> Self {
        let arguments = json!({ "cmd": command, "sandbox_permissions": "require_escalated",
            "justification": "It is my move." });
        Self::function("exec_command", &arguments)
    }

    /// Expects this text in the output.
    pub fn prints(self, text: &str) -> Self {
        Self { prints: text.to_owned(), ..self }
    }

    /// Expects the call to fail, with these words in the report.
    pub fn fails(self, words: &str) -> Self {
        Self { fails: Some(words.to_owned()), ..self }
    }

    fn new(name: &str, arguments: Arguments) -> Self {
        Self {
            id: String::new(),
            namespace: None,
            name: name.to_owned(),
            arguments,
            prints: String::new(),
            fails: None,
            nested: Vec::new(),
            command: None,
        }
    }

    fn for_shell(self, shell: Shell) -> Self {
        let Some(command) = &self.command else { return self };
        let arguments = Arguments::Json(shell.arguments(command).to_string());
        Self { name: shell.name().to_owned(), arguments, ..self }
    }
}

/// Stands for the sub-agent that was set to work, in the arguments of later calls.
pub const SPAWNED: &str = "(the sub-agent)";

/// Stands for the ids that Codex makes up for the calls of a script: this and a UUID.
pub const NESTED_ID: &str = "exec-";

/// What a model passes to a tool.
#[derive(Debug, Clone)]
pub enum Arguments {
    /// The JSON text of a `function_call`.
    Json(String),
    /// The text of a `custom_tool_call`.
    Text(String),
    /// The JSON text of what a `web_search_call` did.
    Action(String),
}

impl Arguments {
    /// Returns the text as the model sends it.
    pub fn text(&self) -> &str {
        match self {
            Self::Json(text) | Self::Text(text) | Self::Action(text) => text,
        }
    }
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// The server answers with this HTTP status.
    Status(u16),
    /// The server closes the connection after so many events.
    Cut {
        /// Events that are still sent.
        events: usize,
    },
    /// The server falls silent after so many events, until Codex closes the connection.
    Stall {
        /// Events that are still sent.
        events: usize,
    },
}

/// Tokens of one answer. `cached` is part of `input`, `reasoning` is part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the request.
    pub input: u64,
    /// Those that came from the provider's cache.
    pub cached: u64,
    /// All tokens of the answer.
    pub output: u64,
    /// Those that the model thought with.
    pub reasoning: u64,
}

/// Some tokens, for an answer of which their number is not the point.
pub const USAGE: Usage = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };

impl Usage {
    /// Returns input and output together.
    pub fn total(self) -> u64 {
        self.input + self.output
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, usage| Self {
            input: sum.input + usage.input,
            cached: sum.cached + usage.cached,
            output: sum.output + usage.output,
            reasoning: sum.reasoning + usage.reasoning,
        })
    }
}
