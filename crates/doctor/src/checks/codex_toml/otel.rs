//! `[otel]`: does Codex send its log events to our service?

use buffer_api::Endpoint;
use buffer_api::secrets::TOKEN_HEADER;
use codex_config::CodexVersion;
use codex_config::codex_toml::{Exporter, FoundOtel};

use super::{Facts, SETUP};
use crate::Finding;
use crate::words::{edit, line};

const OTEL: &str = "codex.otel";

pub(super) fn check(otel: Option<&FoundOtel>, facts: &Facts) -> Finding {
    const WITHOUT: &str = "exact times, attempts and approvals are missing from traces";
    let Some(exporter) = otel.and_then(|otel| otel.exporter.as_ref()) else {
        let message = format!("`[otel]` has no `exporter`: {WITHOUT}");
        return Finding::warning(OTEL, message, SETUP);
    };
    if exporter.kind != "otlp-http" {
        let message = format!("Codex's log events go to `{}`: {WITHOUT}", line(&exporter.kind, 30));
        return Finding::warning(OTEL, message, SETUP);
    }
    let endpoint = exporter.endpoint.as_deref().unwrap_or_default();
    match destination(exporter, facts.service.as_ref()) {
        Destination::Refused => {
            let message = format!(
                "the exporter (line {}) needs `protocol = \"binary\"`: Codex does not start without",
                exporter.line
            );
            Finding::failure(OTEL, message, edit(&facts.file))
        }
        Destination::Elsewhere => {
            let message = format!(
                "Codex's log events go to `{}`, not to our service: {WITHOUT}",
                line(endpoint, 60)
            );
            Finding::warning(OTEL, message, SETUP)
        }
        Destination::OtherPort => {
            let service = facts.service.as_ref().map(Endpoint::to_string).unwrap_or_default();
            let message = format!(
                "Codex's log events go to `{}`, and our service listens on {service}: {WITHOUT}",
                line(endpoint, 60)
            );
            Finding::failure(OTEL, message, SETUP)
        }
        Destination::OtherPath => {
            let message = format!(
                "our service takes log events at `/v1/logs`, and Codex sends them to `{}`",
                line(endpoint, 60)
            );
            Finding::failure(OTEL, message, SETUP)
        }
        Destination::Ours if !shows_token(exporter, facts.write_token.as_deref()) => {
            let message = "the exporter does not have our service's write token in its headers: log events may be refused";
            Finding::failure(OTEL, message, SETUP)
        }
        Destination::Ours
            if !facts.prompts && otel.is_some_and(|otel| otel.log_user_prompt == Some(true)) =>
        {
            let message = "`log_user_prompt` is on, and `logging.prompts` is off: prompts are kept in the service until the turn was traced, for nothing";
            Finding::warning(OTEL, message, edit(&facts.file))
        }
        Destination::Ours if has_loud_deltas(otel, facts.version) => {
            let message = "`log_sse_deltas = false` is missing, which this Codex has: very fast answers may lose events, with their token counts";
            Finding::warning(OTEL, message, SETUP)
        }
        Destination::Ours => {
            Finding::ok(OTEL, format!("log events go to our service, `{}`", line(endpoint, 60)))
        }
    }
}

/// Whether Codex shows the write token, where the service wants one.
fn shows_token(exporter: &Exporter, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| {
        exporter.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case(TOKEN_HEADER) && value.expose() == wanted
        })
    })
}

/// Whether Codex sends an event for each piece of an answer, and nobody decided that.
fn has_loud_deltas(otel: Option<&FoundOtel>, version: Option<CodexVersion>) -> bool {
    version.is_some_and(CodexVersion::has_log_sse_deltas)
        && otel.is_some_and(|otel| otel.log_sse_deltas.is_none())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Ours,
    Refused,
    OtherPort,
    OtherPath,
    Elsewhere,
}

fn destination(exporter: &Exporter, service: Option<&Endpoint>) -> Destination {
    if !matches!(exporter.protocol.as_deref(), Some("binary" | "json")) {
        return Destination::Refused;
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
        Some(endpoint) if service.is_none_or(|service| *service == endpoint) => Destination::Ours,
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
    use crate::checks::codex_toml::tests::{expect, facts};

    #[test]
    fn each_way_not_to_send_events_to_us() {
        let http = |endpoint: &str, protocol: &str| {
            format!(
                "[otel]\nexporter = {{ otlp-http = {{ endpoint = \"{endpoint}\"{protocol}, headers = {{}} }} }}\n"
            )
        };
        let binary = ", protocol = \"binary\"";
        for (text, level, part) in [
            (String::new(), Warning, "has no `exporter`"),
            ("[otel]\nexporter = \"none\"\n".to_owned(), Warning, "go to `none`"),
            (http("http://127.0.0.1:4318/v1/logs", binary), Fine, "to our service"),
            (http("http://localhost:4318", binary), Fine, "to our service"),
            (http("http://127.0.0.1:4318/v1/logs", ""), Failure, "needs `protocol"),
            (http("http://127.0.0.1:4318/v1/traces", binary), Failure, "at `/v1/logs`"),
            (http("http://127.0.0.1:9/v1/logs", binary), Failure, "listens on 127.0.0.1:4318"),
            (http("https://otel.example/v1/logs", binary), Warning, "not to our service"),
            (http("http://10.1.1.1:4318/v1/logs", binary), Warning, "not to our service"),
        ] {
            expect(&facts(&text), OTEL, level, part);
        }
        let shown = |headers: &str| {
            let text = http("http://127.0.0.1:4318/v1/logs", binary);
            let text = text.replace("headers = {}", &format!("headers = {{ {headers} }}"));
            Facts { write_token: Some("t0ken".to_owned()), ..facts(&text) }
        };
        expect(&shown("x-arize-token = \"t0ken\""), OTEL, Fine, "to our service");
        expect(&shown("\"X-Arize-Token\" = \"t0ken\""), OTEL, Fine, "to our service");
        expect(&shown("x-arize-token = \"other\""), OTEL, Failure, "write token");
        expect(&shown(""), OTEL, Failure, "write token");
        let loud = http("http://127.0.0.1:4318", binary) + "log_user_prompt = true\n";
        expect(&facts(&loud), OTEL, Fine, "to our service");
        expect(&Facts { prompts: false, ..facts(&loud) }, OTEL, Warning, "for nothing");
        for (version, said, level, part) in [
            ("0.161.0", "", Fine, "to our service"),
            ("0.169.0", "", Warning, "`log_sse_deltas = false` is missing"),
            ("0.169.0", "log_sse_deltas = false\n", Fine, "to our service"),
            ("0.169.0", "log_sse_deltas = true\n", Fine, "to our service"),
        ] {
            let text = http("http://127.0.0.1:4318", binary) + said;
            let version = CodexVersion::parse(version);
            expect(&Facts { version, ..facts(&text) }, OTEL, level, part);
        }
    }
}
