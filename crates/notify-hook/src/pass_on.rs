//! Passes Codex's log events on to another receiver, for the buffer service, which knows neither TLS nor
//! gRPC.
//!
//! The service writes bodies to the standard input and reads what became of each, as
//! [`buffer_api::passing_on`] has it. Where to and with which credentials, the settings say. The run
//! lasts as long as its input. It has no bound on its time but one for each body.

use std::io;
use std::time::Duration;

use buffer_api::passing_on::{Parcel, Receipt};
use codex_config::{Environment, Forward, ForwardProtocol, Paths, Settings};
use exporters::Relay;
use program_log::chain;

use crate::watchdog::Watchdog;
use dispatch::{connection, exposed};

/// The most that a body may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Passes on what comes, until nothing more does. A failure to read or to write means that the service
/// is gone.
pub(crate) fn pass_on(paths: &Paths, environment: &Environment) {
    let watchdog = Watchdog::start();
    let relay = relay(Settings::load(paths, environment).forward);
    drop(watchdog);
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Ok(Some((parcel, body))) = Parcel::read(&mut input) {
        let receipt = send(relay.as_ref(), &parcel, &body);
        if receipt.write(&mut output).is_err() {
            break;
        }
    }
}

/// The receiver that the settings name.
fn relay(forward: Option<Forward>) -> Result<Relay, String> {
    let forward = forward.ok_or("the settings name no receiver any more")?;
    let connection = connection(&forward.tls, &forward.proxies, TIMEOUT);
    let (endpoint, headers) = (&forward.endpoint, exposed(&forward.headers));
    let relay = match forward.protocol {
        ForwardProtocol::Http => Relay::over_http(endpoint, &headers, &connection),
        ForwardProtocol::Grpc => Relay::over_grpc(endpoint, &headers, &connection),
    };
    relay.map_err(|error| chain(&error))
}

fn send(relay: Result<&Relay, &String>, parcel: &Parcel, body: &[u8]) -> Receipt {
    let _watchdog = Watchdog::start();
    let relay = match relay {
        Ok(relay) => relay,
        Err(reason) => return Receipt { given_up: Some(reason.clone()), may_pass: false },
    };
    let (kind, packing) = (parcel.content_type.as_deref(), parcel.content_encoding.as_deref());
    match relay.post(kind, packing, body) {
        Ok(()) => Receipt::default(),
        Err(error) => {
            Receipt { given_up: Some(chain(&error)), may_pass: error.is_safe_to_repeat() }
        }
    }
}
