//! How a tool call ended, from all that is known of it.
//!
//! A call is OK only where something says so: the exit code, what Codex noted of its end, its event,
//! or an output in a form that the tool has only when it ran. Texts come last, and only where none of
//! these contradicts: a command may print anything.

use otlp_model::turn::Outcome;

use crate::answers;
use crate::output::{self, Framed, SCRIPT_FAILED};
use crate::tools::ToolItem;

/// What is known of a tool call's end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evidence<'a> {
    /// The tool, where it is one of Codex's own.
    pub(crate) own_tool: Option<&'a str>,
    /// What the model asked of it.
    pub(crate) arguments: Option<&'a str>,
    /// What the model was given.
    pub(crate) output: Option<&'a str>,
    /// The output as the event has it: a user's hook may have replaced what the model was given.
    pub(crate) event_output: Option<&'a str>,
    /// As Codex's event has it: `true` also for a command that failed (since Codex 0.98).
    pub(crate) success: Option<bool>,
    /// The decision on the call was no.
    pub(crate) declined: bool,
    /// What Codex noted of its end.
    pub(crate) item: Option<&'a ToolItem>,
    /// What the provider says of a tool that it runs itself.
    pub(crate) status: Option<&'a str>,
}

/// Who did not let a call run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Refused {
    /// A person, a hook, a rule or the sandbox.
    Denied,
    /// Codex, which cannot run it.
    Impossible,
}
use Refused::{Denied, Impossible};

/// How the output of a call begins that was refused, and what it contains besides; behind it the oldest
/// and newest version in whose program the text was found. The first one that fits counts.
const REFUSALS: [(&str, &str, Refused); 28] = [
    ("Command blocked by PreToolUse hook: ", "", Denied), // 0.130 to 0.171
    ("Tool call blocked by PreToolUse hook: ", "", Denied), // 0.130 to 0.171
    ("approval policy is ", "; reject command", Denied),  // 0.44 to 0.171
    ("patch rejected", "", Denied),                       // 0.44 to 0.171
    ("exec command rejected", "", Denied),                // 0.44 to 0.171
    ("rejected by user", "", Denied),                     // 0.44 to 0.171
    ("user rejected MCP tool call", "", Denied),          // 0.98 to 0.171
    ("user cancelled MCP tool call", "", Denied),         // 0.98 to 0.171
    ("MCP tool call blocked by app configuration", "", Denied), // 0.115 to 0.171
    ("MCP tool call requires approval, but ", "", Denied), // 0.149 to 0.171
    ("exec_command failed", r#"Rejected(\"rejected by user"#, Denied), // 0.65 to 0.171
    ("exec_command failed", "` rejected: ", Denied),      // 0.80 to 0.171
    ("exec_command failed", "Sandbox(Denied", Denied),    // 0.65 to 0.171
    ("exec_command failed", r#""Network access "#, Denied), // 0.122 to 0.171
    ("failed in sandbox ", "error: Denied", Denied),      // 0.44 to 0.44
    ("exec_command failed", "", Impossible),              // 0.65 to 0.171
    ("failed in sandbox ", "", Impossible),               // 0.44 to 0.44
    ("execution error: ", "", Impossible),                // 0.44 to 0.171
    ("write_stdin failed: ", "", Impossible),             // 0.65 to 0.171
    ("apply_patch verification failed: ", "", Impossible), // 0.65 to 0.171
    ("error: ParseError(", "", Impossible),               // 0.44 to 0.44
    ("error: IoError(", "", Impossible),                  // 0.44 to 0.44
    ("unsupported call: ", "", Impossible),               // 0.44 to 0.171
    ("unsupported custom tool call: ", "", Impossible),   // 0.44 to 0.171
    ("failed to parse function arguments: ", "", Impossible), // 0.44 to 0.171
    ("unable to locate image at `", "", Impossible),      // 0.65 to 0.171
    ("unable to process image", "", Impossible),          // 0.130 to 0.171
    ("request_user_input is unavailable in ", "", Impossible), // 0.98 to 0.171
];

/// How a tool call ended.
#[derive(Debug, PartialEq)]
pub(crate) struct End<'a> {
    pub(crate) outcome: Outcome,
    /// The exit code of the process that the tool ran.
    pub(crate) exit_code: Option<i64>,
    /// What the command says with its exit code, where that is an answer and no failure.
    pub(crate) answer: Option<&'static str>,
    /// Whether nothing but the exit code says that it failed.
    pub(crate) failed_by_exit_code: bool,
    /// What it gave back, where lines stand above it.
    pub(crate) output: Option<Framed<'a>>,
}

/// How a tool call ended.
pub(crate) fn end<'a>(evidence: &Evidence<'a>) -> End<'a> {
    let frame = |output: Option<&'a str>| output::framed(evidence.own_tool, output?);
    let known = Known { evidence, frames: [evidence.output, evidence.event_output].map(frame) };
    let (outcome, exit_code) = (known.outcome(), known.exit_code());
    let runs_commands = evidence.own_tool.is_some_and(output::runs_commands);
    let by_code = |code: &i64| runs_commands && outcome == Outcome::Failed(failed_with(*code));
    let code = exit_code.filter(by_code);
    let is_asked = evidence.arguments.filter(|_| code == Some(1));
    let answer = is_asked.and_then(answers::of_exit_code_1);
    let [given, shown] = known.frames;
    End {
        outcome: if answer.is_some() { Outcome::Ok } else { outcome },
        exit_code,
        answer,
        failed_by_exit_code: code.is_some() && answer.is_none() && evidence.success != Some(false),
        output: if evidence.output.is_some() { given } else { shown },
    }
}

