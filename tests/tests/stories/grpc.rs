//! OTLP over gRPC: into Phoenix, through a collector, and as Arize AX is spoken to.

use stories::phoenix::Span;
use stories::{Protocol, expected_tree};

use crate::check;
use crate::collector::arrives;
use crate::complete::script;
use crate::stage::{self, Played};

#[test]
fn brings_a_turn_into_phoenix() {
    let project = "grpc-phoenix";
    let target =
        format!("target: otlp\n    protocol: grpc\n    endpoint: {}", stage::phoenix().grpc_url());
    let played = play(project, &target);
    arrives(project, &played);
    check::totals(project, &[played.script]);
}

#[test]
fn brings_a_turn_through_a_collector() {
    let (project, rotel) = ("grpc-collector", stage::rotel());
    let form = "protocol: grpc\n    compression: none";
    let played =
        play(project, &format!("target: otlp\n    {form}\n    endpoint: {}", rotel.grpc_url()));
    arrives(project, &played);
}

/// There is no Arize AX here: these are other receivers that are as strict about the protocol.
#[test]
fn speaks_to_arize_so_that_others_understand_it_too() {
    let rotel = stage::rotel();
    for (project, endpoint) in
        [("arize-phoenix", stage::phoenix().grpc_url()), ("arize-collector", &rotel.grpc_url())]
    {
        let credentials = "api_key: ak-secret\n    space_id: U3BhY2U6MTIz";
        let target = format!("target: arize\n    {credentials}\n    endpoint: {endpoint}");
        let played = play(project, &target);
        arrives(project, &played);
        let expected = expected_tree(&played.script, "Turn 1").flatten().len();
        let spans: Vec<Span> = stage::spans(project);
        let named = |span: &&Span| span.text("arize.project.name") == Some(project);
        assert_eq!(spans.iter().filter(named).count(), expected, "{spans:#?}");
    }
}

fn play(project: &str, target: &str) -> Played {
    let home = stage::home(project);
    home.configure(target).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    stage::play(&home, &script(), Protocol::Binary, &[])
}
