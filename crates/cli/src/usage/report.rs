//! `arize-codex report`.

use std::cell::LazyCell;
use std::fs;
use std::path::PathBuf;

use codex_config::{Environment, Paths};
use doctor::Style;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use pricing::{PriceTable, UnixSeconds};
use trace_store::usage::Pass;
use usage::report::{By, Days, Filter, Prices, RangeRequest, Unit, csv, json, parquet};

use super::explain;
use super::table::{self, Layout, Money};
use crate::{CommandError, examples};

/// What a check makes of what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Check {
    /// It may be over.
    Strict,
    /// It is within.
    AllowUnknown,
}

/// Print the tokens and the cost of Codex: by day, model, project, repository, session and more.
///
/// First reads what is new in Codex's transcripts (`arize-codex import`). Amounts are the API's list
/// prices, also where a subscription pays. Without a range it is the last 30 days, 12 weeks or 12 months.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::REPORT)]
pub(crate) struct Report {
    /// Check the budgets of the day, month, project and repository, and print nothing else. What is not
    /// known, such as calls without a price, ends with 69; with `--check=allow-unknown` as if it were
    /// nothing.
    #[arg(
        long,
        exclusive = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "strict",
        value_name = "HOW"
    )]
    pub(crate) check: Option<Check>,
    /// What there is a row for; several, separated by commas, for each combination.
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "day", value_parser = crate::args::one_of(By::ALL, By::name))]
    pub(crate) by: Vec<By>,
    /// The first day, such as 2026-11-01 or 20261101.
    #[arg(short, long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    /// The last day.
    #[arg(short, long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// So many days, weeks or months up to today, such as 7d, 4w or 12m.
    #[arg(long, value_name = "RANGE", conflicts_with = "since")]
    pub(crate) last: Option<String>,
    /// All days.
    #[arg(long, conflicts_with_all = ["since", "until", "last"])]
    pub(crate) all: bool,
    /// The time zone in which days begin, such as Europe/Berlin [default: the system's].
    #[arg(short = 'z', long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// The day on which weeks begin.
    #[arg(long, value_name = "DAY", default_value = "monday", value_parser = ["monday", "sunday", "saturday"])]
    pub(crate) start_of_week: String,
    /// The order of days, weeks and months.
    #[arg(long, value_name = "ORDER", default_value = "asc", value_parser = ["asc", "desc"])]
    pub(crate) order: String,
    /// Only this project.
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Only this repository, such as github.com/owner/name.
    #[arg(long, value_name = "NAME")]
    pub(crate) repository: Option<String>,
    /// Only this branch.
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// Only this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<String>,
    /// Only this session, or this one of its threads.
    #[arg(long, value_name = "ID", visible_alias = "id")]
    pub(crate) session: Option<String>,
    /// Only this user.
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// Only turns with this tag.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Only this model.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Also print the models of each row.
    #[arg(short, long)]
    pub(crate) breakdown: bool,
    /// Also print how each amount comes about: calls, tokens by kind, tier, price table, and what is left
    /// out and why; of one row alone, such as --explain=2026-11-30.
    #[arg(long, value_name = "ROW", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) explain: Option<String>,
    /// Print only the cost, in US dollars or in credits of a plan, or only the tokens.
    #[arg(long = "as", value_name = "WHAT", value_parser = ["usd", "credits", "tokens"])]
    pub(crate) unit: Option<String>,
    /// Print no cost.
    #[arg(long, hide = true, conflicts_with = "unit")]
    pub(crate) no_cost: bool,
    /// At which prices: those of the day of the import; today's table with prices.json; or the API's list prices.
    #[arg(long, value_name = "WHICH", default_value = "recorded", value_parser = ["recorded", "current", "list"])]
    pub(crate) prices: String,
    /// Also print what it is at the API's list prices, beside one's own.
    #[arg(long)]
    pub(crate) beside_list: bool,
    /// Print fewer columns.
    #[arg(long)]
    pub(crate) compact: bool,
    /// Print only the first rows, and how many there are beside them.
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
    /// For those who are used to it: prices are never fetched.
    #[arg(short = 'O', long, hide = true)]
    pub(crate) offline: bool,
    /// Print JSON.
    #[arg(short, long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Print CSV.
    #[arg(long)]
    pub(crate) csv: bool,
    /// Also write the rows to a Parquet file.
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,
    /// Report all machines that the Prometheus at this address scrapes (`arize-codex metrics`), by user,
    /// machine, project, repository, model or tier; a token is read from ARIZE_TEAM_TOKEN.
    #[arg(long, value_name = "URL", conflicts_with_all = ["until", "explain", "branch", "folder", "session", "tag", "beside_list", "store"])]
    pub(crate) team: Option<String>,
    /// Only series with this label, such as team=web; may be repeated.
    #[arg(long = "match", value_name = "LABEL=VALUE", requires = "team")]
    pub(crate) matchers: Vec<String>,
    /// Do not look for what is new in the transcripts.
    #[arg(long)]
    pub(crate) no_import: bool,
    /// The store to read, instead of the one in the harness home; implies --no-import.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}

