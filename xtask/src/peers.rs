//! Other programs that count what Codex used, where they are installed below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde_json::{Value as Json, json};

use crate::workspace::target_dir;

/// A program that counts tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Ccusage,
    Agentsview,
    Tokscale,
}

impl Peer {
    pub(crate) const ALL: [Self; 3] = [Self::Ccusage, Self::Agentsview, Self::Tokscale];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ccusage => "ccusage 20.0.24",
            Self::Agentsview => "agentsview 0.46.1",
            Self::Tokscale => "tokscale 1.4.3",
        }
    }

    /// How it is installed.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Ccusage => {
                "npm install --prefix target/tools/ccusage-20.0.24 @ccusage/ccusage-linux-x64@20.0.24"
            }
            Self::Agentsview => {
                "python3 -m venv target/tools/agentsview-0.46.1 && \
                 target/tools/agentsview-0.46.1/bin/pip install agentsview==0.46.1"
            }
            Self::Tokscale => "npm install --prefix target/tools/tokscale-1.4.3 tokscale@1.4.3 bun",
        }
    }

    /// The program; none where it is not installed.
    pub(crate) fn program(self) -> anyhow::Result<Option<PathBuf>> {
        let tools = target_dir()?.join("tools");
        let program = tools.join(match self {
            Self::Ccusage => "ccusage-20.0.24/node_modules/@ccusage/ccusage-linux-x64/bin/ccusage",
            Self::Agentsview => "agentsview-0.46.1/bin/agentsview",
            Self::Tokscale => "tokscale-1.4.3/node_modules/.bin/tokscale",
        });
        Ok(Some(program).filter(|program| program.exists()))
    }

    /// What takes the time: reads what is new, where that is a step of its own, else counts.
    pub(crate) fn read(self, program: &Path, home: &Path) -> anyhow::Result<Command> {
        let mut command = self.count(program, home)?;
        if self == Self::Agentsview {
            let count = command;
            command = Command::new(program);
            command
                .env_clear()
                .envs(count.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.arg("sync");
        }
        Ok(command)
    }

    /// Counts the tokens of the Codex below a user's home, offline; prints JSON.
    pub(crate) fn count(self, program: &Path, home: &Path) -> anyhow::Result<Command> {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home).env("CODEX_HOME", home.join(".codex"));
        command.env("TZ", "UTC");
        match self {
            Self::Ccusage => {
                command.args(["codex", "monthly", "--offline", "--json", "--timezone", "UTC"]);
            }
            Self::Agentsview => {
                command
                    .env("AGENTSVIEW_NO_DAEMON", "1")
                    .env("AGENTSVIEW_DATA_DIR", home.join("agentsview"));
                command.args(["usage", "daily", "--all", "--offline", "--json"]);
            }
            Self::Tokscale => {
                let bin = program.parent().unwrap_or(program);
                command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
                command.args(["models", "--codex", "--json"]);
                no_prices(home)?;
            }
        }
        Ok(command)
    }

    /// All tokens in what `count` prints, input and output.
    pub(crate) fn tokens(self, output: &[u8]) -> anyhow::Result<u64> {
        let json: Json = match output.trim_ascii() {
            // Where it finds nothing, it may say so in words.
            text if !text.starts_with(b"{") => return Ok(0),
            text => serde_json::from_slice(text)?,
        };
        let sum = |of: &Json, names: &[&str]| {
            names.iter().map(|name| of[*name].as_u64().unwrap_or(0)).sum()
        };
        let totals = &json["totals"];
        Ok(match self {
            Self::Ccusage => totals["totalTokens"].as_u64().unwrap_or(0),
            Self::Agentsview => sum(
                totals,
                &["inputTokens", "cacheReadTokens", "cacheCreationTokens", "outputTokens"],
            ),
            Self::Tokscale => {
                sum(&json, &["totalInput", "totalCacheRead", "totalCacheWrite", "totalOutput"])
            }
        })
    }

    /// Counts, and gives all tokens.
    pub(crate) fn total(self, program: &Path, home: &Path) -> anyhow::Result<u64> {
        if self == Self::Agentsview {
            self.read(program, home)?.output()?;
        }
        let output = self.count(program, home)?.output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} ends with {}: {error}", self.name(), output.status);
        self.tokens(&output.stdout).with_context(|| self.name())
    }
}

/// Tokscale has its prices from the net, unless it fetched some just now.
fn no_prices(home: &Path) -> anyhow::Result<()> {
    let folder = home.join(".cache/tokscale");
    fs::create_dir_all(&folder)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for name in ["pricing-litellm.json", "pricing-openrouter.json"] {
        fs::write(folder.join(name), json!({ "timestamp": now, "data": {} }).to_string())?;
    }
    Ok(())
}
