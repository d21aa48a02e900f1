//! `cargo xtask test`: everything that must hold before a change is published.

use anyhow::ensure;

use crate::e2e;
use crate::run::{self, Stages};
use crate::windows;
use crate::workspace::cargo;

/// Runs all stages.
pub(crate) fn full() -> anyhow::Result<()> {
    let mut stages = Stages::default();
    offline(&mut stages)?;
    stages.run("windows", windows::run)?;
    stages.run("e2e", || e2e::run(e2e::CODEX_VERSION, &[]))
}

/// Runs all stages but those that start foreign programs: the end-to-end stories, which install them,
/// and what Wine runs.
pub(crate) fn quick() -> anyhow::Result<()> {
    // What is not tested in continuous integration is not tested.
    ensure!(std::env::var_os("CI").is_none(), "`--quick` skips the stories, and `CI` is set");
    offline(&mut Stages::default())
}

fn offline(stages: &mut Stages) -> anyhow::Result<()> {
    let commands: [(&str, &[&str]); 3] = [
        ("format", &["fmt", "--all", "--check"]),
        (
            "lint",
            &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        ),
        ("test", &["test"]),
    ];
    for (name, arguments) in commands {
        stages.run(name, || run::succeed(&mut cargo(arguments)?))?;
    }
    Ok(())
}
