//! `arize-codex import --to`: turns of the time before live tracing are sent to a target.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use codex_config::{Environment, Paths, Settings, Target, TargetSettings};
use codex_import::{Found, each_turn};
use delivery::When;
use dispatch::{
    Batches, Delivery, DeliveryStatus, QueueReason, Secrets, SentHistory, price, scrub_settings,
};
use otlp_model::Turn;
use program_log::Log;
use serde_json::json;
use setup::ask::Ask;
use setup::terminal::Terminal;

use super::Import;
use super::bar::Bar;
use super::table::grouped;
use crate::CommandError;

/// The longest time that one request takes: a person waits for it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long is waited for a queue until the rest is left for later.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What became of turns.
#[derive(Default)]
struct Sent {
    sent: u64,
    /// Those that are queued, and will be sent later.
    queued: u64,
    /// Those that the target rejected.
    rejected: u64,
    /// Those that the target had already.
    known: u64,
    /// Those of folders that are not traced.
    elsewhere: u64,
}

/// Why no more is sent.
struct Stopped(String);

/// Sends the turns of transcripts that a target does not have, each as live tracing would have.
pub(super) fn send(
    args: &Import,
    to: &str,
    found: &Found,
    paths: &Paths,
    environment: &Environment,
) -> Result<String, CommandError> {
    let settings = Settings::load(paths, environment);
    let log = Log::new(settings.log_file.clone(), settings.verbose);
    let settings = scrub_settings(settings, paths, &log);
    let target = target(&settings, to)?;
    let history = SentHistory::open(paths, &target.name, &target.queue());
    let delivery = Delivery::to_targets(&settings, paths, TIMEOUT)
        .map_err(|error| CommandError::failed("nothing can be sent", error))?;
    let mut sender = Sender {
        target,
        settings: &settings,
        history,
        delivery,
        resend: args.resend,
        counts: Sent::default(),
    };
    let wanted = sender.count(found);
    if !args.dry_run && wanted > 0 {
        confirm(args.yes, wanted, target)?;
        let stopped = sender.empty_queue().err().or_else(|| {
            let secrets = Secrets::new(&settings, paths, &log);
            let prices = super::prices(paths);
            let mut bar = Bar::new("sending");
            let mut take = |mut turn: Turn| {
                if !sender.wants(&turn) {
                    return Ok(());
                }
                price(&mut turn, &prices);
                secrets.scrub_turn(&mut turn);
                sender.send(&turn)
            };
            each_turn(found, true, &mut take, &mut |progress| bar.show(progress)).err()
        });
        if let Some(Stopped(why)) = stopped {
            let done = said(&sender.counts, None, target, args.json);
            return Err(CommandError::Failed {
                what: format!(
                    "stopped: {}\n{}; the same command goes on there",
                    why,
                    done.trim_end()
                ),
                source: None,
            });
        }
    }
    Ok(said(&sender.counts, args.dry_run.then_some(wanted), target, args.json))
}

struct Sender<'a> {
    target: &'a TargetSettings,
    settings: &'a Settings,
    history: SentHistory,
    delivery: Delivery,
    resend: bool,
    counts: Sent,
}

