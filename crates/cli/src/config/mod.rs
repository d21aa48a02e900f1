//! `arize-config`, and `arize-codex config`: read and edit `config.yaml`.

mod exit_code;
mod main_with;

use std::io::{self, Read, Write};

use clap::{Parser, Subcommand};
use codex_config::edit::{self, EditError};
use codex_config::{
    ConfigError, ConfigFile, Environment, KeyPath, Origin, Paths, Scalar, Settings, is_secret,
    meaningless,
};
use private_files::{WriteError, write_text};

pub use self::exit_code::ExitCode;
pub use self::main_with::main_with;

/// Read and edit the settings of Codex tracing.
///
/// Keys are dotted, as in `harnesses.codex.project_name`; a key that holds a dot itself is put in
/// double quotes.
#[derive(Debug, Parser)]
#[command(name = "arize-config", version, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  get harnesses.codex.target                Print where turns go
  set harnesses.codex.api_key --stdin       Ask for a credential without showing it
  set logging.tool_content false            Record no outputs of tools
  delete harnesses.codex.sampling           Trace every turn again
  dump --json                               Print everything, credentials masked";

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the value of a key; exit with 1 when it is absent.
    Get {
        /// The dotted key.
        key: KeyPath,
    },
    /// Set a key; comments and everything else in the file stay as they are.
    Set {
        /// The dotted key.
        key: KeyPath,
        /// The value, typed as in YAML: `true`, `4318`, text; `"true"` in quotes is a text.
        #[arg(required_unless_present = "stdin", allow_negative_numbers = true)]
        value: Option<String>,
        /// Read the value from standard input and take it as a text; for credentials. A terminal
        /// asks for it and does not show it.
        #[arg(long, conflicts_with = "value")]
        stdin: bool,
        /// Write a key or a value that no setting understands, too.
        #[arg(long)]
        force: bool,
    },
    /// Delete a key and everything below it.
    Delete {
        /// The dotted key.
        key: KeyPath,
    },
    /// Print the whole file, credentials masked.
    Dump {
        /// Print JSON instead of YAML.
        #[arg(long)]
        json: bool,
        /// Print credentials as they are.
        #[arg(long)]
        show_secrets: bool,
    },
    /// Print the path of the file.
    Path,
}

/// Holds the streams the program talks through.
pub struct Console<'a> {
    /// Where `--stdin` reads the value.
    pub input: Input<'a>,
    /// Where results go.
    pub output: &'a mut dyn Write,
    /// Where everything else goes.
    pub notes: &'a mut dyn Write,
}

/// Where a value is read.
pub enum Input<'a> {
    /// From a file or another program, to its end.
    Stream(&'a mut dyn Read),
    /// From a person, who is asked with this text and sees nothing of what is typed.
    Person(&'a mut dyn FnMut(&str) -> io::Result<String>),
}

/// Says why the program could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Neither the environment nor the system names a home directory.
    #[error("no home directory: `HOME` (on Windows `USERPROFILE`) is not set")]
    NoHome,
    /// The settings file cannot be read or parsed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The edit was refused.
    #[error("`{path}` was left as it is")]
    Edit {
        /// The file.
        path: String,
        /// What stands in the way.
        #[source]
        source: EditError,
    },
    /// No setting would understand the edit.
    #[error("`{path}` was left as it is: {}", problems.join("; "))]
    Meaningless {
        /// The file.
        path: String,
        /// What is wrong.
        problems: Vec<String>,
    },
    /// An administrator decides.
    #[error("`{key}` is locked by `{file}` (`{locked}`)")]
    Locked {
        /// The key.
        key: String,
        /// The locked key, which is it or above it.
        locked: String,
        /// The settings of the administrator.
        file: String,
    },
    /// The settings have keys or numbers that JSON cannot express.
    #[error("the settings cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Standard input or output failed.
    #[error("standard input or output failed")]
    Stream(#[from] io::Error),
}

impl CommandError {
    /// Gives the exit code for the error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NoHome | Self::Config(_) => ExitCode::Unreadable,
            Self::Edit { .. } | Self::Meaningless { .. } | Self::Locked { .. } => ExitCode::Refused,
            Self::Json(_) | Self::Write(_) | Self::Stream(_) => ExitCode::WriteFailed,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(ConfigError::Parse { .. }) => Some("correct the file in an editor"),
            Self::Meaningless { .. } => Some("`--force` writes it nevertheless"),
            Self::Edit { source: EditError::Unsafe { .. }, .. } => {
                Some("change this key in an editor")
            }
            Self::Edit { source: EditError::WouldReplace { .. }, .. } => {
                Some("to replace it, run `arize-config delete` for the key first")
            }
            _ => None,
        }
    }
}

