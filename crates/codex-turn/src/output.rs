//! What Codex writes above the output of its own tools, and the forms that an output has when the
//! tool ran.
//!
//! The output of a call that Codex refuses is a text, and there is no end to those texts. The outputs
//! of tools that ran have few forms: that is what tells the two apart.

use std::borrow::Cow;

use otlp_model::{Attribute, cut};
use serde_json::Value as Json;

use crate::json;
use crate::tools::USER_SHELL;

/// An output, without the lines that Codex writes above it.
#[derive(Debug, PartialEq)]
pub(crate) struct Framed<'a> {
    /// Whether a process gave it.
    pub(crate) is_of_process: bool,
    /// None while the process goes on.
    pub(crate) exit_code: Option<i64>,
    /// What the other lines say.
    pub(crate) notes: Vec<Attribute>,
    pub(crate) body: Cow<'a, str>,
}

/// How the output of a tool begins when it ran.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// That of a process.
    Process,
    /// `Script completed` and the like, in code mode.
    Script,
    /// An object in JSON.
    Object,
    /// A list in JSON that is not empty.
    List,
    /// An image, or this text.
    ImageOr(&'static str),
    /// This text.
    Text(&'static str),
}

/// Codex's own tools, as recorded with versions from 0.44 to 0.171. `wait` waits for a script or, in
/// older versions, for sub-agents.
const FORMS: [(Form, &[&str]); 6] = [
    (
        Form::Process,
        &[
            "apply_patch",
            "container.exec",
            "exec_command",
            "local_shell",
            "shell",
            "shell_command",
            "write_stdin",
        ],
    ),
    (Form::Script, &["exec", "wait"]),
    (
        Form::Object,
        &[
            "close_agent",
            "create_goal",
            "get_goal",
            "list_mcp_resource_templates",
            "list_mcp_resources",
            "read_mcp_resource",
            "request_user_input",
            "resume_agent",
            "send_input",
            "spawn_agent",
            "update_goal",
            "wait",
            "wait_agent",
        ],
    ),
    (Form::List, &["tool_search"]),
    (Form::ImageOr("attached local image path"), &["view_image"]),
    (Form::Text("Plan updated"), &["update_plan"]),
];

/// Whether the output of one of Codex's own tools has a form that it has only when the tool ran.
pub(crate) fn is_result(tool: &str, output: &str, framed: Option<&Framed<'_>>) -> bool {
    forms(tool).any(|form| match form {
        Form::Process => framed.is_some_and(|framed| framed.is_of_process),
        Form::Script => output.starts_with("Script ") && !output.starts_with(SCRIPT_FAILED),
        Form::Object => output.starts_with('{'),
        Form::List => output.starts_with("[{"),
        Form::ImageOr(text) => output == text || output.starts_with("<image: "),
        Form::Text(text) => output == text,
    })
}

/// Whether one of Codex's own tools runs what the model or the user enters as a command.
pub(crate) fn runs_commands(tool: &str) -> bool {
    let is_process = forms(tool).any(|form| matches!(form, Form::Process));
    tool == USER_SHELL || (is_process && tool != "apply_patch")
}

/// How the output of a script begins that threw an error.
pub(crate) const SCRIPT_FAILED: &str = "Script failed\n";

/// The output of one of Codex's own tools, or (where there is no name of one) of an MCP tool; none where
/// nothing is known to stand above it, such as where a process did not run.
pub(crate) fn framed<'a>(own_tool: Option<&str>, output: &'a str) -> Option<Framed<'a>> {
    let Some(tool) = own_tool else { return of_server(output) };
    of_process(tool, output).or_else(|| {
        let is_script = || forms(tool).any(|form| matches!(form, Form::Script));
        is_script().then(|| of_script(output)).flatten()
    })
}

