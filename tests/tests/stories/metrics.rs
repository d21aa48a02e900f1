//! Numbers about turns, as a real collector gets them.

use std::time::Duration;

use stories::{Protocol, Rotel, wait};

use crate::complete::script;
use crate::session::{NO_DAEMON, Session, thread_id};
use crate::stage;
use crate::turns::two_turns;

#[test]
fn of_a_turn_without_a_terminal_reach_a_collector() {
    reach_a_collector("metrics-exec", "protocol: http/protobuf", Rotel::url);
}

#[test]
fn of_a_turn_reach_a_collector_over_grpc() {
    reach_a_collector("metrics-grpc", "protocol: grpc", Rotel::grpc_url);
}

fn reach_a_collector(project: &str, protocol: &str, url: fn(&Rotel) -> String) {
    let rotel = stage::rotel();
    let home = stage::home(project);
    let target = format!("target: otlp\n    endpoint: {}\n    {protocol}", url(&rotel));
    home.configure(&format!("{target}\n    metrics: true")).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    stage::play(&home, &script(), Protocol::Binary, &[]);
    let got = Got::of(&rotel, 1);
    assert_eq!(got.sum("gen_ai.client.token.usage"), 3510.0 + 63.0, "{}", got.0);
    assert_eq!(got.count("gen_ai.client.operation.duration"), 3, "{}", got.0);
    assert_eq!(got.sum("codex.tool.calls"), 3.0, "{}", got.0);
    assert_eq!(got.count("gen_ai.invoke_agent.duration"), 1, "{}", got.0);
    assert!(got.sum("codex.cost") > 0.0, "{}", got.0);
    assert!(!got.0.contains("List the files"), "{}", got.0);
}

#[test]
fn of_a_session_in_a_terminal_reach_a_collector() {
    let rotel = stage::rotel();
    let turns = two_turns();
    let session = Session::start("metrics-tui", &turns, &[&NO_DAEMON]);
    let targets = format!(
        "targets:\n      - {{target: phoenix, endpoint: '{}'}}\n      - {{target: otlp, endpoint: \
         '{}', metrics: true}}",
        stage::phoenix().url(),
        rotel.url()
    );
    session.home.configure(&targets).expect("config.yaml");
    let first = session.turn(&turns[0]);
    session.turn(&turns[1]);
    let got = Got::of(&rotel, 2);
    session.end(&thread_id(&first));
    assert_eq!(got.sum("gen_ai.client.token.usage"), 3510.0 + 63.0, "{}", got.0);
    assert_eq!(got.count("gen_ai.client.operation.duration"), 3, "{}", got.0);
    assert_eq!(got.sum("codex.tool.calls"), 1.0, "{}", got.0);
    assert_eq!(got.count("gen_ai.invoke_agent.duration"), 2, "{}", got.0);
}

/// The metrics that a collector has written down, one after the other.
struct Got(String);

impl Got {
    /// Waits for those of so many turns.
    fn of(rotel: &Rotel, turns: usize) -> Self {
        let name = "Name: gen_ai.invoke_agent.duration";
        let got = wait::until("the metrics", Duration::from_secs(20), || {
            let got = Self(rotel.log());
            (got.0.matches(name).count() >= turns).then_some(got)
        });
        got.expect("the metrics of all turns")
    }

    /// The sum of all numbers of a metric.
    fn sum(&self, name: &str) -> f64 {
        let lines = self.lines(name);
        let numbers = lines.filter_map(|line| {
            line.strip_prefix("Sum: ").or_else(|| line.strip_prefix("Value: "))?.parse::<f64>().ok()
        });
        numbers.sum()
    }

    /// How many numbers a metric has.
    fn count(&self, name: &str) -> u64 {
        let lines = self.lines(name);
        lines.filter_map(|line| line.strip_prefix("Count: ")?.parse::<u64>().ok()).sum()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let blocks = self.0.split("Metric #");
        let is_of =
            move |block: &&str| block.lines().any(|line| line.trim() == format!("-> Name: {name}"));
        blocks.filter(is_of).flat_map(str::lines).map(str::trim)
    }
}
