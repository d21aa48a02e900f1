//! A real Chromium without a window, driven over its own protocol.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::server_process::ServerProcess;
use crate::wait;

/// How long the browser may take for anything on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// The addresses that the page has asked for.
    pub requests: BTreeSet<String>,
    /// What the console and the policies of pages have complained of.
    pub complaints: Vec<String>,
    _process: ServerProcess,
}

impl Browser {
    /// Starts it with an empty page.
    pub fn start() -> anyhow::Result<Self> {
        let mut profile = PathBuf::new();
        let process = ServerProcess::start(Path::new("/usr/bin/chromium"), |command, folder| {
            profile = folder.join("profile");
            command.arg(format!("--user-data-dir={}", profile.display())).args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "about:blank",
            ]);
        })?;
        let port = process.wait(LIMIT, || {
            let text = fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
            text.lines().next()?.parse::<u16>().ok()
        })?;
        let address = process.wait(LIMIT, || {
            let url = format!("http://127.0.0.1:{port}/json/list");
            let text = ureq::get(&url).call().ok()?.body_mut().read_to_string().ok()?;
            let pages: Value = serde_json::from_str(&text).ok()?;
            let page = pages.as_array()?.iter().find(|page| page["type"] == "page")?;
            Some(page["webSocketDebuggerUrl"].as_str()?.to_owned())
        })?;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let (socket, _) = tungstenite::client(address, MaybeTlsStream::Plain(stream))
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut browser = Self {
            socket,
            last_id: 0,
            requests: BTreeSet::new(),
            complaints: Vec::new(),
            _process: process,
        };
        for domain in ["Page", "Network", "Log", "Runtime", "Audits"] {
            browser.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    /// Opens an address.
    pub fn open(&mut self, address: &str) -> anyhow::Result<()> {
        self.call("Page.navigate", json!({ "url": address })).map(drop)
    }

    /// What an expression gives, as JSON.
    pub fn eval(&mut self, expression: &str) -> anyhow::Result<Value> {
        let answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        )?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression}: {thrown}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, expression: &str) -> anyhow::Result<()> {
        let found = wait::until(expression, LIMIT, || {
            // While a page is replaced there is nothing to ask.
            self.eval(expression).ok().filter(|value| value == true)
        });
        if let Err(error) = found {
            let text = self.eval("location.href + '\\n' + document.body?.innerText");
            return Err(error).context(format!("{text:?}, {:?}", self.complaints));
        }
        Ok(())
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) -> anyhow::Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let text = if key.len() == 1 { key } else { "" };
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "text": text }))?;
        }
        Ok(())
    }

    /// Makes the window so wide, and says what the system prefers.
    pub fn emulate(&mut self, width: u32, is_dark: bool) -> anyhow::Result<()> {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 }),
        )?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).map(drop)
    }

    /// Writes a picture of the whole page.
    pub fn picture(&mut self, file: &Path) -> anyhow::Result<()> {
        // While a page is replaced it has no size.
        let answer = wait::until("a picture", LIMIT, || {
            let parameters = json!({ "format": "png", "captureBeyondViewport": true });
            self.call("Page.captureScreenshot", parameters).ok()
        })?;
        let text = answer["data"].as_str().context("a picture")?;
        fs::create_dir_all(file.parent().context("a folder")?)?;
        Ok(fs::write(file, BASE64_STANDARD.decode(text)?)?)
    }

    fn call(&mut self, method: &str, parameters: Value) -> anyhow::Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let text = json!({ "id": id, "method": method, "params": parameters }).to_string();
        self.socket.send(Message::text(text))?;
        loop {
            let Message::Text(text) = self.socket.read()? else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if message["id"] == id {
                if let Some(error) = message.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(message["result"].clone());
            }
            self.note(&message);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let address = parameters["request"]["url"].as_str().unwrap_or_default();
                self.requests.insert(address.to_owned());
            }
            "Log.entryAdded" => self.complaints.push(parameters["entry"]["text"].to_string()),
            "Runtime.exceptionThrown" => self.complaints.push(parameters.to_string()),
            "Audits.issueAdded" => {
                let issue = &parameters["issue"];
                // Issues about forms, cookies of others and the like are no faults of security.
                if issue["code"] == "ContentSecurityPolicyIssue" {
                    self.complaints.push(issue.to_string());
                }
            }
            _ => {}
        }
    }
}