fn of_process<'a>(tool: &str, output: &'a str) -> Option<Framed<'a>> {
    if !forms(tool).any(|form| matches!(form, Form::Process)) {
        return None;
    }
    // 0.115 repeats the command first, which may have any number of lines.
    let said = match output.strip_prefix("Command: ") {
        Some(repeated) => &repeated[repeated.find("\nChunk ID: ")? + 1..],
        None => output,
    };
    in_json(said).or_else(|| {
        let head = head(said)?;
        // A patch that was entered as a command: below the time stands what the tool for patches says.
        let is_patch = head.lines == 1 && head.exit_code.is_none();
        let patch = || in_json(head.end).or_else(|| Some(framed_by(output, self::head(head.end)?)));
        Some(match is_patch.then(patch).flatten() {
            Some(patch) => Framed { notes: merged(head.notes, patch.notes), ..patch },
            None => framed_by(output, head),
        })
    })
}

fn merged(mut notes: Vec<Attribute>, others: Vec<Attribute>) -> Vec<Attribute> {
    for other in others {
        if notes.iter().all(|note| note.key != other.key) {
            notes.push(other);
        }
    }
    notes
}

/// The form up to 0.130, of patches and (up to 0.80) of commands.
fn in_json(output: &str) -> Option<Framed<'_>> {
    const KNOWN: [&str; 4] = ["output", "metadata", "exit_code", "duration_seconds"];
    if !output.starts_with(r#"{"output":"#) {
        return None;
    }
    let value: Json = serde_json::from_str(output).ok()?;
    let metadata = value.get("metadata")?;
    let exit_code = metadata.get("exit_code")?.as_i64();
    let fields = [value.as_object(), metadata.as_object()];
    let mut names = fields.into_iter().flatten().flat_map(|fields| fields.keys());
    // What has more to say stays as it is.
    let body = match json::text(&value, &["output"]) {
        Some(body) if names.all(|name| KNOWN.contains(&name.as_str())) => body.to_owned().into(),
        _ => output.into(),
    };
    let seconds = metadata.get("duration_seconds").map(Json::to_string);
    let notes = seconds.and_then(|seconds| note(WALL_TIME, &seconds)).into_iter().collect();
    Some(Framed { is_of_process: true, exit_code, notes, body })
}

/// The output of an MCP tool (since 0.130).
fn of_server(output: &str) -> Option<Framed<'_>> {
    let head = head(output)?;
    let is_timed = head.lines == 1 && output.starts_with("Wall time: ");
    is_timed.then(|| Framed { is_of_process: false, ..framed_by(output, head) })
}

/// The output of a script of code mode: how it stands, a line with the time, and what it gave.
fn of_script(output: &str) -> Option<Framed<'_>> {
    let (status, rest) = output.strip_prefix("Script ")?.split_once('\n')?;
    let (time, body) = rest.strip_prefix("Wall time ")?.split_once(" seconds\nOutput:\n")?;
    let status = Attribute::new("codex.tool.script_status", status.to_owned());
    Some(Framed {
        is_of_process: false,
        exit_code: None,
        notes: vec![status, note(WALL_TIME, time)?],
        body: whole(output, body.strip_prefix('\n').unwrap_or(body)),
    })
}

const WALL_TIME: &str = "codex.tool.wall_time_ms";

/// How a line above an output begins and ends, and where it is noted.
const LINES: [(&str, &str, &str); 5] = [
    ("Chunk ID: ", "", "codex.tool.chunk_id"),
    ("Wall time: ", " seconds", WALL_TIME),
    ("Process running with session ID ", "", "codex.tool.process_session_id"),
    ("Original token count: ", "", "codex.tool.original_token_count"),
    ("Total output lines: ", "", "codex.tool.total_output_lines"),
];

/// The lines above `Output:`, and what stands below it.
struct Head<'a> {
    lines: usize,
    exit_code: Option<i64>,
    notes: Vec<Attribute>,
    end: &'a str,
}

fn head(output: &str) -> Option<Head<'_>> {
    let (mut exit_code, mut notes) = (None, Vec::new());
    let mut rest = output;
    for lines in 0.. {
        let (line, end) = rest.split_once('\n').unwrap_or((rest, ""));
        let code = ["Process exited with code ", "Exit code: "]
            .iter()
            .find_map(|words| line.strip_prefix(words));
        if let Some(code) = code {
            exit_code = code.trim().parse().ok();
        } else if line == "Output:" && lines > 0 {
            return Some(Head { lines, exit_code, notes, end });
        } else {
            let (begins, ends, name) =
                LINES.iter().find(|(begins, ..)| line.starts_with(begins))?;
            let said = &line[begins.len()..];
            notes.extend(note(name, said.strip_suffix(ends).unwrap_or(said)));
        }
        rest = end;
    }
    None
}

