//! Running turns as a screen.

use std::io;
use std::sync::atomic::Ordering;

use doctor::{Style, cut};
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Modifier, Style as Paint};
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};

use super::facts::Facts;
use super::text::{cell, columns, doing, head, quota};
use super::{INTERVAL, Source};
use crate::ExitCode;
use crate::show::on_interrupt;

/// Draws until `q` or Ctrl-C. The terminal is as it was afterwards, also after a panic.
pub(super) fn run(mut source: Source<'_>, style: Style) -> io::Result<ExitCode> {
    let stopped = on_interrupt();
    let mut terminal = ratatui::try_init()?;
    let drawn = loop {
        let facts = source.read();
        if let Err(error) = terminal.draw(|frame| draw(frame, &facts, &source.zone, style.colour)) {
            break Err(error);
        }
        match key() {
            Err(error) => break Err(error),
            Ok(Some(code)) => break Ok(code),
            Ok(None) if stopped.load(Ordering::Relaxed) => break Ok(ExitCode::Stopped),
            Ok(None) => {}
        }
    };
    ratatui::try_restore()?;
    drawn
}

/// Waits for a key that ends it, for as long as nothing is to be drawn.
fn key() -> io::Result<Option<ExitCode>> {
    match event::poll(INTERVAL) {
        Ok(false) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
        polled => polled?,
    };
    let Event::Key(key) = event::read()? else { return Ok(None) };
    Ok(ending(key))
}

fn ending(key: KeyEvent) -> Option<ExitCode> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if key.kind == KeyEventKind::Release => None,
        KeyCode::Char('c') if is_control => Some(ExitCode::Stopped),
        KeyCode::Char('q') | KeyCode::Esc => Some(ExitCode::Success),
        _ => None,
    }
}