fn failed_with(code: i64) -> String {
    format!("exit code {code}")
}

impl<'a> Evidence<'a> {
    /// Whether nothing at all is known of the end.
    pub(crate) fn is_empty(&self) -> bool {
        let texts = [self.output, self.event_output, self.status];
        texts.iter().all(Option::is_none) && self.success.is_none() && self.item.is_none()
    }

    /// What was noted as the reason for which it failed.
    fn error(&self) -> Option<&'a str> {
        self.item?.error.as_deref()
    }

    fn is_declined(&self) -> bool {
        self.declined || self.status_word() == Some("declined")
    }

    fn status_word(&self) -> Option<&'a str> {
        self.item.and_then(|item| item.status.as_deref()).or(self.status)
    }
}

/// The evidence, with its outputs taken apart: the model's and the event's.
struct Known<'e, 'a> {
    evidence: &'e Evidence<'a>,
    frames: [Option<Framed<'a>>; 2],
}

impl<'a> Known<'_, 'a> {
    fn outcome(&self) -> Outcome {
        let evidence = self.evidence;
        let output = evidence.output.or(evidence.event_output).unwrap_or_default();
        if is_aborted(output) {
            return Outcome::Cancelled("aborted by user".to_owned());
        }
        let went_well = self.went_well();
        if went_well == Some(true) {
            return Outcome::Ok;
        }
        let frame = &self.frames[usize::from(evidence.output.is_none())];
        let said = evidence.error().or(frame.as_ref().map(|frame| &*frame.body)).unwrap_or(output);
        // What ran was not refused, whatever it printed.
        let process = self.process();
        let refused = if process.is_none() { refusal(said) } else { None };
        let body = process.map_or(said, |process| &process.body);
        let reason = |word: &str| first_words(body).unwrap_or(word).to_owned();
        match (refused, self.exit_code()) {
            _ if evidence.is_declined() || refused == Some(Denied) => {
                Outcome::Denied(reason("denied"))
            }
            (None, Some(code)) => Outcome::Failed(failed_with(code)),
            (None, None) if went_well.is_none() => Outcome::Unknown,
            _ => Outcome::Failed(reason("failed")),
        }
    }

    /// The output of a process, as the model or else as the event has it.
    fn process(&self) -> Option<&Framed<'a>> {
        self.frames.iter().flatten().find(|frame| frame.is_of_process)
    }

    fn exit_code(&self) -> Option<i64> {
        let noted = self.evidence.item.and_then(|item| item.exit_code);
        noted.or_else(|| self.process()?.exit_code)
    }

    /// What the signs say that need no reading of texts; a failure outweighs a success. None where
    /// there is no sign.
    fn went_well(&self) -> Option<bool> {
        let evidence = self.evidence;
        let output = evidence.output.unwrap_or_default();
        let status = match evidence.status_word() {
            Some("completed") => Some(true),
            Some("failed" | "declined" | "error") => Some(false),
            _ => None,
        };
        let form = evidence.own_tool.and_then(|tool| {
            let failed = output.starts_with(SCRIPT_FAILED).then_some(false);
            let is_result = output::is_result(tool, output, self.frames[0].as_ref());
            failed.or(is_result.then_some(true))
        });
        let mcp = evidence.event_output.filter(|output| is_mcp_error(output)).map(|_| false);
        let code = self.exit_code().map(|code| code == 0);
        let declined = evidence.declined.then_some(false);
        let signs = [code, status, evidence.success, form, mcp, declined];
        signs.into_iter().flatten().reduce(|one, other| one && other)
    }
}

