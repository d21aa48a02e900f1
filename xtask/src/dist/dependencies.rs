//! The crates of others that are in the published programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::platform::Platform;
use crate::workspace::{SHIPPED, cargo};

/// A crate, as Cargo describes it.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) license: String,
    pub(super) repository: Option<String>,
    /// The folder with its sources.
    pub(super) folder: PathBuf,
    /// Whether it is one of this workspace.
    pub(super) is_ours: bool,
    /// The ids of the crates that it needs.
    pub(super) needs: BTreeSet<String>,
}

/// All crates that are linked into the programs for this platform, by Cargo's id.
pub(super) fn of_programs(platform: &Platform) -> anyhow::Result<BTreeMap<String, Crate>> {
    let filter = ["metadata", "--format-version", "1", "--locked", "--filter-platform"];
    let output = cargo(&filter)?.arg(platform.triple).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages: BTreeMap<&str, &Value> = by_id(&metadata["packages"])?;
    let nodes: BTreeMap<&str, &Value> = by_id(&metadata["resolve"]["nodes"])?;
    let is_shipped = |package: &&Value| SHIPPED.iter().any(|name| package["name"] == *name);
    let mut open: Vec<&str> =
        packages.values().filter(|it| is_shipped(it)).filter_map(id).collect();
    let mut found = BTreeMap::new();
    while let Some(id) = open.pop() {
        if found.contains_key(id) {
            continue;
        }
        let runs = |id: &&str| !is_macro(packages[*id]);
        let needs: Vec<&str> = linked(nodes[id]).filter(runs).collect();
        open.extend(&needs);
        let package = packages[id];
        let needs = needs.into_iter().map(str::to_owned).collect();
        found.insert(id.to_owned(), read(package, needs)?);
    }
    Ok(found)
}

fn read(package: &Value, needs: BTreeSet<String>) -> anyhow::Result<Crate> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let manifest = PathBuf::from(text("manifest_path").context("no `manifest_path`")?);
    Ok(Crate {
        name: text("name").context("no `name`")?,
        version: text("version").context("no `version`")?,
        // The old way to write OR.
        license: text("license").unwrap_or_default().replace('/', " OR "),
        repository: text("repository"),
        folder: manifest.parent().context("no folder")?.to_owned(),
        is_ours: package["source"].is_null(),
        needs,
    })
}

fn by_id(list: &Value) -> anyhow::Result<BTreeMap<&str, &Value>> {
    let list = list.as_array().context("cargo metadata: no list")?;
    Ok(list.iter().filter_map(|each| Some((id(&each)?, each))).collect())
}

fn id<'a>(each: &&'a Value) -> Option<&'a str> {
    each["id"].as_str()
}

/// The crates that this one needs when it runs, and not just to be built or tested.
fn linked(node: &Value) -> impl Iterator<Item = &str> {
    let is_linked = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let dependencies = node["deps"].as_array().into_iter().flatten();
    dependencies.filter(is_linked).filter_map(|dependency| dependency["pkg"].as_str())
}

/// Whether a crate runs in the compiler.
fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array();
    targets.is_some_and(|targets| targets.iter().any(|target| target["kind"][0] == "proc-macro"))
}