impl Sender<'_> {
    /// How many turns are to be sent.
    fn count(&mut self, found: &Found) -> u64 {
        let (mut wanted, mut bar) = (0, Bar::new("counting"));
        let mut counts = Sent::default();
        let mut take = |turn: Turn| {
            if !self.covers(&turn) {
                counts.elsewhere += 1;
            } else if self.wants(&turn) {
                wanted += 1;
            } else {
                counts.known += 1;
            }
            Ok::<(), Stopped>(())
        };
        // What cannot be read is named by an import.
        let _ = each_turn(found, false, &mut take, &mut |progress| bar.show(progress));
        self.counts = counts;
        wanted
    }

    fn wants(&self, turn: &Turn) -> bool {
        self.covers(turn) && (self.resend || !self.history.has(turn))
    }

    fn covers(&self, turn: &Turn) -> bool {
        let folder = turn.metadata.get("cwd").and_then(|folder| folder.as_str());
        self.settings.folders.cover(folder.map(Path::new))
    }

    fn send(&mut self, turn: &Turn) -> Result<(), Stopped> {
        let others = self.settings.targets.iter().map(|target| target.name.clone());
        let others: Vec<String> = others.filter(|name| *name != self.target.name).collect();
        let batches = self.delivery.assemble(turn, &others, Batches::new());
        let outcome = self.delivery.send(turn, batches).pop();
        let status = outcome.map(|outcome| outcome.status);
        let is_queued = match status {
            Some(DeliveryStatus::Accepted | DeliveryStatus::SampledOut) => false,
            Some(DeliveryStatus::DeadLettered(_)) => {
                self.counts.rejected += 1;
                false
            }
            Some(DeliveryStatus::Queued { .. }) => true,
            Some(DeliveryStatus::Failed(why)) => return Err(Stopped(why)),
            None => return Err(Stopped("the target is not among the settings".to_owned())),
        };
        self.history.note(turn.span_id()).map_err(|error| Stopped(error.to_string()))?;
        if !is_queued {
            self.counts.sent += u64::from(!matches!(status, Some(DeliveryStatus::DeadLettered(_))));
            return Ok(());
        }
        self.counts.queued += 1;
        self.empty_queue().map_err(|Stopped(why)| match status {
            Some(DeliveryStatus::Queued { why: QueueReason::Refused(reason), .. }) => {
                Stopped(reason)
            }
            _ => Stopped(why),
        })?;
        self.counts.queued -= 1;
        self.counts.sent += 1;
        Ok(())
    }

    /// Sends what is queued. History must not push live turns out of a queue that is full.
    fn empty_queue(&self) -> Result<(), Stopped> {
        let queued = || {
            let queue = self.target.queue();
            let outboxes = self.delivery.outboxes();
            let of_target = outboxes.iter().find(|outbox| outbox.name == queue);
            of_target.map_or(0, |outbox| outbox.summary.queued)
        };
        if queued() == 0 {
            return Ok(());
        }
        self.delivery.flush(Instant::now() + PATIENCE, When::Due);
        match queued() {
            0 => Ok(()),
            queued => Err(Stopped(format!(
                "{} {} queued for {}, which `arize-codex flush` sends",
                queued,
                if queued == 1 { "turn is" } else { "turns are" },
                self.target.name
            ))),
        }
    }
}

/// The target that is meant.
fn target<'s>(settings: &'s Settings, name: &str) -> Result<&'s TargetSettings, CommandError> {
    let names: Vec<&str> = settings.targets.iter().map(|target| &*target.name).collect();
    let found = settings.targets.iter().find(|target| target.name == name);
    let found = found.ok_or_else(|| CommandError::NotFound {
        what: format!("the settings have no target `{name}`"),
        hint: format!("there is {}", names.join(", ")),
    })?;
    match &found.target {
        Ok(Target::Local | Target::Stdout) => Err(CommandError::Incomplete {
            what: format!("`{name}` is no target to send turns to"),
            hint: "`arize-codex import` alone reads them into the local store".to_owned(),
        }),
        Ok(_) => Ok(found),
        Err(error) => Err(CommandError::Failed { what: error.to_string(), source: None }),
    }
}

fn confirm(yes: bool, turns: u64, target: &TargetSettings) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(CommandError::Incomplete {
            what: format!("{} turns would be sent to {}", turns, target.place()),
            hint: "add --yes to send them".to_owned(),
        });
    }
    let question = format!("Send {} turns to {}?", grouped(turns.cast_signed()), target.place());
    let help = "contents as the settings of this target say, without secrets";
    match Terminal.confirm(&question, false, help)? {
        true => Ok(()),
        false => Err(CommandError::Stopped),
    }
}

fn said(counts: &Sent, wanted: Option<u64>, target: &TargetSettings, is_json: bool) -> String {
    let Sent { sent, queued, rejected, known, elsewhere } = *counts;
    if is_json {
        let said = json!({
            "target": target.name,
            "turns_to_send": wanted,
            "turns_sent": sent,
            "turns_queued": queued,
            "turns_rejected": rejected,
            "turns_sent_before": known,
            "turns_of_other_folders": elsewhere,
        });
        return format!("{said:#}\n");
    }
    let count = |count: u64| grouped(count.cast_signed());
    let mut text = match wanted {
        Some(wanted) => {
            format!("{} turns to send to {}; nothing was sent\n", count(wanted), target.place())
        }
        None => format!("{} turns sent to {}\n", count(sent), target.place()),
    };
    for (turns, what) in [
        (queued, "queued"),
        (rejected, "rejected by the target"),
        (known, "sent before"),
        (elsewhere, "left out: their folders are not traced"),
    ] {
        if turns > 0 {
            text.push_str(&format!("{} {what}\n", count(turns)));
        }
    }
    text
}
