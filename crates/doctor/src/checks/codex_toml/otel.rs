//! `[otel]`: does Codex send its log events to the buffer service?

use buffer_api::Endpoint;
use buffer_api::secrets::TOKEN_HEADER;
use codex_config::codex_toml::{Exporter, FoundOtel};
use codex_home::CodexVersion;

use super::{ConfigFacts, SETUP};
use crate::Finding;
use crate::words::{edit, line};

const OTEL: &str = "codex.otel";

const WITHOUT: &str = "exact times, attempts and approvals are missing from traces";

pub(super) fn check(otel: Option<&FoundOtel>, facts: &ConfigFacts) -> Finding {
    let exporter = otel.and_then(|otel| otel.exporter.as_ref());
    let Some(exporter) = exporter.filter(|exporter| exporter.kind != "none") else {
        let message = format!("`[otel]` has no `exporter`: {WITHOUT}");
        return Finding::warning(OTEL, message, SETUP);
    };
    let service = facts.service.as_ref();
    let endpoint = line(exporter.endpoint.as_deref().unwrap_or(&exporter.kind), 60);
    match destination(exporter, service) {
        Destination::Service => to_service(otel, exporter, facts),
        _ if facts.kept.as_ref().is_some_and(|kept| is_same(kept, exporter)) => {
            let message =
                format!("the exporter to `{endpoint}` was kept, as chosen in setup: {WITHOUT}");
            Finding::warning(OTEL, message, take_over(exporter))
        }
        Destination::Elsewhere => {
            let message = format!("Codex's log events go to `{endpoint}`: {WITHOUT}");
            Finding::warning(OTEL, message, take_over(exporter))
        }
        Destination::OtherPort => {
            let service = service.map(Endpoint::to_string).unwrap_or_default();
            let message = format!(
                "Codex's log events go to `{endpoint}`, and the buffer service listens on {service}: {WITHOUT}"
            );
            Finding::failure(OTEL, message, take_over(exporter))
        }
        Destination::OtherPath => {
            let message = format!(
                "the buffer service accepts log events at `/v1/logs`, and Codex sends them to `{endpoint}`"
            );
            Finding::failure(OTEL, message, "arize-codex setup --existing-otel replace")
        }
    }
}

/// The exporter sends to the buffer service: does it do so correctly?
fn to_service(otel: Option<&FoundOtel>, exporter: &Exporter, facts: &ConfigFacts) -> Finding {
    if !matches!(exporter.protocol.as_deref(), Some("binary" | "json")) {
        let message = format!(
            "the exporter (line {}) needs `protocol = \"binary\"`: Codex does not start without it",
            exporter.line
        );
        return Finding::failure(OTEL, message, SETUP);
    }
    if !shows_token(exporter, facts.write_token.as_deref()) {
        let message = "the exporter's headers do not have the write token of the buffer service: log events may be refused";
        return Finding::failure(OTEL, message, SETUP);
    }
    if !facts.prompts && otel.is_some_and(|otel| otel.log_user_prompt == Some(true)) {
        let message = "`log_user_prompt` is on, and `logging.prompts` is off: the buffer service keeps prompts until the turn was traced, although no target gets them";
        return Finding::warning(OTEL, message, edit(&facts.file));
    }
    if has_loud_deltas(otel, facts.version) {
        let message = "`log_sse_deltas = false` is missing, which this Codex has: very fast answers may lose events, with their token counts";
        return Finding::warning(OTEL, message, SETUP);
    }
    let endpoint = line(exporter.endpoint.as_deref().unwrap_or_default(), 60);
    Finding::ok(OTEL, format!("log events go to the buffer service, `{endpoint}`"))
}

/// Setup proposes to keep an exporter that is not its own, so that the choice is part of the command:
/// pass log events on to it where that is possible. One that has the header of the buffer service
/// belongs to no one else.
fn take_over(exporter: &Exporter) -> &'static str {
    let is_own = exporter.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TOKEN_HEADER));
    match exporter.kind == "otlp-http" && !is_own {
        true => "arize-codex setup --existing-otel forward",
        false => "arize-codex setup --existing-otel replace",
    }
}

/// Whether two exporters are the same, wherever they stand.
fn is_same(one: &Exporter, other: &Exporter) -> bool {
    *one == Exporter { line: one.line, ..other.clone() }
}

/// Whether Codex shows the write token, where the service wants one.
fn shows_token(exporter: &Exporter, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| {
        exporter.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case(TOKEN_HEADER) && value.expose() == wanted
        })
    })
}

/// Whether Codex sends an event for each piece of an answer, without a decision of the user.
fn has_loud_deltas(otel: Option<&FoundOtel>, version: Option<CodexVersion>) -> bool {
    version.is_some_and(CodexVersion::has_log_sse_deltas)
        && otel.is_some_and(|otel| otel.log_sse_deltas.is_none())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Service,
    OtherPort,
    OtherPath,
    Elsewhere,
}