fn draw(frame: &mut Frame<'_>, facts: &Facts, zone: &TimeZone, has_colour: bool) {
    let paint = |modifier: Modifier| match has_colour {
        true => Paint::new().add_modifier(modifier),
        false => Paint::new(),
    };
    let width = usize::from(frame.area().width);
    let [first, second, middle, last] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let line = |text: &str| Line::raw(cut(text, width));
    frame.render_widget(line(&head(facts, zone)).style(paint(Modifier::BOLD)), first);
    frame.render_widget(line(&quota(&facts.windows, zone)), second);
    let columns = columns(width);
    let rows = facts.turns.iter().map(|turn| {
        let cells = columns.iter().map(|column| cell(&(column.value)(turn), column));
        Row::new(cells.chain([cut(&doing(turn), width)]).collect::<Vec<String>>())
    });
    let names = columns.iter().map(|column| cell(column.name, column));
    let names: Vec<String> = names.chain(["WAITS FOR".to_owned()]).collect();
    let widths = columns
        .iter()
        .map(|column| Constraint::Length(u16::try_from(column.width).unwrap_or(u16::MAX)));
    let table = Table::new(rows, widths.chain([Constraint::Min(0)]))
        .header(Row::new(names).style(paint(Modifier::DIM)))
        .column_spacing(2);
    frame.render_widget(table, middle);
    // What does not fit is said.
    let hidden = facts.turns.len().saturating_sub(usize::from(middle.height.saturating_sub(1)));
    let more = if hidden > 0 { format!("  {hidden} more do not fit") } else { String::new() };
    frame.render_widget(line(&format!("q ends this{more}")).style(paint(Modifier::DIM)), last);
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use otlp_model::UnixNanos;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use usage::quota::{Window, WindowState};

    use super::super::facts::Running;
    use super::*;

    fn facts() -> Facts {
        let turn = |thread: &str, prompt: &str, waits_for: &str| Running {
            thread_id: format!("01a1fb18-d745-76d3-8970-{thread}"),
            folder: "~/work/project".to_owned(),
            model: "gpt-5.5".to_owned(),
            prompt: prompt.to_owned(),
            waits_for: waits_for.to_owned(),
            time: 83_000_000_000,
            silence: 1_500_000_000,
            tokens: 12_345,
            cost: Some(0.1234),
            tools: 3,
            ..Running::default()
        };
        let hostile = "長い\u{1b}[2J prompt\nwith\u{202e} signs";
        Facts {
            now: UnixNanos::from_millis(1_795_262_400_000),
            turns: vec![
                turn("09f42d282b2f", "x", "exec_command  $ cargo test --workspace"),
                Running {
                    cost: None,
                    failed_tools: 1,
                    is_sub_agent: true,
                    ..turn("09f42d28aaaa", hostile, "model")
                },
            ],
            windows: vec![WindowState {
                limit: "codex".to_owned(),
                window: Window::Session,
                remaining_percent: 42.0,
                resets_at: Some(1_795_269_600),
                as_of: 1_795_262_400,
                used_up: None,
                plan: None,
            }],
        }
    }

    fn check(facts: &Facts, width: u16, height: u16, expected: Expect) {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, facts, &TimeZone::UTC, true)).unwrap();
        expected.assert_eq(&terminal.backend().to_string());
    }

    #[test]
    fn a_screen_fits_its_terminal_and_shows_texts_as_texts() {
        check(
            &facts(),
            80,
            7,
            expect![[r#"
            "12:00:00 UTC  2 turns running  24690 tokens  $0.1234                            "
            "quota: session 42 % left until Sat 14:00                                        "
            "THREAD       TIME   SILENT     TOKENS      COST  WAITS FOR                      "
            "2d282b2f    1m23s   1.50 s      12345   $0.1234  exec_command  $ cargo test --wo"
            "2d28aaaa    1m23s   1.50 s      12345         -  (sub-agent) model  > 長い␛[2J p" Hidden by multi-width symbols: [(71, " "), (73, " ")]
            "                                                                                "
            "q ends this                                                                     "
        "#]],
        );
        check(
            &facts(),
            36,
            5,
            expect![[r#"
            "12:00:00 UTC  2 turns running  2469…"
            "quota: session 42 % left until Sat …"
            "THREAD       TIME  WAITS FOR        "
            "2d282b2f    1m23s  exec_command  $ c"
            "q ends this  1 more do not fit      "
        "#]],
        );
        check(
            &facts(),
            140,
            5,
            expect![[r#"
            "12:00:00 UTC  2 turns running  24690 tokens  $0.1234                                                                                        "
            "quota: session 42 % left until Sat 14:00                                                                                                    "
            "THREAD       TIME   SILENT     TOKENS      COST      TOOLS  MODEL           FOLDER                    WAITS FOR                             "
            "2d282b2f    1m23s   1.50 s      12345   $0.1234          3  gpt-5.5         ~/work/project            exec_command  $ cargo test --workspace"
            "q ends this  1 more do not fit                                                                                                              "
        "#]],
        );
    }

    #[test]
    fn an_empty_screen_says_so() {
        check(
            &Facts::default(),
            60,
            4,
            expect![[r#"
            "00:00:00 UTC  0 turns running  0 tokens  -                  "
            "quota: not reported                                         "
            "THREAD       TIME     TOKENS      COST  WAITS FOR           "
            "q ends this                                                 "
        "#]],
        );
    }

    #[test]
    fn text_has_the_same_rows() {
        let style = Style { width: 80, colour: false };
        expect![[r#"
            12:00:00 UTC  2 turns running  24690 tokens  $0.1234
            quota: session 42 % left until Sat 14:00
            THREAD       TIME   SILENT     TOKENS      COST  WAITS FOR
            2d282b2f    1m23s   1.50 s      12345   $0.1234  exec_command  $ cargo test --w…
            2d28aaaa    1m23s   1.50 s      12345         -  (sub-agent) model  > 長い␛[2J …
        "#]]
        .assert_eq(&super::super::text::table(&facts(), &TimeZone::UTC, style));
    }

    #[test]
    fn q_escape_and_ctrl_c_end_it() {
        let key = |code, modifiers| ending(KeyEvent::new(code, modifiers));
        assert_eq!(key(KeyCode::Char('q'), KeyModifiers::NONE), Some(ExitCode::Success));
        assert_eq!(key(KeyCode::Esc, KeyModifiers::NONE), Some(ExitCode::Success));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(ExitCode::Stopped));
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::NONE), None);
    }
}
