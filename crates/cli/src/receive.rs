//! `arize-codex view --receive`: spans of other programs, into the same store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use codex_config::{Environment, Paths};
use otlp_model::SpanBatch;
use otlp_receiver::Receiver;
use trace_store::TraceStore;

use crate::CommandError;
use crate::usage::LocalSpans;

/// The name of the file with the token that senders show, in the run folder.
const TOKEN_FILE: &str = "otlp.token";

/// The length of a token, in hexadecimal digits.
const TOKEN_LENGTH: usize = 64;

/// Takes spans on a thread of its own until the process ends; gives the lines that tell how to send some.
pub(crate) fn start(
    port: u16,
    store: PathBuf,
    paths: &Paths,
    environment: &Environment,
) -> Result<String, CommandError> {
    let file = paths.run_dir.join(TOKEN_FILE);
    let token = kept_token(&file)
        .map_err(|error| CommandError::failed("cannot make the token that senders show", error))?;
    let receiver = Receiver::bind(port, token)
        .map_err(|error| CommandError::failed("cannot take spans", error))?;
    let lines = recipe(receiver.port(), &file);
    let (paths, environment) = (paths.clone(), environment.clone());
    thread::spawn(move || {
        let mut opened = None;
        let take = Box::new(move |batches: Vec<SpanBatch>| {
            let kept = keep(&mut opened, &store, &LocalSpans::new(&paths, &environment), batches);
            kept.map_err(|error| program_log::chain(&*error).to_string())
        });
        // It ends with the process; until then the system has no reason to refuse connections.
        let _ = receiver.serve(take);
    });
    Ok(lines)
}

/// Stores spans as the local target would have got them.
fn keep(
    opened: &mut Option<TraceStore>,
    path: &Path,
    local: &LocalSpans,
    batches: Vec<SpanBatch>,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = match opened {
        Some(store) => store,
        None => opened.insert(TraceStore::open(path)?),
    };
    let clear = |batch| local.of_another_program(batch);
    for batch in batches.into_iter().map(clear) {
        if let Err(error) = store.insert(&batch) {
            // Its file may have been replaced.
            *opened = None;
            return Err(error.into());
        }
    }
    Ok(())
}

/// The token in a file; a new one where there is none that can be one. It stays the same, so that what a
/// sender was told holds the next time.
fn kept_token(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Ok(token) if token.trim().len() == TOKEN_LENGTH => return Ok(token.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0_u8; TOKEN_LENGTH / 2];
    getrandom::fill(&mut bytes)?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    private_files::write(file, format!("{token}\n").as_bytes())?;
    Ok(token)
}

/// What a program of OpenTelemetry needs, without the token itself.
fn recipe(port: u16, file: &Path) -> String {
    let file = file.display().to_string();
    let file = if file.contains('\'') { file } else { format!("'{file}'") };
    format!(
        "Programs that trace with OpenTelemetry or OpenInference send their spans here with
  export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:{port}/v1/traces
  export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf
  export OTEL_EXPORTER_OTLP_TRACES_HEADERS=\"authorization=Bearer%20$(cat {file})\"
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run").join(TOKEN_FILE);
        let token = kept_token(&file).unwrap();
        assert_eq!(token.len(), TOKEN_LENGTH);
        assert_eq!(kept_token(&file).unwrap(), token);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&file, "cut off").unwrap();
        let another = kept_token(&file).unwrap();
        assert!(another.len() == TOKEN_LENGTH && another != token);
        assert!(!recipe(1, &file).contains(&another));
    }
}
