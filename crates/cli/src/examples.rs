//! The examples below the help of each command.

pub(crate) const ALL: &str = "\
Examples:
  arize-codex setup               Install the tracing; asks three things
  arize-codex show --last         Print the last turn
  arize-codex doctor              Find out why a turn is missing";

pub(crate) const SETUP: &str = "\
Examples:
  arize-codex setup
  arize-codex setup --dry-run --target phoenix
  printenv PHOENIX_API_KEY |
    arize-codex setup -y --target phoenix --endpoint https://phoenix.example --api-key-stdin
  arize-codex setup -y --target phoenix --target mlflow
  arize-codex setup -y --content prompts      Leave everything else as it is

Exit codes: 0 done; 1 something failed; 2 an option is missing or wrong; 4 done, but a target refuses
turns until something is changed; 130 stopped with Ctrl-C.";

pub(crate) const UNINSTALL: &str = "\
Examples:
  arize-codex uninstall                       Ask before anything is removed
  arize-codex uninstall --dry-run             Print what would be restored
  arize-codex uninstall -y --purge            Remove the stored turns, too";

pub(crate) const DEMO: &str = "\
Examples:
  arize-codex demo
  arize-codex demo --json | jq '.[].name'";

pub(crate) const DOCTOR: &str = "\
Examples:
  arize-codex doctor
  arize-codex doctor --send                   Also send a test turn end to end
  arize-codex doctor --report                 Write a file for a bug report";

pub(crate) const FLUSH: &str = "\
Examples:
  arize-codex flush                           Send what is queued
  arize-codex flush --to local                Store turns of targets that are gone
  arize-codex flush --run --wait 60           At the end of a CI job";

pub(crate) const LOGS: &str = "\
Examples:
  arize-codex logs -f
  arize-codex logs -n 200 --buffer";

pub(crate) const STATUS: &str = "\
Examples:
  arize-codex status
  arize-codex status --json | jq .today.cost_usd";

pub(crate) const SHOW: &str = "\
Examples:
  arize-codex show                            List the last turns
  arize-codex show --failed --since 7d --cwd .
  arize-codex show --search \"cargo test\"      Those in which these words are
  arize-codex show --follow                   What running turns do, as they do it
  arize-codex show --compare 7f998397 38ee0a51
  arize-codex show --last                     Print the last one as a tree
  arize-codex show 7f998397 --json            Print the spans of one
  arize-codex show --last --html turn.html    Write a page to hand on, without secrets

Exit codes: 0 done, or the turns are the same; 1 the turns differ, or something failed; 3 there is no
such turn; 130 stopped with Ctrl-C.";

pub(crate) const TOP: &str = "\
Examples:
  arize-codex top
  arize-codex top --plain                     Lines instead of a screen
  arize-codex top --once --json | jq '.turns[].waits_for'";

pub(crate) const SERVICE: &str = "\
Examples:
  arize-codex service status
  arize-codex service stop && arize-codex service start";

pub(crate) const VERSION: &str = "\
Examples:
  arize-codex version
  arize-codex version --json | jq -r '.service.version'";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  source <(arize-codex completions bash)
  arize-codex completions fish --program arize-config | source
  arize-codex completions zsh --out ~/.zfunc";

pub(crate) const MAN: &str = "\
Examples:
  arize-codex man | man -l -
  arize-codex man --out ~/.local/share/man/man1";

pub(crate) const IMPORT: &str = "\
Examples:
  arize-codex import                          Read what is new in CODEX_HOME
  arize-codex import --dry-run                Say what would be read
  arize-codex import --no-contents            Read numbers, no prompts and outputs
  arize-codex import --machine desk ~/desk/.codex
                                              Read those of another machine
  arize-codex import --from desk.db           Take in the store of another machine
  arize-codex import --to phoenix --dry-run   Say how many old turns Phoenix lacks

Exit codes: 0 done (what could not be read is named); 1 the store cannot be written; 2 an option is
wrong; 3 there are no transcripts.";

pub(crate) const PRUNE: &str = "\
Examples:
  arize-codex prune --dry-run                 Say what the settings let be dropped
  arize-codex prune --max-age 90d             Drop contents older than three months
  arize-codex prune --max-age 2y --all        Drop numbers, too, after two years

Exit codes: 0 done; 1 the store cannot be written; 2 an option is wrong, or there is no limit; 3 there
is no store.";

pub(crate) const REPORT: &str = "\
Examples:
  arize-codex report                          The last 30 days, a row for each
  arize-codex report --last 7d --by project,model
                                              What each project spent on which model
  arize-codex report --by month --json        Twelve months, for a program
  arize-codex report --since 2026-11-01 --by session --explain
                                              How each amount comes about
  arize-codex report --by session --limit 10  The ten sessions that cost most

  arize-codex report --check || exit          Go on only within the budgets

Exit codes: 0 done; 1 the store cannot be read or written; 2 an option is wrong. With
--check: 0 within; 1 over; 64 no budget is in force that makes sense; 69 not known, or 0
with --check=allow-unknown.";

pub(crate) const ALERTS: &str = "\
Examples:
  arize-codex alerts                          The last alerts
  arize-codex alerts --test                   Try the desktop, the command, the webhook and ntfy

Exit codes: 0 done; 1 the alerts cannot be read, or a channel did not take the test; 2 an option is
wrong.";

pub(crate) const BUDGET: &str = "\
Examples:
  arize-codex config set harnesses.codex.budgets.day.usd 20
  arize-codex budget                          How far each budget is used
  arize-codex budget allow --until 2h         Work on for two hours
  arize-codex budget trust                    Trust the `.arize-codex.yaml` of this repository

Exit codes: 0 done; 1 it is not known what was spent; 2 an option is wrong; 3 there is no such file.";

pub(crate) const SELF: &str = "\
Examples:
  arize-codex self                            Within a command that Codex runs
  arize-codex self --json | jq .used.session.tokens

Exit codes: 0 also where little is known (`problems` says why); 2 an option is wrong.";

pub(crate) const VIEW: &str = "\
Examples:
  arize-codex view
  arize-codex view --receive                  With the traces of other programs on this machine
  arize-codex view --no-open --port 8800      For a browser elsewhere, through `ssh -L 8800:127.0.0.1:8800`";

pub(crate) const METRICS: &str = "\
Examples:
  arize-codex metrics --listen 127.0.0.1:9464 Serve them to a Prometheus on this machine
  arize-codex metrics --output /var/lib/node_exporter/codex.prom
                                              Write them for node_exporter, from a timer

Exit codes: 0 done; 1 the store cannot be read, or the address or file cannot be used; 2 an option is
wrong.";

pub(crate) const TAG: &str = "\
Examples:
  arize-codex tag 019b9c6e ticket-4711        Name a session
  arize-codex tag 019b9c6e --remove ticket-4711
  arize-codex report --by tag                 What each ticket cost; turns without a tag have a row, too

Exit codes: 0 done; 1 the store cannot be used; 2 an option is wrong, or several sessions begin so;
3 no session begins so.";

pub(crate) const QUOTA: &str = "\
Examples:
  arize-codex quota                           What is left, and how long it lasts
  arize-codex quota --min-remaining 10 && codex exec ...
                                              Begin only if enough is left

Exit codes: 0 enough is left; 1 less than --min-remaining; 64 an option is wrong; 69 not reported,
or the store cannot be read.";
