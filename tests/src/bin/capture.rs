//! Records scenarios with a Codex binary; `cargo xtask capture` installs one and runs this.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use stories::recording::{record, scenario};

#[expect(clippy::print_stderr, reason = "this is the binary's one place for messages")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Records each scenario with the Codex at the first argument, below the folder at the second.
fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [codex, folder, names @ ..] = arguments else {
        bail!("usage: capture CODEX FOLDER SCENARIO...");
    };
    for name in names {
        let scenario = scenario::named(name)?;
        let folder = Path::new(folder).join(name);
        record(Path::new(codex), &scenario, &folder)
            .with_context(|| folder.display().to_string())?;
    }
    Ok(())
}
