//! What a tool was called with, as a person would have written it.

use serde_json::Value as Json;

/// The keys under which shell tools have their command.
const COMMAND_KEYS: [&str; 2] = ["cmd", "command"];

/// The shells that agents put before a command, and the flags with which they do.
const SHELLS: [&str; 3] = ["bash", "sh", "zsh"];
const SHELL_FLAGS: [&str; 2] = ["-lc", "-c"];

/// The command of a shell tool.
pub fn command(arguments: &str) -> Option<String> {
    let arguments: Json = serde_json::from_str(arguments).ok()?;
    let command = COMMAND_KEYS.iter().find_map(|key| arguments.get(key))?;
    match command {
        Json::String(command) => Some(command.clone()),
        Json::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Json::as_str).collect();
            match words?[..] {
                [shell, flag, script] if is_shell(shell) && SHELL_FLAGS.contains(&flag) => {
                    Some(script.to_owned())
                }
                ref words => shlex::try_join(words.iter().copied()).ok(),
            }
        }
        _ => None,
    }
}

fn is_shell(program: &str) -> bool {
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// The patch that a tool was called with, alone or in JSON.
pub(crate) fn patch(arguments: &str) -> Option<String> {
    const BEGIN: &str = "*** Begin Patch";
    if arguments.trim_start().starts_with(BEGIN) {
        return Some(arguments.to_owned());
    }
    let json: Json = serde_json::from_str(arguments).ok()?;
    let texts = match &json {
        Json::Object(fields) => fields.values().filter_map(Json::as_str).collect(),
        Json::String(text) => vec![text.as_str()],
        _ => vec![],
    };
    let text = texts.into_iter().find(|text| text.contains(BEGIN))?;
    Some(text[text.find(BEGIN)?..].to_owned())
}

/// Arguments with one field on each line where they are JSON.
pub(crate) fn pretty(arguments: &str) -> String {
    let json: Option<Json> = serde_json::from_str(arguments).ok();
    let pretty = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
    pretty.unwrap_or_else(|| arguments.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_all_forms() {
        for (arguments, expected) in [
            (r#"{"cmd":"ls -la"}"#, Some("ls -la")),
            (r#"{"command":["bash","-lc","rg a | wc"]}"#, Some("rg a | wc")),
            (r#"{"command":["git","commit","-m","a b"]}"#, Some("git commit -m 'a b'")),
            (r#"{"command":["/bin/zsh","-lc","ls"],"workdir":"/tmp"}"#, Some("ls")),
            (r#"{"plan":[]}"#, None),
            ("text", None),
            (r#"{"command":[1]}"#, None),
        ] {
            assert_eq!(command(arguments).as_deref(), expected, "{arguments}");
        }
    }

    #[test]
    fn patches_are_found_in_all_forms() {
        let text = "*** Begin Patch\n*** End Patch";
        assert_eq!(patch(text).as_deref(), Some(text));
        let json = serde_json::json!({ "input": text }).to_string();
        assert_eq!(patch(&json).as_deref(), Some(text));
        let script =
            serde_json::json!({ "cmd": format!("apply_patch <<'EOF'\n{text}") }).to_string();
        assert_eq!(patch(&script).as_deref(), Some(text));
        assert_eq!(patch(r#"{"cmd":"ls"}"#), None);
    }
}
