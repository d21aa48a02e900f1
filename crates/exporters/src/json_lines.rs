//! OTLP as lines of JSON, one request in each: the form of OpenTelemetry's file exporter, which its
//! collectors read, and which `jq` can be asked about.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use otlp_model::encode::Scope;
use otlp_model::{MetricBatch, SpanBatch};

use crate::requests::{OtlpEncoding, SCOPE};
use crate::{ExportError, Exporter, Probe, Receipt, requests};

/// How long other writers are waited for; each needs some milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(5);

/// Delivers to the end of a file that only its owner can read; it is made with the first batch.
///
/// A batch that is delivered twice is in the file twice, with the same span ids.
#[derive(Debug, Clone)]
pub struct JsonFile {
    path: PathBuf,
    max_bytes: Option<u64>,
    target: String,
    scope: Scope<'static>,
}

impl JsonFile {
    /// Prepares deliveries to this file; does not touch it. A file that would grow beyond
    /// `max_bytes` is put aside first, with `.1` behind its name, where it takes the place of the one
    /// before.
    pub fn new(path: impl Into<PathBuf>, max_bytes: Option<u64>) -> Self {
        let path = path.into();
        let target = format!("file {}", path.display());
        Self { path, max_bytes, target, scope: SCOPE }
    }

    /// Names the program whose spans they are, as their instrumentation scope.
    pub fn with_scope(self, scope: Scope<'static>) -> Self {
        Self { scope, ..self }
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = private_files::append(&self.path)?;
        lock(&file)?;
        let mut length = file.seek(SeekFrom::End(0))?;
        let most = self.max_bytes.unwrap_or(u64::MAX);
        if length > 0 && length.saturating_add(lines.len() as u64) > most {
            fs::copy(&self.path, beside(&self.path))?;
            file.set_len(0)?;
            length = 0;
        }
        let written = file.write_all(lines).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line would spoil the next one. The first error is the one to tell.
            let _ = file.set_len(length);
        }
        written
    }
}

impl Exporter for JsonFile {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            let place = || self.path.display().to_string();
            self.append(&lines(batch, &self.scope))
                .map_err(|source| ExportError::WriteFile { place: place(), source })?;
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        let mut line = requests::metrics_body(batch, &self.scope, OtlpEncoding::Json);
        line.push(b'\n');
        let place = || self.path.display().to_string();
        self.append(&line).map_err(|source| ExportError::WriteFile { place: place(), source })?;
        Ok(true)
    }

    /// A file that is not there yet is made with the first batch, and so are its folders.
    fn probe(&self) -> Result<Probe, ExportError> {
        let opened = OpenOptions::new().append(true).open(&self.path).map(drop);
        let found = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = self.path.ancestors().skip(1).find(|folder| folder.exists());
                // One that has no name, and leaves nothing.
                folder.map_or(Err(error), |folder| tempfile::tempfile_in(folder).map(drop))
            }
            opened => opened,
        };
        let place = || self.path.display().to_string();
        found.map_err(|source| ExportError::WriteFile { place: place(), source })?;
        Ok(Probe { accepts: true, ..Probe::default() })
    }
}

/// Delivers to the standard output, for commands whose output is wanted.
#[derive(Debug, Clone, Copy)]
pub struct JsonStdout {
    scope: Scope<'static>,
}

impl JsonStdout {
    /// Spans of the program with this name and version, which is their instrumentation scope.
    pub fn new(scope: Scope<'static>) -> Self {
        Self { scope }
    }
}

impl Exporter for JsonStdout {
    fn target(&self) -> &str {
        "stdout"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            let mut stdout = io::stdout().lock();
            let place = || self.target().to_owned();
            (stdout.write_all(&lines(batch, &self.scope)).and_then(|()| stdout.flush()))
                .map_err(|source| ExportError::WriteFile { place: place(), source })?;
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    fn probe(&self) -> Result<Probe, ExportError> {
        Ok(Probe { accepts: true, ..Probe::default() })
    }
}

fn lines(batch: &SpanBatch, scope: &Scope<'_>) -> Vec<u8> {
    let mut lines = Vec::new();
    for body in requests::bodies(batch, scope, OtlpEncoding::Json) {
        lines.extend(body);
        lines.push(b'\n');
    }
    lines
}

/// Several hooks may write at once, one of which may have been stopped in the middle. The lock ends
/// with the file.
fn lock(file: &File) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another program has it locked",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}
