//! What the proxy adds to a run of Codex, for which a program stands that ends at once.

use std::fs::{self, File};
use std::path::Path;

use super::measure::{self, Cost};
use super::scene::{self, Scene};

/// What was measured.
pub(crate) struct Proxy {
    /// The program alone.
    pub(crate) alone: Cost,
    /// The proxy that becomes the program.
    pub(crate) proxied: Cost,
}

/// Measures a proxy whose buffer service runs, as it does from the second run on.
pub(crate) fn measure(scene: &Scene) -> anyhow::Result<Proxy> {
    let folder = scene.home().join("codex");
    fs::create_dir_all(&folder)?;
    let codex = folder.join("codex");
    fs::copy("/bin/true", &codex)?;
    // As large as the smallest Codex (0.44, for macOS): the proxy is not to read it.
    File::options().write(true).open(&codex)?.set_len(25_000_000)?;
    let run = |program: &Path, argument: &str| {
        measure::cost(|_| {
            let mut command = scene::command(program, scene.home());
            command.env("PATH", &folder).env("ARIZE_CODEX_BUFFER_PORT", scene.port().to_string());
            command.arg(argument);
            Ok(command)
        })
    };
    let proxy = scene.program("arize-codex-proxy");
    Ok(Proxy { alone: run(&codex, "exec")?, proxied: run(&proxy, "exec")? })
}
