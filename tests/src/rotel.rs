//! A real collector, rotel: takes OTLP and hands it on to a Phoenix.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::port::free_port;
use crate::server_process::ServerProcess;

/// Runs rotel on free ports of 127.0.0.1. It is ended with the process that started it.
#[derive(Debug)]
pub struct Rotel {
    port: u16,
    grpc_port: u16,
    server: ServerProcess,
}

impl Rotel {
    /// Starts `program` (the `rotel-agent` binary), which hands on to the Phoenix at this address.
    pub fn start(program: &Path, phoenix: &str) -> anyhow::Result<Self> {
        let (port, grpc_port) = (free_port()?, free_port()?);
        let server = ServerProcess::start(program, |rotel, folder| {
            rotel
                .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"])
                .args(["--otlp-exporter-endpoint", phoenix, "--batch-timeout", "50ms"])
                // No backend of the stories takes metrics.
                .args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"])
                .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
                .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc_port}")])
                .arg("--pid-file")
                .arg(folder.join("rotel.pid"));
        })?;
        server.wait(Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(Self { port, grpc_port, server })
    }

    /// Returns the address that the exporters are configured with.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what it wrote so far: all metrics that it got.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Returns the address for OTLP over gRPC.
    pub fn grpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc_port)
    }
}
