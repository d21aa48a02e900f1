//! `arize-codex alerts`: the last alerts, and a test of the channels.

use std::fmt::Write as _;

use codex_config::{Environment, Settings};
use doctor::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notices::Notice;
use serde_json::{Value, json};

use crate::{CommandError, ExitCode, examples};

/// Print the last alerts and notices of budgets, the newest first, or try the channels.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::ALERTS)]
pub(crate) struct Alerts {
    /// Send a test notice through each channel of the settings, and say which took it.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) test: bool,
    /// How many to print.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: u16,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs the command.
pub(crate) fn alerts(
    args: &Alerts,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    if args.test {
        return Ok(test(&Settings::load(&paths, environment), args.json, style));
    }
    let last = dispatch::shown(&paths).last();
    let last = last.map_err(|error| CommandError::failed("cannot read the alerts", error))?;
    let last = last.into_iter().take(args.limit.into());
    if args.json {
        let alerts = last.map(|alert| {
            json!({
                "at": time(alert.at).to_string(),
                "kind": alert.kind.word(),
                "text": alert.text,
                "session": alert.session,
                "trace_id": alert.trace_id,
            })
        });
        return Ok((format!("{:#}\n", Value::from_iter(alerts)), ExitCode::Success));
    }
    let mut text = String::new();
    for alert in last {
        let at = time(alert.at).to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M");
        let trace = match alert.trace_id.get(..8) {
            Some(trace) => format!("  (`arize-codex show {trace}`)"),
            None => String::new(),
        };
        let _ = writeln!(text, "{at}  {}{trace}", terminal_text::line(&alert.text));
    }
    if text.is_empty() {
        text += "no alert was given yet\n";
    }
    Ok((text, ExitCode::Success))
}

/// Sends a notice through each channel, and waits for all of them.
fn test(settings: &Settings, is_json: bool, style: Style) -> (String, ExitCode) {
    let text = "a test of arize-codex: this channel works".to_owned();
    let json = json!({ "kind": "test", "text": text });
    let sending = dispatch::channels(settings).send(&Notice { text, json });
    let results: Vec<_> = sending.into_iter().map(notices::Sending::wait).collect();
    let code = match results.iter().all(|(_, result)| result.is_ok()) {
        true => ExitCode::Success,
        false => ExitCode::Failure,
    };
    let reason = |error: &notices::SendError| program_log::chain(error).to_string();
    if is_json {
        let results = results.iter().map(|(channel, result)| {
            json!({ "channel": channel, "error": result.as_ref().err().map(reason) })
        });
        return (format!("{:#}\n", Value::from_iter(results)), code);
    }
    let mut text = String::new();
    for (channel, result) in &results {
        let _ = match result {
            Ok(()) => writeln!(text, "{channel}: taken"),
            Err(error) => writeln!(text, "{channel}: {} {}", style.red("failed:"), reason(error)),
        };
    }
    if results.is_empty() {
        text += "no channel is set beside the log and the view \
                 (`arize-codex config set harnesses.codex.notices.desktop true` sets one)\n";
    }
    (text, code)
}

fn time(millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).ok();
    millis.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default()
}