/// In what form the result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Text,
}

impl Report {
    /// In what form the result is.
    pub(crate) fn format(&self) -> Format {
        match (self.json, self.csv) {
            (true, _) => Format::Json,
            (false, true) => Format::Csv,
            (false, false) => Format::Text,
        }
    }
}

/// Reads what is new, and reports what the store holds.
pub(crate) fn report(
    args: &Report,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    let days = days(args)?;
    if let Some(address) = &args.team {
        return of_team(args, address, days, &paths, environment, style);
    }
    let path = super::store_path(args.store.as_ref(), &paths);
    let reads_new = !args.no_import && args.store.is_none();
    // What was written to before has no calls of these days.
    let (store, summary) = super::current(path, reads_new, &paths, environment, days.begin_ns())?;
    let failed =
        |error| CommandError::failed(format!("cannot read `{}`", store.path().display()), error);
    let current = LazyCell::new(|| super::prices(&paths));
    let of = |prices| {
        let filter = filter(args);
        usage::report::Report::of(&store, args.by.clone(), days.clone(), &filter, prices)
            .map_err(failed)
    };
    let list = Prices::Of(PriceTable::builtin());
    let mut report = of(match &*args.prices {
        "current" => Prices::Of(&current),
        "list" => list,
        _ => Prices::Recorded,
    })?;
    let beside = args.beside_list.then(|| of(list)).transpose()?;
    if args.order == "desc" && matches!(args.by[..], [By::Period(_)]) {
        report.rows.reverse();
    }
    let money = money(args, &current)?;
    if let Some(row) = args.explain.as_deref().filter(|row| !row.is_empty()) {
        keep_row(&mut report, row)?;
    }
    if let Some(file) = &args.parquet {
        let failed = || format!("cannot write `{}`", file.display());
        let table = parquet(&report, beside.as_ref(), credits(money))
            .map_err(|error| CommandError::failed(failed(), error))?;
        fs::write(file, table).map_err(|error| CommandError::failed(failed(), error))?;
    }
    Ok(match args.format() {
        Format::Json => format!("{:#}\n", json(&report, beside.as_ref(), credits(money))),
        Format::Csv => csv(&report, beside.as_ref(), credits(money)),
        Format::Text => {
            // Who names a branch or a model does nothing to a terminal.
            let line: &dyn Fn(&str) -> String = &terminal_text::line;
            let (report, beside) =
                (report.with_names(line), beside.map(|beside| beside.with_names(line)));
            let layout = layout(args, money, beside.as_ref());
            let mut text = table::text(&report, layout, &paths.home, style);
            if args.explain.is_some() {
                let now = UnixSeconds(Timestamp::now().as_second());
                let rows = report.rows.iter().take(layout.limit);
                text += &explain::derivations(rows, &current, now, style);
                text += &explain::left_out(
                    &store.sources(Pass::Numbers).map_err(failed)?,
                    &report,
                    style,
                );
            }
            if let Some(summary) = summary {
                text += &table::missing(&summary, style);
            }
            text
        }
    })
}

fn layout<'r>(args: &Report, money: Money, list: Option<&'r usage::report::Report>) -> Layout<'r> {
    Layout {
        has_models: args.breakdown,
        explains: args.explain.is_some(),
        is_wide: !args.compact,
        has_tokens: !matches!(args.unit.as_deref(), Some("usd" | "credits")),
        money,
        list,
        limit: args.limit.unwrap_or(usize::MAX),
    }
}

