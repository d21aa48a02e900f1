//! What Codex is asked to do, as far as the proxy has to know.

use std::ffi::OsString;
use std::path::PathBuf;

/// The commands in which Codex works without a person in front. All others show something, or do not
/// run a model.
const UNATTENDED: [&str; 3] = ["exec", "e", "review"];

/// The options before the command that take the next argument, in all versions from 0.44 to 0.171.
const WITH_VALUE: [&str; 20] = [
    "-c",
    "--config",
    "--enable",
    "--disable",
    "--remote",
    "--remote-auth-token-env",
    "-i",
    "--image",
    "-m",
    "--model",
    "--local-provider",
    "-p",
    "--profile",
    "-s",
    "--sandbox",
    "-C",
    "--cd",
    "--add-dir",
    "-a",
    "--ask-for-approval",
];

/// Whether these arguments make Codex run unattended.
///
/// A wrong answer does little harm: an interactive Codex with a parent works, and an unattended one
/// without is traced, but some seconds later where it fails.
pub(crate) fn is_unattended(arguments: &[OsString]) -> bool {
    command(arguments).is_some_and(|command| UNATTENDED.contains(&command))
}

/// The first argument that is neither an option nor the value of one: a command or a prompt.
fn command(arguments: &[OsString]) -> Option<&str> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        // What is no text is no command.
        let argument = argument.to_str()?;
        if WITH_VALUE.contains(&argument) {
            arguments.next();
        } else if argument == "--" {
            return None;
        } else if !argument.starts_with('-') {
            return Some(argument);
        }
    }
    None
}

/// The folder that these arguments make Codex work in (`--cd`), where they name one.
pub(crate) fn directory(arguments: &[OsString]) -> Option<PathBuf> {
    let options: Vec<&str> = arguments
        .iter()
        .map_while(|argument| argument.to_str())
        .take_while(|a| *a != "--")
        .collect();
    let named = options.iter().enumerate().rev().find_map(|(index, option)| match *option {
        "-C" | "--cd" => options.get(index + 1).copied(),
        option => option.strip_prefix("--cd=").or_else(|| option.strip_prefix("-C")),
    });
    named.map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_stands_first_and_is_no_option() {
        for (line, expected) in [
            ("exec hello", true),
            ("e hello", true),
            ("review --uncommitted", true),
            ("-c model=exec exec hello", true),
            ("--config=model=o3 exec", true),
            ("-m gpt-5 -s read-only --search exec --json -", true),
            ("--ask-for-approval never e", true),
            ("", false),
            ("exec-server", false),
            ("hello exec", false),
            ("resume --last", false),
            ("-m exec", false),
            ("--model exec hello", false),
            ("-- exec", false),
            ("--version", false),
            ("app-server", false),
        ] {
            let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
            assert_eq!(is_unattended(&arguments), expected, "{line}");
        }
    }

    #[test]
    fn codex_may_be_told_where_to_work() {
        for (line, expected) in [
            ("exec hello", None),
            ("exec -C /a hello", Some("/a")),
            ("--cd /a exec --cd=/b -", Some("/b")),
            ("exec -C/a", Some("/a")),
            ("exec -- -C /a", None),
            ("exec -C", None),
        ] {
            let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
            assert_eq!(directory(&arguments), expected.map(PathBuf::from), "{line}");
        }
    }
}