/// The output of a process, which ends with what stands below these lines.
fn framed_by<'a>(output: &str, head: Head<'a>) -> Framed<'a> {
    let Head { exit_code, notes, end, .. } = head;
    Framed { is_of_process: true, exit_code, notes, body: whole(output, end) }
}

/// What a line says: a number where it is one.
fn note(name: &'static str, said: &str) -> Option<Attribute> {
    if said.is_empty() {
        return None;
    }
    let whole = || said.parse::<u64>().ok();
    let millis = || said.parse::<f64>().ok().map(|seconds| (seconds * 1000.0).round() as u64);
    let number = match name {
        WALL_TIME => millis(),
        "codex.tool.original_token_count" | "codex.tool.total_output_lines" => whole(),
        _ => None,
    };
    Some(number.map_or_else(
        || Attribute::new(name, said.to_owned()),
        |number| Attribute::new(name, number),
    ))
}

/// The end of an output. One that was cut says how long this end was, and not the whole.
fn whole<'a>(output: &str, end: &'a str) -> Cow<'a, str> {
    let (kept, Some(bytes)) = cut::parts(end) else { return end.into() };
    let above = (output.len() - end.len()) as u64;
    format!("{kept}{}", cut::mark(bytes.saturating_sub(above))).into()
}

fn forms(tool: &str) -> impl Iterator<Item = Form> {
    FORMS.into_iter().filter(move |(_, tools)| tools.contains(&tool)).map(|(form, _)| form)
}

#[cfg(test)]
mod tests {
    use otlp_model::Value;

    use super::*;

    fn check(tool: &str, output: &str, expected: Option<(Option<i64>, &str)>) {
        let framed = framed(Some(tool), output);
        let framed = framed.as_ref().map(|framed| (framed.exit_code, framed.body.as_ref()));
        assert_eq!(framed, expected, "{output}");
    }

    #[test]
    fn the_exit_code_stands_above_the_output_in_every_version() {
        let now = "Chunk ID: a\nWall time: 0.1 seconds\nProcess exited with code 3\n\
                   Original token count: 1\nOutput:\nhi";
        check("exec_command", now, Some((Some(3), "hi")));
        let running = "Chunk ID: a\nWall time: 0.3 seconds\n\
                       Process running with session ID 7\nOutput:\nExit code: 3\nOutput:\n";
        check("write_stdin", running, Some((None, "Exit code: 3\nOutput:\n")));
        let old = "Exit code: -1\nWall time: 0 seconds\nTotal output lines: 9\nOutput:\nhi\n";
        check("shell_command", old, Some((Some(-1), "hi\n")));
        let oldest = r#"{"output":"hi","metadata":{"exit_code":3,"duration_seconds":0.1}}"#;
        check("shell", oldest, Some((Some(3), "hi")));
    }

    #[test]
    fn trap_15_a_command_is_repeated_above_its_lines_in_0_115() {
        let output = "Command: /bin/bash -lc 'cat <<E\nProcess exited with code 9\nOutput:\nE'\n\
                      Chunk ID: a\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\nx";
        check("exec_command", output, Some((Some(0), "x")));
    }

    /// What is noted of an output, and what is left of it.
    fn notes(own_tool: Option<&str>, output: &str) -> (String, String) {
        let framed = framed(own_tool, output).unwrap();
        let note = |note: &Attribute| match &note.value {
            Value::Int(number) => format!("{}={number}", note.key.rsplit('.').next().unwrap()),
            other => format!("{}={other:?}", note.key.rsplit('.').next().unwrap()),
        };
        let notes: Vec<String> = framed.notes.iter().map(note).collect();
        (notes.join(" "), framed.body.into_owned())
    }

