//! `arize-codex view`.

mod facts;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use codex_config::Environment;
use dashboard::{Dashboard, Options, Running};
use jiff::tz::TimeZone;

use crate::args::View;
use crate::keep_current::Work;
use crate::{CommandError, Output, receive};
use facts::OfThisHome;

/// How long a browser may take to read the page that leads it to the address.
const START_OF_A_BROWSER: Duration = Duration::from_secs(60);

/// Serves the pages until Ctrl-C, or until they are idle for as long as was asked for.
pub(crate) fn view(
    args: &View,
    environment: &Environment,
    output: Output<'_>,
) -> Result<(), CommandError> {
    let paths = crate::paths(environment)?;
    let store = args.store.clone().unwrap_or_else(|| paths.traces_db.clone());
    let recipe = match args.receive {
        Some(port) => receive::start(port, store.clone(), &paths, environment)?,
        None => String::new(),
    };
    let running = Running::default();
    let options = Options {
        store: store.clone(),
        port: args.port,
        zone: TimeZone::system(),
        idle_exit: args.idle_exit.map(|minutes| Duration::from_secs(60 * u64::from(minutes))),
        running: running.clone(),
        facts: Arc::new(OfThisHome::new(environment)),
    };
    let dashboard =
        Dashboard::bind(options).map_err(|error| CommandError::failed("cannot start", error))?;
    let work = Work {
        is_own: args.store.is_none(),
        store,
        paths: paths.clone(),
        environment: environment.clone(),
        running,
    };
    work.start();
    let address = dashboard.address();
    let line =
        format!("{address}\nThe address works once, in one browser. Ctrl-C ends it.\n{recipe}");
    let _ = output.stream.write_all(line.as_bytes());
    let _ = output.stream.flush();
    let _page =
        (!args.no_open && output.is_terminal).then(|| OpeningPage::show(&paths.run_dir, &address));
    dashboard.serve().map_err(|error| CommandError::failed("the pages have ended", error))
}

/// A page on disk that leads a browser to the address. The address is a secret, and command lines are
/// not: other users of the machine can read them.
struct OpeningPage {
    path: PathBuf,
}

impl OpeningPage {
    /// Writes it and opens it; where that fails, the address is on the terminal.
    fn show(folder: &Path, address: &str) -> Option<Self> {
        let path = folder.join(format!("view-{}.html", std::process::id()));
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>arize-codex</title>\
             <meta http-equiv=\"refresh\" content=\"0; url={address}\"><a href=\"{address}\">open</a>\n"
        );
        remove_old(folder);
        private_files::write(&path, page.as_bytes()).ok()?;
        let page = Self { path };
        let mut command = Command::new(match std::env::consts::OS {
            "macos" => "open",
            "windows" => "explorer",
            _ => "xdg-open",
        });
        command.arg(&page.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        processes::without_keys(&mut command).spawn().ok()?;
        let path = page.path.clone();
        // The ticket in it has been used by then.
        std::thread::spawn(move || {
            std::thread::sleep(START_OF_A_BROWSER);
            let _ = std::fs::remove_file(path);
        });
        Some(page)
    }
}

/// Removes the pages of runs that were ended by a signal. Their tickets are of no use any more.
fn remove_old(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_page = name.to_str().is_some_and(|name| {
            name.strip_prefix("view-").is_some_and(|rest| rest.ends_with(".html"))
        });
        if is_page {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

impl Drop for OpeningPage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
