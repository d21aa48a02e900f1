//! Codex as people use it: in a terminal, turn after turn.

use std::time::Duration;

use anyhow::Context;

use crate::codex::Codex;
use crate::terminal::{Key, PATIENCE, Terminal};
use crate::wait;

/// A session of the interactive Codex.
pub struct Tui {
    terminal: Terminal,
}

impl Tui {
    /// Starts a session and waits until it takes a prompt. `arguments` are Codex's own.
    pub fn start(codex: &Codex<'_>, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = codex.command();
        command.args(arguments);
        let terminal = Terminal::start(&command)?;
        terminal.wait("codex to take a prompt", |screen| screen.contains(COMPOSER))?;
        Ok(Self { terminal })
    }

    /// Starts a session in which Codex asks whether to trust its hooks, and trusts them all, as a
    /// person would.
    pub fn start_and_trust_hooks(codex: &Codex<'_>, arguments: &[&str]) -> anyhow::Result<Self> {
        const QUESTION: &str = "Hooks need review";
        let mut command = codex.command();
        command.args(arguments);
        let terminal = Terminal::start(&command)?;
        terminal.shows(QUESTION)?;
        // What is typed the moment that the question appears is lost.
        let chosen = wait::until("the answer to be chosen", PATIENCE, || {
            terminal.press(Key::Character('2')).ok()?;
            let chosen = |screen: &str| screen.contains("› 2. Trust all");
            wait::until("the choice", Duration::from_secs(1), || {
                chosen(&terminal.screen()).then_some(())
            })
            .ok()
        });
        chosen.with_context(|| format!("the screen:\n{}", terminal.screen()))?;
        terminal.press(Key::Enter)?;
        terminal.wait("codex to take a prompt", |screen| {
            screen.contains(COMPOSER) && !screen.contains(QUESTION)
        })?;
        Ok(Self { terminal })
    }

    /// Enters a prompt or a command.
    pub fn enter(&self, prompt: &str) -> anyhow::Result<()> {
        self.terminal.paste(prompt)?;
        let line = format!("{COMPOSER} {prompt}");
        self.terminal.wait("the prompt on the screen", |screen| {
            screen.lines().rev().take(COMPOSER_LINES).any(|row| row.trim_end() == line)
        })?;
        self.terminal.press(Key::Enter)
    }

    /// Enters a command for Codex to run for the user.
    pub fn run(&self, command: &str) -> anyhow::Result<()> {
        self.terminal.paste(&format!("!{command}"))?;
        self.terminal.wait("the command on the screen", |screen| {
            screen.lines().rev().take(COMPOSER_LINES).any(|row| row.contains(command))
        })?;
        self.terminal.press(Key::Enter)
    }

    /// Returns the terminal, to look at it and to type.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Leaves the session and waits until Codex has ended.
    pub fn quit(mut self) -> anyhow::Result<()> {
        self.enter("/quit")?;
        self.terminal.ended()
    }
}

/// What Codex writes before the prompt.
const COMPOSER: &str = "›";

/// The composer is at the bottom of the screen.
const COMPOSER_LINES: usize = 8;
