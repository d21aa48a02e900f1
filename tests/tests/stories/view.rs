//! `arize-codex view` in a real browser, over turns of the real Codex, some of which are hostile.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::json;
use stories::browser::Browser;
use stories::process::run;
use stories::script::Call;
use stories::{Home, Protocol, Script, Step, USAGE};

use crate::stage::{self, Runs};

/// What a repository, a model or a user may write.
const MARKUP: &str =
    "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";

const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

struct View {
    process: Child,
    /// The address that lets one browser in.
    address: String,
}

impl View {
    fn start(home: &Home) -> Self {
        let mut command = stage::arize_codex(home);
        command.args(["view", "--no-open"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the view starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let address = lines.next().expect("a line").expect("the address");
        Self { process, address }
    }

    fn base(&self) -> &str {
        self.address.split("/open").next().expect("the beginning")
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn turns() -> [Script; 2] {
    let patch = "*** Begin Patch\n*** Add File: notes.txt\n+one\n+<b>two</b>\n*** End Patch";
    let hostile = Script::new(&format!("List the files {MARKUP} \u{202e}abc"))
        .step(
            Step::new(USAGE)
                .reasoning("I should list files")
                .call(Call::command(&format!("echo '{}'", MARKUP.replace('\'', "\"")))),
        )
        .step(Step::new(USAGE).call(Call::command(&format!("apply_patch <<'EOF'\n{patch}\nEOF"))))
        .step(Step::new(USAGE).message(&format!(
            "**Done**, see [here](https://example.com/?a=1) and [there](javascript:alert(1)).\n\n{MARKUP}"
        )));
    [hostile, Script::new("And now?").step(Step::new(USAGE).message("Nothing."))]
}

fn pictures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/pictures")
}

/// Nothing on the page that is open keeps people out, as far as a program can tell (WCAG 2.2 AA).
fn is_accessible(browser: &mut Browser, name: &str) {
    let axe = std::fs::read_to_string(stage::path("STORIES_AXE")).expect("axe");
    browser.eval(&format!("{axe}; true")).expect("axe in the page");
    let rules = json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]);
    let found = browser.eval(&format!(
        "axe.run(document, {{ runOnly: {rules} }}).then((all) => all.violations.map((rule) => \
         rule.id + ': ' + rule.nodes.map((node) => node.html + ' ' + node.failureSummary).join(' | ')))"
    ));
    assert_eq!(found.expect("a result"), json!([]), "{name}");
}

/// Pictures of the page that is open, wide and narrow, light and dark.
fn take_pictures(browser: &mut Browser, name: &str) {
    for (width, is_dark) in [(1440, false), (1440, true), (360, false), (360, true)] {
        browser.emulate(width, is_dark).expect("a size");
        let theme = if is_dark { "dark" } else { "light" };
        let file = pictures().join(format!("{name}-{width}-{theme}.png"));
        browser.picture(&file).expect("a picture");
        let too_wide =
            browser.eval("document.documentElement.scrollWidth > innerWidth").expect("a width");
        assert_eq!(too_wide, false, "{name} is wider than {width}");
        is_accessible(browser, &format!("{name} {width} {theme}"));
    }
    browser.emulate(1440, false).expect("a size");
}

#[test]
fn shows_turns_as_text_and_follows_one_choice_in_all_panes() {
    let home = Home::new(&stage::programs(), "view").expect("a home");
    home.configure("target: local").expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let scripts = turns();
    let runs = Runs::new(&home, &scripts, Protocol::Binary);
    runs.turn(&[], &scripts[0]);
    runs.hook_runs(1);

    let view = View::start(&home);
    let mut browser = Browser::start().expect("chromium");
    browser.emulate(1440, false).expect("a size");
    browser.open(&view.address).expect("a page");
    browser.wait_for("document.querySelector('.turns .prompt a') !== null").expect("the list");
    assert_eq!(browser.eval("location.pathname + location.search").expect("an address"), "/");
    take_pictures(&mut browser, "home");
    for (path, name, shown) in [
        ("/turns?q=notes", "turns", "document.querySelector('.hit mark') !== null"),
        ("/usage", "usage", "document.querySelector('table.usage') !== null"),
        ("/health", "health", "document.querySelector('.findings') !== null"),
        ("/compare", "compare-offer", "document.querySelector('.prompt a') !== null"),
        ("/turns", "turns-all", "document.querySelector('.turns .prompt a') !== null"),
    ] {
        browser.open(&format!("{}{path}", view.base())).expect("a page");
        browser.wait_for(shown).expect(name);
        take_pictures(&mut browser, name);
    }
    browser.eval("document.querySelector('.turns .prompt a').click()").expect("a click");
    browser.wait_for("document.querySelectorAll('a.row').length > 5").expect("the turn");
    let text = browser.eval("document.querySelector('main').textContent").expect("a text");
    let text = text.as_str().expect("a text");
    for part in
        ["<img src=x onerror=", "U+202E", "I should list files", "notes.txt", "+<b>two</b>", "Done"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let links = "[...document.querySelectorAll('.answer a')].map((link) => link.href)";
    assert_eq!(browser.eval(links).expect("links"), json!(["https://example.com/?a=1"]));
    let made = "document.querySelectorAll('main img, main script, main b:not(.split b)').length";
    assert_eq!(browser.eval(made).expect("a number"), 0);

    // A key and a click choose the same span in each pane.
    let chosen =
        "[...document.querySelectorAll('[aria-current]')].map((part) => part.dataset.span)";
    let heading = "document.querySelector('section.chosen h2').innerText";
    let before = browser.eval(heading).expect("a heading");
    browser.eval("[...document.querySelectorAll('a.row.tool')][0].click()").expect("a click");
    browser.wait_for(&format!("{heading} !== {before}")).expect("another span");
    let parts = browser.eval(chosen).expect("spans");
    let parts: Vec<_> = parts.as_array().expect("spans").iter().collect();
    assert!(parts.len() >= 2 && parts.iter().all(|part| *part == parts[0]), "{parts:?}");
    let address = browser.eval("location.search").expect("an address");
    assert_eq!(address, format!("?span={}", parts[0].as_str().expect("an id")));
    browser.press("j").expect("a key");
    browser
        .wait_for(&format!("location.search !== '{}'", address.as_str().unwrap_or_default()))
        .expect("the next");
    take_pictures(&mut browser, "turn");
    browser.open(&format!("{}/session?id={}", view.base(), thread_of(&home))).expect("a page");
    browser.wait_for("document.querySelector('.turns .prompt a') !== null").expect("the session");
    take_pictures(&mut browser, "session");

    // A turn that ends meanwhile is announced.
    runs.turn(&[], &scripts[1]);
    runs.hook_runs(2);
    browser.wait_for("!document.querySelector('p.news').hidden").expect("the news");

    assert_ne!(browser.eval("document.title").expect("a title"), "taken");
    // Chromium draws the calendar of a field for dates from an address of its own.
    let is_ours =
        |address: &&String| address.starts_with(view.base()) || address.starts_with("data:");
    let elsewhere = browser.requests.iter().find(|address| !is_ours(address));
    assert!(elsewhere.is_none_or(|address| address == "about:blank"), "{elsewhere:?}");
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    home.stop_buffer().expect("the buffer stops");
}

/// The session of the last turn.
fn thread_of(home: &Home) -> String {
    let mut show = stage::arize_codex(home);
    let shown = run(show.args(["show", "--json"]), LIMIT).expect("show ends");
    let turns: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    turns[0]["session_id"].as_str().expect("a session").to_owned()
}

#[test]
fn a_turn_is_shown_while_it_goes_on() {
    let home = Home::new(&stage::programs(), "view-live").expect("a home");
    home.configure("target: local").expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let gate = home.root().join("gate");
    let wait = format!("while ! test -e {}; do sleep 0.1; done; echo opened", gate.display());
    let script = Script::new("Wait for the gate")
        .step(Step::new(USAGE).call(Call::command("echo before the gate")))
        .step(Step::new(USAGE).call(Call::command(&wait)))
        .step(Step::new(USAGE).message("Through."));
    let view = View::start(&home);
    let mut browser = Browser::start().expect("chromium");
    browser.emulate(1440, false).expect("a size");
    browser.open(&view.address).expect("a page");
    let scripts = [script];
    let runs = Runs::new(&home, &scripts, Protocol::Binary);
    std::thread::scope(|scope| {
        scope.spawn(|| runs.turn(&[], &scripts[0]));
        let link = "document.querySelector('.running a')";
        let home = browser.wait_for("location.pathname === '/'");
        let again = format!("{link} !== null || (location.assign('/'), false)");
        let shown = home.and_then(|()| browser.wait_for(&again)).and_then(|()| {
            browser.eval(&format!("{link}.click()"))?;
            browser.wait_for("document.body.dataset.live === 'follow'")?;
            browser
                .wait_for("document.querySelector('main').textContent.includes('before the gate')")
        });
        // Whatever happened, the turn is to end.
        std::fs::write(&gate, "").expect("the gate");
        shown.expect("the turn while it goes on");
        browser
            .wait_for("document.querySelector('main').textContent.includes('Through.')")
            .expect("the end, without a click");
    });
    assert!(browser.complaints.is_empty(), "{:?}", browser.complaints);
    home.stop_buffer().expect("the buffer stops");
}

#[test]
fn lets_in_one_browser_and_no_other_page() {
    let home = Home::new(&stage::programs(), "view-access").expect("a home");
    home.configure("target: local").expect("config.yaml");
    let view = View::start(&home);
    let status = |path: &str, headers: &[(&str, &str)]| {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut request = agent.get(format!("{}{path}", view.base()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.call().expect("an answer")
    };
    assert_eq!(status("/", &[]).status(), 401);
    assert_eq!(status("/open?ticket=wrong", &[]).status(), 401);
    let ticket = &view.address[view.base().len()..];
    let opened = status(ticket, &[]);
    assert_eq!(opened.status(), 200);
    let cookie = opened.headers()["set-cookie"]
        .to_str()
        .expect("a cookie")
        .split(';')
        .next()
        .expect("a pair")
        .to_owned();
    assert_eq!(status(ticket, &[]).status(), 401, "the ticket worked twice");
    let with = |more: &[(&str, &str)], path: &str| {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(more);
        status(path, &headers).status().as_u16()
    };
    assert_eq!(with(&[], "/"), 200);
    assert_eq!(with(&[("host", "evil.example")], "/"), 421);
    assert_eq!(with(&[("origin", "https://evil.example")], "/"), 403);
    assert_eq!(with(&[("sec-fetch-site", "cross-site")], "/"), 403);
    assert_eq!(with(&[], "/%2e%2e/x"), 400);
}
