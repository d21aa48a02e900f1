//! A registry of npm packages that has those of a folder and no others.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::http::{Server, respond};
use crate::process;

const LIMIT: Duration = Duration::from_secs(60);

/// Serves the packages (`*.tgz`) of a folder until it is dropped.
#[derive(Debug)]
pub struct NpmRegistry {
    server: Server,
}

impl NpmRegistry {
    /// Reads what the packages say of themselves, and starts.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut packages: BTreeMap<String, (Value, PathBuf)> = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "tgz") {
                let manifest = manifest(&path)?;
                let name = manifest["name"].as_str().context("a package without a name")?;
                packages.insert(name.to_owned(), (manifest, path));
            }
        }
        let server = Server::start(move |request, stream| {
            let host = request.header("host").unwrap_or_default();
            answer(&packages, &request.path, host, stream)
        })?;
        Ok(Self { server })
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

fn answer(
    packages: &BTreeMap<String, (Value, PathBuf)>,
    path: &str,
    host: &str,
    stream: &mut TcpStream,
) -> io::Result<()> {
    let name = path.trim_start_matches('/');
    if let Some((_, file)) = name.strip_suffix("/package").and_then(|name| packages.get(name)) {
        return respond(stream, 200, &[], &fs::read(file)?);
    }
    let Some((manifest, _)) = packages.get(name) else {
        return respond(stream, 404, &[], b"{}");
    };
    let mut manifest = manifest.clone();
    manifest["dist"] = json!({ "tarball": format!("http://{host}/{name}/package") });
    let version = manifest["version"].as_str().unwrap_or_default().to_owned();
    let versions = BTreeMap::from([(version.clone(), manifest)]);
    let package = json!({ "name": name, "dist-tags": { "latest": version }, "versions": versions });
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    respond(stream, 200, &json, package.to_string().as_bytes())
}

fn manifest(package: &Path) -> anyhow::Result<Value> {
    let mut tar = Command::new("tar");
    tar.arg("-xOzf").arg(package).arg("package/package.json");
    let done = process::run(&mut tar, LIMIT)?;
    ensure!(done.status.success(), "{}: {done:?}", package.display());
    Ok(serde_json::from_str(&done.stdout)?)
}
