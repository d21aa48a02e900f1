//! What Codex writes above the output of its own tools, and the forms that an output has when the
//! tool ran.
//!
//! The output of a call that Codex refuses is a text, and there is no end to those texts. The outputs
//! of tools that ran have few forms: that is what tells the two apart.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::json;

/// The output of a process, without the lines that Codex writes above it.
#[derive(Debug, PartialEq)]
pub(crate) struct Framed<'a> {
    /// None while the process goes on.
    pub(crate) exit_code: Option<i64>,
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
pub(crate) fn is_result(tool: &str, output: &str) -> bool {
    forms(tool).any(|form| match form {
        Form::Process => framed(tool, output).is_some(),
        Form::Script => output.starts_with("Script ") && !output.starts_with(SCRIPT_FAILED),
        Form::Object => output.starts_with('{'),
        Form::List => output.starts_with("[{"),
        Form::ImageOr(text) => output == text || output.starts_with("<image: "),
        Form::Text(text) => output == text,
    })
}

/// How the output of a script begins that threw an error.
pub(crate) const SCRIPT_FAILED: &str = "Script failed\n";

/// The output of one of Codex's own tools that runs a process; none where it did not run.
pub(crate) fn framed<'a>(tool: &str, output: &'a str) -> Option<Framed<'a>> {
    if !forms(tool).any(|form| matches!(form, Form::Process)) {
        return None;
    }
    // 0.115 repeats the command first, which may have any number of lines.
    let output = match output.strip_prefix("Command: ") {
        Some(repeated) => &repeated[repeated.find("\nChunk ID: ")? + 1..],
        None => output,
    };
    in_json(output).or_else(|| {
        let (lines, framed) = below_lines(output)?;
        // A patch that was entered as a command: below the time stands what the tool for patches says.
        let is_patch = lines == 1 && framed.exit_code.is_none();
        let patch = || match &framed.body {
            Cow::Borrowed(body) => in_json(body).or_else(|| Some(below_lines(body)?.1)),
            Cow::Owned(_) => None,
        };
        is_patch.then(patch).flatten().or(Some(framed))
    })
}

/// The form up to 0.130, of patches and (up to 0.80) of commands.
fn in_json(output: &str) -> Option<Framed<'_>> {
    if !output.starts_with(r#"{"output":"#) {
        return None;
    }
    let value: Json = serde_json::from_str(output).ok()?;
    let exit_code = json::at(&value, &["metadata", "exit_code"])?.as_i64();
    let body = json::text(&value, &["output"]).unwrap_or_default().to_owned();
    Some(Framed { exit_code, body: body.into() })
}

/// The number of lines above `Output:`, and what stands below it.
fn below_lines(output: &str) -> Option<(usize, Framed<'_>)> {
    const OTHERS: [&str; 5] = [
        "Chunk ID: ",
        "Wall time: ",
        "Process running with session ID ",
        "Original token count: ",
        "Total output lines: ",
    ];
    let mut exit_code = None;
    let mut rest = output;
    for number in 0.. {
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        let code = ["Process exited with code ", "Exit code: "]
            .iter()
            .find_map(|words| line.strip_prefix(words));
        match code {
            Some(code) => exit_code = code.trim().parse().ok(),
            None if line == "Output:" && number > 0 => {
                return Some((number, Framed { exit_code, body: below.into() }));
            }
            None if OTHERS.iter().any(|words| line.starts_with(words)) => {}
            None => return None,
        }
        rest = below;
    }
    None
}

fn forms(tool: &str) -> impl Iterator<Item = Form> {
    FORMS.into_iter().filter(move |(_, tools)| tools.contains(&tool)).map(|(form, _)| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tool: &str, output: &str, expected: Option<(Option<i64>, &str)>) {
        let framed = framed(tool, output);
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