fn destination(exporter: &Exporter, service: Option<&Endpoint>) -> Destination {
    if exporter.kind != "otlp-http" {
        return Destination::Elsewhere;
    }
    let url = exporter.endpoint.as_deref().unwrap_or_default();
    let Some((authority, path)) = url.strip_prefix("http://").map(split_path) else {
        return Destination::Elsewhere;
    };
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let named = port.parse().ok().and_then(|port| Endpoint::new(host, port).ok());
    match named {
        None => Destination::Elsewhere,
        Some(_) if !matches!(path, "" | "/" | "/v1/logs") => Destination::OtherPath,
        Some(endpoint) if service.is_none_or(|service| *service == endpoint) => {
            Destination::Service
        }
        Some(_) => Destination::OtherPort,
    }
}

fn split_path(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{Failure, Ok as Fine, Warning};
    use crate::checks::codex_toml::Content;
    use crate::checks::codex_toml::tests::{expect, facts};

    #[test]
    fn each_way_not_to_send_events_to_the_service() {
        let http = |endpoint: &str, protocol: &str| {
            format!(
                "[otel]\nexporter = {{ otlp-http = {{ endpoint = \"{endpoint}\"{protocol}, headers = {{}} }} }}\n"
            )
        };
        let binary = ", protocol = \"binary\"";
        for (text, level, part) in [
            (String::new(), Warning, "has no `exporter`"),
            ("[otel]\nexporter = \"none\"\n".to_owned(), Warning, "has no `exporter`"),
            (http("http://127.0.0.1:4318/v1/logs", binary), Fine, "to the buffer service"),
            (http("http://localhost:4318", binary), Fine, "to the buffer service"),
            (http("http://127.0.0.1:4318/v1/logs", ""), Failure, "needs `protocol"),
            (http("http://127.0.0.1:4318/v1/traces", binary), Failure, "at `/v1/logs`"),
            (http("http://127.0.0.1:9/v1/logs", binary), Failure, "listens on 127.0.0.1:4318"),
            (http("https://otel.example/v1/logs", binary), Warning, "log events go to"),
            (http("http://10.1.1.1:4318/v1/logs", binary), Warning, "log events go to"),
        ] {
            expect(&facts(&text), OTEL, level, part);
        }
        // Setup would propose to keep each of these.
        for (text, command) in [
            (http("https://otel.example/v1/logs", binary), "forward"),
            (http("http://127.0.0.1:9/v1/logs", binary), "forward"),
            (
                http("http://127.0.0.1:9/v1/logs", binary)
                    .replace("headers = {}", "headers = { x-arize-token = \"t\" }"),
                "replace",
            ),
            (
                "[otel]\nexporter = { otlp-grpc = { endpoint = \"http://h\" } }\n".to_owned(),
                "replace",
            ),
        ] {
            let facts = facts(&text);
            let command = format!("arize-codex setup --existing-otel {command}");
            let Content::Found(found) = &facts.content else { panic!("{text}") };
            let found = found.otel.clone();
            let otel = check(found.as_ref(), &facts);
            assert_eq!(otel.command, Some(command), "{text}");
            // The same where it stood before setup, on another line.
            let kept = found.as_ref().and_then(|otel| otel.exporter.clone());
            let kept = kept.map(|exporter| Exporter { line: 99, ..exporter });
            let kept = check(found.as_ref(), &ConfigFacts { kept, ..facts });
            assert_eq!((kept.level, &kept.command), (Warning, &otel.command));
            assert!(kept.message.contains("was kept, as chosen"), "{kept:?}");
        }
        let shown = |headers: &str| {
            let text = http("http://127.0.0.1:4318/v1/logs", binary);
            let text = text.replace("headers = {}", &format!("headers = {{ {headers} }}"));
            ConfigFacts { write_token: Some("t0ken".to_owned()), ..facts(&text) }
        };
        expect(&shown("x-arize-token = \"t0ken\""), OTEL, Fine, "to the buffer service");
        expect(&shown("\"X-Arize-Token\" = \"t0ken\""), OTEL, Fine, "to the buffer service");
        expect(&shown("x-arize-token = \"other\""), OTEL, Failure, "write token");
        expect(&shown(""), OTEL, Failure, "write token");
        let loud = http("http://127.0.0.1:4318", binary) + "log_user_prompt = true\n";
        expect(&facts(&loud), OTEL, Fine, "to the buffer service");
        expect(
            &ConfigFacts { prompts: false, ..facts(&loud) },
            OTEL,
            Warning,
            "although no target gets them",
        );
        for (version, said, level, part) in [
            ("0.161.0", "", Fine, "to the buffer service"),
            ("0.169.0", "", Warning, "`log_sse_deltas = false` is missing"),
            ("0.169.0", "log_sse_deltas = false\n", Fine, "to the buffer service"),
            ("0.169.0", "log_sse_deltas = true\n", Fine, "to the buffer service"),
        ] {
            let text = http("http://127.0.0.1:4318", binary) + said;
            let version = CodexVersion::parse(version);
            expect(&ConfigFacts { version, ..facts(&text) }, OTEL, level, part);
        }
    }
}