/// The same rows and columns from what was scraped of many machines.
fn of_team(
    args: &Report,
    address: &str,
    days: Days,
    paths: &Paths,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let by: Vec<By> = match &args.by[..] {
        // Each machine knows its days; what was scraped has no zone.
        [By::Period(_)] => vec![By::User],
        by => by.to_vec(),
    };
    let own = [
        ("project", &args.project),
        ("repository", &args.repository),
        ("user", &args.user),
        ("model", &args.model),
    ];
    let own = own.iter().filter_map(|(label, value)| Some(format!("{label}={}", value.as_ref()?)));
    let matchers: Vec<String> = own.chain(args.matchers.iter().cloned()).collect();
    let report = super::team::report(address, &matchers, &by, days, environment)?;
    let current = LazyCell::new(|| super::prices(paths));
    let money = money(args, &current)?;
    Ok(match args.format() {
        Format::Json => format!("{:#}\n", json(&report, None, credits(money))),
        Format::Csv => csv(&report, None, credits(money)),
        Format::Text => {
            let report = report.with_names(&terminal_text::line);
            table::text(&report, layout(args, money, None), &paths.home, style)
        }
    })
}

/// What amounts are in. Nothing is guessed: how many credits a dollar is, only the user can say.
fn money(
    args: &Report,
    prices: &LazyCell<PriceTable, impl FnOnce() -> PriceTable>,
) -> Result<Money, CommandError> {
    match args.unit.as_deref() {
        Some("tokens") => Ok(Money::None),
        Some("credits") => {
            prices.credits_per_usd().map(Money::Credits).ok_or_else(|| CommandError::Incomplete {
                what: "how many credits a US dollar is, is not known".to_owned(),
                hint: "write what your plan says into prices.json, such as \
                       `{\"version\": \"my plan\", \"credits_per_usd\": 25}`"
                    .to_owned(),
            })
        }
        _ if args.no_cost => Ok(Money::None),
        _ => Ok(Money::Usd),
    }
}

fn credits(money: Money) -> Option<f64> {
    match money {
        Money::Credits(per_usd) => Some(per_usd),
        Money::Usd | Money::None => None,
    }
}

/// Leaves one row, with the names of what the report has rows for and commas between them.
fn keep_row(report: &mut usage::report::Report, row: &str) -> Result<(), CommandError> {
    let is_wanted = |key: &[String]| {
        let named: Vec<&str> =
            key.iter().map(|key| if key.is_empty() { "-" } else { key }).collect();
        key.join(",") == row || named.join(",") == row
    };
    report.rows.retain(|found| is_wanted(&found.key));
    let Some(found) = report.rows.first() else {
        return Err(CommandError::NotFound {
            what: format!("the report has no row `{row}`"),
            hint: "name one as it stands there; `--explain` alone explains all rows".to_owned(),
        });
    };
    report.total = found.group.clone();
    Ok(())
}

fn days(args: &Report) -> Result<Days, CommandError> {
    let zone = match &args.timezone {
        None => TimeZone::system(),
        Some(name) => TimeZone::get(name).map_err(|_| CommandError::Incomplete {
            what: format!("`{name}` is not a time zone that this system knows"),
            hint: "names are such as UTC or Europe/Berlin".to_owned(),
        })?,
    };
    let week_begins = match &*args.start_of_week {
        "sunday" => Weekday::Sunday,
        "saturday" => Weekday::Saturday,
        _ => Weekday::Monday,
    };
    let request = RangeRequest {
        since: args.since.clone(),
        until: args.until.clone(),
        last: args.last.clone(),
        all: args.all,
    };
    let unit = args.by.iter().find_map(|by| match by {
        By::Period(unit) => Some(*unit),
        _ => None,
    });
    let unit = unit.unwrap_or(Unit::Day);
    Days::new(&request, unit, zone, week_begins, Timestamp::now()).map_err(|error| {
        CommandError::Incomplete {
            what: error.to_string(),
            hint: "`arize-codex report --last 7d` reports the last seven days".to_owned(),
        }
    })
}

fn filter(args: &Report) -> Filter {
    Filter {
        project: args.project.clone(),
        repository: args.repository.clone(),
        branch: args.branch.clone(),
        folder: args.folder.clone(),
        user: args.user.clone(),
        tag: args.tag.clone(),
        model: args.model.clone(),
        session: args.session.clone(),
    }
}