/// Codex writes no more than this into the output of a call that was going on when its turn was
/// stopped.
fn is_aborted(output: &str) -> bool {
    let timed = || output.strip_prefix("Wall time: ")?.split_once(" seconds\n");
    let since_0_65 = output.strip_prefix("aborted by user after ").is_some_and(is_one_line);
    ["aborted", "aborted by user"].contains(&output)
        || since_0_65
        || timed().is_some_and(|(_, rest)| rest == "aborted by user")
}

fn is_one_line(text: &str) -> bool {
    !text.contains('\n')
}

fn refusal(said: &str) -> Option<Refused> {
    let fits = |(begins, contains, ..): &&(&str, &str, Refused)| {
        said.starts_with(begins) && said.contains(contains)
    };
    REFUSALS.iter().find(fits).map(|(_, _, refused)| *refused)
}

/// Whether an event up to 0.98, which calls it a success, shows an MCP result that is an error.
fn is_mcp_error(output: &str) -> bool {
    let is_result = output.starts_with("Ok(CallToolResult {");
    is_result
        && output.rsplit_once("is_error: ").is_some_and(|(_, is)| is.starts_with("Some(true)"))
}

/// The first line that says something.
fn first_words(output: &str) -> Option<&str> {
    // `Script error:` says nothing; `… failed: no such lines in a.txt:` does.
    let is_heading = |line: &str| line.strip_suffix(':').is_some_and(|words| !words.contains(": "));
    output.lines().map(str::trim).find(|line| !line.is_empty() && !is_heading(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of a call of `exec_command`.
    fn check(output: &str, success: Option<bool>, expected: Outcome) {
        let own_tool = Some("exec_command");
        let evidence = Evidence { own_tool, output: Some(output), success, ..Evidence::default() };
        assert_eq!(end(&evidence).outcome, expected, "{output}");
    }

    fn failed(reason: &str) -> Outcome {
        Outcome::Failed(reason.to_owned())
    }

    fn denied(reason: &str) -> Outcome {
        Outcome::Denied(reason.to_owned())
    }

    #[test]
    fn trap_15_success_does_not_mean_exit_0() {
        let exited = "Chunk ID: a\nProcess exited with code 3\nOutput:\nhi";
        check(exited, Some(true), failed("exit code 3"));
        check("Exit code: 3\nWall time: 0 seconds\nOutput:\nhi", None, failed("exit code 3"));
        check(r#"{"output":"hi","metadata":{"exit_code":3}}"#, Some(false), failed("exit code 3"));
        check("Exit code: 0\nOutput:\nExit code: 3", None, Outcome::Ok);
        check("it failed", Some(false), failed("it failed"));
        assert_eq!(end(&Evidence::default()).outcome, Outcome::Unknown);
    }

    #[test]
    fn exit_code_1_of_a_lone_command_may_be_an_answer() {
        let exited = |code: i64| format!("Exit code: {code}\nOutput:\n");
        let check = |tool, script: &str, code, success, expected: (Outcome, Option<&str>, bool)| {
            let arguments = serde_json::json!({ "cmd": script }).to_string();
            let output = exited(code);
            let evidence = Evidence {
                own_tool: Some(tool),
                arguments: Some(&arguments),
                output: Some(&output),
                success,
                ..Evidence::default()
            };
            let End { outcome, exit_code, answer, failed_by_exit_code, .. } = end(&evidence);
            assert_eq!((outcome, answer, failed_by_exit_code), expected, "{tool} {script}");
            assert_eq!(exit_code, Some(code));
        };
        let answered = |answer| (Outcome::Ok, Some(answer), false);
        check("exec_command", "grep x y", 1, Some(true), answered("no match"));
        // Up to 0.80 Codex calls it failed.
        check("shell_command", "diff a b", 1, Some(false), answered("different"));
        let failed_with = |code: &str, by_code| (failed(code), None, by_code);
        check("exec_command", "grep x y", 2, Some(true), failed_with("exit code 2", true));
        check("exec_command", "grep x y | wc", 1, None, failed_with("exit code 1", true));
        check("shell", "make", 2, Some(false), failed_with("exit code 2", false));
        check("apply_patch", "grep x y", 1, None, failed_with("exit code 1", false));
        let item = ToolItem { exit_code: Some(1), ..ToolItem::default() };
        let evidence = Evidence {
            own_tool: Some("user_shell_command"),
            arguments: Some(r#"{"cmd":"[ -e a ]"}"#),
            item: Some(&item),
            ..Evidence::default()
        };
        assert_eq!(end(&evidence).answer, Some("false"));
    }

    #[test]
    fn trap_23_a_refusal_is_recognised_by_its_text_alone() {
        let blocked = "Command blocked by PreToolUse hook: not here. Command: ls";
        check(blocked, None, denied(blocked));
        let arguments = "failed to parse function arguments: missing field `cmd`";
        check(arguments, None, failed(arguments));
        let by_user =
            r#"exec_command failed: CreateProcess { message: "Rejected(\"rejected by user\")" }"#;
        check(by_user, None, denied(by_user));
        let by_proxy = r#"exec_command failed: ProcessFailed { message: "Network access to \"example.com\" was blocked: domain is not on the allowlist for the current sandbox mode." }"#;
        check(by_proxy, Some(false), denied(by_proxy));
        let no_folder =
            r#"exec_command failed: CreateProcess { message: "Rejected(\"No such file\")" }"#;
        check(no_folder, None, failed(no_folder));
        let patch = "apply_patch verification failed: no such lines in a.txt:\ngoodbye";
        check(patch, None, failed("apply_patch verification failed: no such lines in a.txt:"));
    }

    #[test]
    fn a_text_counts_only_where_codex_writes_it() {
        let text = "failed to parse function arguments: x";
        check(
            &format!("Chunk ID: a\nProcess exited with code 0\nOutput:\n{text}"),
            None,
            Outcome::Ok,
        );
        check(&format!(r#"{{"output":"{text}","metadata":{{"exit_code":0}}}}"#), None, Outcome::Ok);
        // A user's hook may say anything of a command that ran.
        check(text, Some(true), Outcome::Ok);
        let item = ToolItem { status: Some("completed".to_owned()), ..ToolItem::default() };
        let evidence = Evidence { output: Some(text), item: Some(&item), ..Evidence::default() };
        assert_eq!(end(&evidence).outcome, Outcome::Ok);
        check(&format!("I say: {text}"), None, Outcome::Unknown);
    }

    #[test]
    fn a_call_is_aborted_only_where_codex_says_nothing_else() {
        let aborted = || Outcome::Cancelled("aborted by user".to_owned());
        check("Wall time: 3.0 seconds\naborted by user", None, aborted());
        check("aborted by user after 3.0s", Some(false), aborted());
        check("Exit code: 0\nOutput:\naborted by user", None, Outcome::Ok);
        check("Wall time: 3.0 seconds\nOutput:\naborted by user", None, Outcome::Ok);
    }

    #[test]
    fn an_mcp_server_says_whether_its_tool_failed() {
        let output = Some("Wall time: 0.1 seconds\nOutput:\nno such thing");
        let check = |status: Option<&str>, error: Option<&str>, expected| {
            let (status, error) = (status.map(str::to_owned), error.map(str::to_owned));
            let item = ToolItem { status, error, ..ToolItem::default() };
            let evidence = Evidence { output, item: Some(&item), ..Evidence::default() };
            assert_eq!(end(&evidence).outcome, expected);
        };
        check(Some("failed"), None, failed("no such thing"));
        check(Some("completed"), None, Outcome::Ok);
        check(None, None, Outcome::Unknown);
        let cancelled = "user cancelled MCP tool call";
        check(Some("failed"), Some(cancelled), denied(cancelled));
        let shown =
            r#"Ok(CallToolResult { content: ["is_error: Some(false)"], is_error: Some(true) })"#;
        let evidence =
            Evidence { event_output: Some(shown), success: Some(true), ..Evidence::default() };
        assert!(matches!(end(&evidence).outcome, Outcome::Failed(_)));
    }

    #[test]
    fn a_script_that_threw_says_why() {
        let own_tool = Some("exec");
        let output =
            Some("Script failed\nWall time 0.0 seconds\nOutput:\n\nScript error:\nError: boom");
        let evidence = Evidence { own_tool, output, ..Evidence::default() };
        assert_eq!(end(&evidence).outcome, failed("Error: boom"));
    }

    #[test]
    fn of_texts_that_fit_the_more_exact_one_comes_first() {
        for (index, (begins, contains, ..)) in REFUSALS.iter().enumerate() {
            let text = format!("{begins}{contains}");
            let first =
                REFUSALS.iter().position(|(b, c, ..)| text.starts_with(b) && text.contains(c));
            assert_eq!(first, Some(index), "{text}");
        }
    }
}
