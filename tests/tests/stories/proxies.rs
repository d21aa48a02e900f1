//! A network that can only be left through a proxy, which is named in the environment.

use stories::{Protocol, Tunnel};

use crate::complete::script;
use crate::{check, stage};

#[test]
fn are_for_targets_elsewhere_and_not_for_the_buffer_on_this_machine() {
    for (project, form) in [
        ("proxy-http", "target: phoenix\n    endpoint: http://phoenix.test:80"),
        ("proxy-grpc", "target: otlp\n    protocol: grpc\n    endpoint: http://phoenix.test:80"),
    ] {
        let url = match project {
            "proxy-grpc" => stage::phoenix().grpc_url(),
            _ => stage::phoenix().url(),
        };
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let proxy = Tunnel::to(port).expect("a proxy");
        let mut home = stage::home(project);
        home.set_proxy_of_the_hook(&proxy.url());
        home.configure(form).expect("config.yaml");
        home.start_buffer().expect("the buffer starts");
        let played = stage::play(&home, &script(), Protocol::Binary, &[]);

        let spans = stage::spans(project);
        check::turn(&spans, &played.script, "Turn 1", &played.exec);
        // Only the buffer service has this.
        check::telemetry(&spans);
        assert_eq!(proxy.asked(), ["CONNECT phoenix.test:80"]);
    }
}
