//! The packages of npm: one for each platform, and one that depends on all of them and starts the
//! programs of the one that npm installed.

use std::path::Path;

use flate2::Compression;
use serde_json::{Map, Value, json};

use super::platform::PLATFORMS;
use super::tree::File;
use super::{Release, archive, packaging, programs};
use crate::workspace;

/// The name of the package that people install.
const NAME: &str = "arize-codex";

/// Writes the package of a platform.
pub(super) fn pack_platform(release: &Release, out: &Path) -> anyhow::Result<()> {
    let Release { version, platform, tree, time, compression } = release;
    let name = platform.npm();
    let (system, machine) = platform.node;
    let mut manifest = json!({
        "name": name,
        "version": version,
        "description": format!("The programs of {NAME} for {system} {machine}"),
        "license": "Apache-2.0",
        "os": [system],
        "cpu": [machine],
        "files": ["bin", "share"],
        // No yarn may leave them packed.
        "preferUnplugged": true,
    });
    if platform.is_linux() {
        manifest["libc"] = json!(["glibc"]);
    }
    let mut files = vec![manifest_file(&manifest)?];
    files.extend(tree.files().filter(|file| file.path != "README.md").cloned());
    pack(&name, version, &files, *time, *compression, out)
}

/// Writes the package that people install.
pub(super) fn pack_launcher(version: &str, out: &Path) -> anyhow::Result<()> {
    let launchers = workspace::programs()?;
    let bin: Map<String, Value> = launchers
        .iter()
        .map(|program| (program.clone(), json!(format!("bin/{program}.js"))))
        .collect();
    let platforms: Map<String, Value> =
        PLATFORMS.iter().map(|platform| (platform.npm(), json!(version))).collect();
    let manifest = json!({
        "name": NAME,
        "version": version,
        "description": "Tracing for OpenAI's Codex CLI",
        "license": "Apache-2.0",
        "bin": bin,
        "engines": { "node": ">=16" },
        "files": ["bin", "launch.js"],
        "optionalDependencies": platforms,
    });
    let mut files = vec![
        manifest_file(&manifest)?,
        File::new("README.md", packaging("npm/README.md")?),
        File::new("launch.js", packaging("npm/launch.js")?),
    ];
    for program in launchers {
        let text = format!("#!/usr/bin/env node\nrequire('../launch.js')('{program}');\n");
        let file = File::new(format!("bin/{program}.js"), text);
        files.push(File { is_program: true, ..file });
    }
    pack(NAME, version, &files, programs::time()?, Compression::best(), out)
}

fn manifest_file(manifest: &Value) -> anyhow::Result<File> {
    Ok(File::new("package.json", serde_json::to_string_pretty(manifest)? + "\n"))
}

/// Writes what `npm pack` would write.
fn pack(
    name: &str,
    version: &str,
    files: &[File],
    time: u64,
    compression: Compression,
    out: &Path,
) -> anyhow::Result<()> {
    let files: Vec<File> =
        files.iter().map(|file| file.at(format!("package/{}", file.path))).collect();
    let bytes = archive::gzip(&archive::tar(&files, time)?, compression)?;
    archive::write(&out.join(format!("{name}-{version}.tgz")), &bytes)
}
