//! `arize-codex quota`.

use std::fmt::Write as _;
use std::path::PathBuf;

use codex_config::Environment;
use doctor::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use usage::quota::{self, WindowState};

use crate::{CommandError, ExitCode, examples};

/// Print how much of a subscription's limits is left, as of the last response to Codex, and how long it lasts.
///
/// Works from Codex's transcripts alone. The window that ends the work first comes first.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::QUOTA)]
pub(crate) struct Quota {
    /// Exit with 1 if less than this is left of any window, in per cent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) min_remaining: Option<u8>,
    /// Do not look for what is new in the transcripts.
    #[arg(long)]
    pub(crate) no_import: bool,
    /// The store to read, instead of the one in the harness home; implies --no-import.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads what is new, and says what is left.
pub(crate) fn quota(
    args: &Quota,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    let now = Timestamp::now().as_second();
    let since = now - quota::OLDEST;
    let reads_new = !args.no_import && args.store.is_none();
    let changed = u64::try_from(since).ok().map(|seconds| seconds * 1_000_000_000);
    let path = super::store_path(args.store.as_ref(), &paths);
    let (store, _) = super::current(path, reads_new, &paths, environment, changed)?;
    let failed =
        |error| CommandError::failed(format!("cannot read `{}`", store.path().display()), error);
    let windows = quota::windows(&store.quota(since).map_err(failed)?, now);
    let least = windows.iter().map(|window| window.remaining_percent).min_by(f64::total_cmp);
    let code = match (least, args.min_remaining) {
        (None, _) => ExitCode::NotReported,
        (Some(least), Some(wanted)) if least < f64::from(wanted) => ExitCode::Failure,
        (Some(_), _) => ExitCode::Success,
    };
    let text = if args.json { windows_json(&windows) } else { text(&windows, now, style) };
    Ok((text, code))
}

fn text(windows: &[WindowState], now: i64, style: Style) -> String {
    if windows.is_empty() {
        return "limits: not reported (Codex notes them where a ChatGPT subscription pays)\n"
            .to_owned();
    }
    let zone = TimeZone::system();
    let local = |second: i64| {
        let time = Timestamp::from_second(second).unwrap_or_default().to_zoned(zone.clone());
        time.strftime("%Y-%m-%d %H:%M %Z").to_string()
    };
    let mut text = String::new();
    for window in windows {
        let left = format!("{:>5.1} % left", window.remaining_percent);
        let left = match window.remaining_percent {
            left_over if left_over < 10.0 => style.red(&left),
            left_over if left_over < 25.0 => style.yellow(&left),
            _ => left,
        };
        let _ = write!(text, "{} {:8} {left}", window.limit, window.window.name());
        if let Some(resets_at) = window.resets_at {
            let _ = write!(text, ", begins anew {}", local(resets_at));
        }
        match window.used_up {
            Some((at, _)) if at <= now => text += ", used up",
            Some((earliest, latest)) if latest - earliest < 600 => {
                let _ = write!(text, ", used up about {}", local(earliest));
            }
            Some((earliest, latest)) => {
                let _ = write!(text, ", used up {} to {}", local(earliest), local(latest));
            }
            None => {}
        }
        let _ = writeln!(text, " (as of {})", local(window.as_of));
    }
    text
}

fn windows_json(windows: &[WindowState]) -> String {
    let time = |second: i64| Timestamp::from_second(second).unwrap_or_default().to_string();
    let windows: Vec<_> = windows
        .iter()
        .enumerate()
        .map(|(place, window)| {
            json!({
                "is_binding": place == 0,
                "limit": window.limit,
                "window": window.window.name(),
                "remaining_percent": window.remaining_percent,
                "resets_at": window.resets_at.map(time),
                "used_up_earliest": window.used_up.map(|(earliest, _)| time(earliest)),
                "used_up_latest": window.used_up.map(|(_, latest)| time(latest)),
                "as_of": time(window.as_of),
                "plan": window.plan,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "windows": windows }))
}