/// Carries out one command.
pub fn run(
    arguments: Arguments,
    environment: &Environment,
    mut console: Console<'_>,
) -> Result<ExitCode, CommandError> {
    let paths = Paths::from_environment(environment).ok_or(CommandError::NoHome)?;
    match arguments.action {
        Action::Get { key } => return get(&paths, &key, &mut console),
        Action::Set { key, value: Some(value), force, .. } => {
            if key.segments().iter().any(|segment| is_secret(segment)) {
                let hint = "hint: `--stdin` keeps a credential out of the shell's history";
                writeln!(console.notes, "{hint}")?;
            }
            set(&paths, &key, &Scalar::parse(&value), force, &mut console)?;
        }
        Action::Set { key, value: None, force, .. } => {
            let text = read_value(&key, &mut console.input)?;
            set(&paths, &key, &Scalar::text(&text), force, &mut console)?;
            if matches!(console.input, Input::Person(_)) {
                writeln!(console.notes, "{}", saved(&paths))?;
            }
        }
        Action::Delete { key } => {
            update(&paths, &mut console, |text| edit::delete(text, &key))?;
        }
        Action::Dump { json, show_secrets } => {
            let file = ConfigFile::read(&paths)?;
            let text = match json {
                true => file.json(show_secrets).map_err(CommandError::Json)?,
                false => file.yaml(show_secrets),
            };
            writeln!(console.output, "{text}")?;
        }
        Action::Path => writeln!(console.output, "{}", paths.config_file.display())?,
    }
    Ok(ExitCode::Success)
}

/// Prints an error with its causes and a hint, and gives its exit code.
pub fn report(error: &CommandError, notes: &mut dyn Write) -> ExitCode {
    let mut message = format!("error: {}", terminal_text::chain(error));
    if let Some(hint) = error.hint() {
        message.push_str(&format!("\nhint: {hint}"));
    }
    // Where even this fails, the exit code is all that is left.
    let _ = writeln!(notes, "{message}");
    error.exit_code()
}

/// Says what follows from an answer that was saved.
fn saved(paths: &Paths) -> String {
    match paths.queued_turns() {
        0 => "Saved. It applies from the next turn on.".to_owned(),
        1 => "Saved. 1 queued turn will be sent.".to_owned(),
        turns => format!("Saved. {turns} queued turns will be sent."),
    }
}

fn get(paths: &Paths, key: &KeyPath, console: &mut Console<'_>) -> Result<ExitCode, CommandError> {
    match ConfigFile::read(paths)?.get(key) {
        Some(value) => {
            writeln!(console.output, "{value}")?;
            Ok(ExitCode::Success)
        }
        None => {
            // What a wrong value says of a key that is none is the same for all.
            let with = edit::set("", key, &Scalar::text("x")).unwrap_or_default();
            let unknown = meaningless(paths, key, "", &with);
            if let Some(unknown) = unknown.iter().find(|it| it.contains("is not a setting")) {
                writeln!(console.notes, "hint: {unknown}")?;
            }
            Ok(ExitCode::Absent)
        }
    }
}

fn set(
    paths: &Paths,
    key: &KeyPath,
    value: &Scalar,
    force: bool,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    refuse_locked(paths, key)?;
    let mut problems = Vec::new();
    update(paths, console, |text| {
        let after = edit::set(text, key, value)?;
        problems = meaningless(paths, key, text, &after);
        // Left as it is, it is not written.
        Ok(if force || problems.is_empty() { after } else { text.to_owned() })
    })?;
    if !force && !problems.is_empty() {
        let path = paths.config_file.display().to_string();
        return Err(CommandError::Meaningless { path, problems });
    }
    for problem in problems {
        writeln!(console.notes, "warning: {problem}")?;
    }
    Ok(())
}

/// A key that an administrator locked stays as it is: what is written here would have no effect.
fn refuse_locked(paths: &Paths, key: &KeyPath) -> Result<(), CommandError> {
    let none: [(&str, &str); 0] = [];
    let settings = Settings::load(paths, &Environment::new(none));
    let key = key.segments().join(".");
    match settings.managed.as_ref().and_then(|managed| Some((managed, managed.lock_of(&key)?))) {
        Some((managed, locked)) => Err(CommandError::Locked {
            key,
            locked: locked.to_owned(),
            file: managed.file.display().to_string(),
        }),
        None => Ok(()),
    }
}

/// Reads a value without the end of its line.
fn read_value(key: &KeyPath, input: &mut Input<'_>) -> io::Result<String> {
    let text = match input {
        Input::Stream(stream) => {
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            text
        }
        Input::Person(ask) => ask(&format!("{} (hidden): ", key.segments().join(".")))?,
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn update(
    paths: &Paths,
    console: &mut Console<'_>,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<(), CommandError> {
    let config = ConfigFile::read(paths)?;
    let path = &paths.config_file;
    let after = edit(&config.text)
        .map_err(|source| CommandError::Edit { path: path.display().to_string(), source })?;
    if after == config.text {
        return Ok(());
    }
    write_text(path, &after)?;
    if let Origin::Json = config.origin {
        let old = paths.legacy_config_file.display();
        writeln!(
            console.notes,
            "note: carried the settings of `{old}` over to `{}`",
            path.display()
        )?;
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_locked_key_is_refused_with_the_file_that_locks_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Paths::new(folder.path().join("home"), None);
        paths.managed_file = folder.path().join("config.yaml");
        fs::write(&paths.managed_file, "locked: [logging]\n").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&paths.managed_file, fs::Permissions::from_mode(0o644)).unwrap();
        let key = |text: &str| text.parse::<KeyPath>().unwrap();
        refuse_locked(&paths, &key("user_id")).unwrap();
        let refused = refuse_locked(&paths, &key("logging.content"));
        // A file of anybody else locks nothing: it stops delivery.
        if fs::metadata(&paths.managed_file).unwrap().uid() == 0 {
            let error = refused.unwrap_err();
            assert!(error.to_string().contains("`logging.content` is locked by"), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Refused);
        }
    }
}