    #[test]
    fn what_stands_above_an_output_is_noted() {
        let check = |tool: Option<&str>, output: &str, expected: &str, body: &str| {
            assert_eq!(notes(tool, output), (expected.to_owned(), body.to_owned()), "{output}");
        };
        let command = Some("exec_command");
        let now = "Chunk ID: 3f\nWall time: 0.0512 seconds\nProcess exited with code 0\n\
                   Original token count: 12\nOutput:\nhi\n";
        let said = r#"chunk_id=String("3f") wall_time_ms=51 original_token_count=12"#;
        check(command, now, said, "hi\n");
        let running = "Wall time: 10 seconds\nProcess running with session ID 7\nOutput:\n";
        check(command, running, r#"wall_time_ms=10000 process_session_id=String("7")"#, "");
        let odd = "Chunk ID: \nWall time: long\nTotal output lines: 9\nOutput:\nhi";
        let said = r#"wall_time_ms=String("long") total_output_lines=9"#;
        check(Some("shell_command"), odd, said, "hi");
        let json = r#"{"output":"hi","metadata":{"exit_code":0,"duration_seconds":0.25}}"#;
        check(Some("shell"), json, "wall_time_ms=250", "hi");
        let more = r#"{"output":"hi","metadata":{"exit_code":0,"of_tomorrow":1}}"#;
        check(Some("shell"), more, "", more);
        let patch =
            "Wall time: 0.1 seconds\nOutput:\nExit code: 0\nWall time: 0 seconds\nOutput:\nok";
        check(command, patch, "wall_time_ms=100", "ok");
        let server = "Wall time: 0.5 seconds\nOutput:\nExit code: 3";
        check(None, server, "wall_time_ms=500", "Exit code: 3");
        let script = "Script running with cell ID 1\nWall time 2.0 seconds\nOutput:\n\nhi\n";
        let said = r#"script_status=String("running with cell ID 1") wall_time_ms=2000"#;
        check(Some("exec"), script, said, "hi\n");
        assert_eq!(framed(Some("exec"), "Script completed"), None);
        assert_eq!(framed(None, "Exit code: 0\nOutput:\nhi"), None);
    }

    #[test]
    fn an_output_that_was_cut_says_how_long_it_was_without_the_lines_above() {
        let cut_at = |bytes: usize| format!("ab{}", cut::mark(bytes as u64));
        for head in [
            "Exit code: 0\nOutput:\n",
            "Command: ls\nChunk ID: a\nProcess exited with code 0\nOutput:\n",
            // A patch that was entered as a command.
            "Wall time: 0.1 seconds\nOutput:\nExit code: 0\nOutput:\n",
        ] {
            let (_, body) = notes(Some("shell"), &format!("{head}{}", cut_at(head.len() + 70)));
            assert_eq!(body, cut_at(70), "{head}");
        }
    }

    #[test]
    fn a_patch_that_is_entered_as_a_command_has_the_lines_of_both() {
        let now = "Wall time: 0.0000 seconds\nOutput:\nExit code: 1\nWall time: 0 seconds\n\
                   Output:\nno\n";
        check("exec_command", now, Some((Some(1), "no\n")));
        let old = "Wall time: 0.0000 seconds\nOutput:\n{\"output\":\"no\",\"metadata\":{\"exit_code\":1}}";
        check("exec_command", old, Some((Some(1), "no")));
    }

    #[test]
    fn what_a_command_prints_is_not_above_its_output() {
        let output = "Chunk ID: a\nProcess exited with code 0\nOutput:\nProcess exited with code 3\n\
                      Output:\n";
        check("exec_command", output, Some((Some(0), "Process exited with code 3\nOutput:\n")));
        check("exec_command", "Output:\nhi", None);
        check("exec_command", "exec_command failed: no", None);
        check("exec_command", "Wall time: 3.0 seconds\naborted by user", None);
        check("some_tool", "Exit code: 3\nOutput:\nhi", None);
        check("some_tool", r#"{"output":"hi","metadata":{"exit_code":3}}"#, None);
    }
}
