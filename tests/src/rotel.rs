//! A real collector, rotel: takes OTLP and hands it on to a Phoenix.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::phoenix::free_port;
use crate::process::LastWill;
use crate::wait;

/// Runs rotel on free ports of 127.0.0.1. It is ended with the process that started it.
#[derive(Debug)]
pub struct Rotel {
    port: u16,
    grpc_port: u16,
    log: PathBuf,
    _will: LastWill,
}

impl Rotel {
    /// Starts `program` (the `rotel-agent` binary), which hands on to the Phoenix at this address.
    pub fn start(program: &Path, phoenix: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?.keep();
        let log = folder.join("rotel.log");
        let (port, grpc_port) = (free_port()?, free_port()?);
        let child = Command::new(program)
            .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", phoenix, "--batch-timeout", "50ms"])
            // No backend of the stories takes metrics.
            .args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc_port}")])
            .arg("--pid-file")
            .arg(folder.join("rotel.pid"))
            .env_clear()
            .env("HOME", &folder)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        let will = LastWill::new(
            r#"kill -KILL "$1"; rm -rf "$2""#,
            &[OsStr::new(&child.id().to_string()), folder.as_os_str()],
            [],
        )?;
        wait::until("rotel to be ready", Duration::from_secs(30), || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Self { port, grpc_port, log, _will: will })
    }

    /// Returns the address that the exporters are configured with.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what it wrote so far: all metrics that it got.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns the address for OTLP over gRPC.
    pub fn grpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }
}
