//! Findings for a person at a terminal.

use anstyle::{AnsiColor, Effects, Style as Ansi};
use textwrap::{Options, WordSplitter};

use crate::words::count;
use crate::{Level, Report};

/// How a text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether there are colours.
    pub colour: bool,
}

impl Style {
    /// The style of a text that may go to a terminal: as wide as that is, within what reads well, and
    /// in colours unless the environment forbids them.
    pub fn of(is_terminal: bool, environment: &codex_config::Environment) -> Self {
        let width = columns(is_terminal).min(100);
        let plain =
            environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
        Self { width, colour: is_terminal && !plain }
    }

    /// A text in this colour, where there are colours.
    fn paint(self, ansi: Ansi, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("{ansi}{text}{ansi:#}")
        } else {
            text.to_owned()
        }
    }

    /// A failure.
    pub fn red(self, text: &str) -> String {
        self.colour(AnsiColor::Red, text)
    }

    /// What may be a failure.
    pub fn yellow(self, text: &str) -> String {
        self.colour(AnsiColor::Yellow, text)
    }

    fn colour(self, colour: AnsiColor, text: &str) -> String {
        self.paint(Ansi::new().fg_color(Some(colour.into())), text)
    }

    /// A text that matters less.
    pub fn dim(self, text: &str) -> String {
        self.paint(Ansi::new().effects(Effects::DIMMED), text)
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.paint(Ansi::new().effects(Effects::BOLD), text)
    }
}

/// How wide a text may be: as its terminal, or 80 columns where it goes elsewhere.
pub fn columns(is_terminal: bool) -> usize {
    if is_terminal { textwrap::termwidth().max(40) } else { 80 }
}

/// A line or more for each finding, and how many there are of each kind.
pub fn findings(report: &Report, style: Style) -> String {
    let longest = report.findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let margin = " ".repeat(longest + 8);
    let mut text = String::new();
    for finding in &report.findings {
        let (word, colour) = match finding.level {
            Level::Ok => ("ok", AnsiColor::Green),
            Level::Warning => ("warn", AnsiColor::Yellow),
            Level::Failure => ("FAIL", AnsiColor::Red),
        };
        let message = terminal_text::line(&finding.message);
        let word = style.colour(colour, &format!("{word:4}"));
        let options = Options::new(style.width.saturating_sub(margin.len()))
            // Paths and versions stay whole.
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        let lines = textwrap::wrap(&message, options);
        let message = lines.join(&format!("\n{margin}"));
        text.push_str(&format!("{word}  {:longest$}  {message}\n", finding.check));
        if let Some(command) = &finding.command {
            // Never broken: it is there to be copied.
            text.push_str(&format!(
                "{margin}{} {}\n",
                style.dim("run:"),
                style.bold(&terminal_text::line(command))
            ));
        }
    }
    text.push_str(&format!("\n{}\n", totals(report)));
    text
}

fn totals(report: &Report) -> String {
    format!(
        "{}, {}, {} ok",
        count(report.count(Level::Failure), "failure", "failures"),
        count(report.count(Level::Warning), "warning", "warnings"),
        report.count(Level::Ok),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::Finding;

    fn report() -> Report {
        let long = "nothing listens on 127.0.0.1:4318, so that Codex's log events are lost and turns come from their transcripts alone";
        Report::new(vec![
            Finding::ok("codex", "`codex` is `/usr/bin/codex`, version 0.169.0"),
            Finding::failure("service.up", long, "arize-codex-buffer start"),
            Finding::warning("log", "2 errors since yesterday", "arize-codex logs -n 50"),
        ])
    }

    #[test]
    fn lines_fit_and_commands_stay_whole() {
        let text = findings(&report(), Style { width: 60, colour: false });
        expect![[r#"
            ok    codex       `codex` is `/usr/bin/codex`, version
                              0.169.0
            FAIL  service.up  nothing listens on 127.0.0.1:4318, so that
                              Codex's log events are lost and turns come
                              from their transcripts alone
                              run: arize-codex-buffer start
            warn  log         2 errors since yesterday
                              run: arize-codex logs -n 50

            1 failure, 1 warning, 1 ok
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn colours_change_nothing_else() {
        let plain = findings(&report(), Style { width: 60, colour: false });
        let coloured = findings(&report(), Style { width: 60, colour: true });
        assert_eq!(anstyle_stripped(&coloured), plain);
        assert!(coloured.contains("\u{1b}[31mFAIL\u{1b}[0m"), "{coloured:?}");
    }

    #[test]
    fn json_names_levels_and_leaves_no_field_out() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["level"], "failure");
        assert_eq!(json["findings"][0]["command"], serde_json::Value::Null);
        assert_eq!(json["findings"][2]["level"], "warning");
    }

    fn anstyle_stripped(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
    }
}
