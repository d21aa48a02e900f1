//! The buffer service, which must be there before Codex's first telemetry, one second after its start.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use buffer_api::Endpoint;

/// The longest time of a connection to the service's port; on the loopback interface it takes no time.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(20);

/// The most that starting the service may take of Codex's time. It goes on after that.
#[cfg(unix)]
const START_TIMEOUT: Duration = Duration::from_millis(50);

/// Starts the service unless a program listens at its address. Does not wait until it answers.
///
/// # Errors
///
/// When the program cannot be started.
pub(crate) fn ensure(program: &Path, endpoint: &Endpoint) -> std::io::Result<()> {
    let address = SocketAddr::new(endpoint.host, endpoint.port);
    if TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).is_ok() {
        return Ok(());
    }
    let mut command = Command::new(program);
    command.args(["ensure", "--no-wait"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    wait_briefly(command.spawn()?);
    Ok(())
}

/// Waits for the end of the program that starts the service, lest it stays behind as a zombie of
/// Codex.
#[cfg(unix)]
fn wait_briefly(mut starter: Child) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let Some(output) = &starter.stdout else { return };
    let timeout = Timespec::try_from(START_TIMEOUT).ok();
    // Its output closes with its end: it says nothing.
    let ended = poll(&mut [PollFd::new(output, PollFlags::IN)], timeout.as_ref());
    if ended.is_ok_and(|count| count > 0) {
        let _ = starter.wait();
    }
}

/// Windows knows no zombies.
#[cfg(not(unix))]
fn wait_briefly(_starter: Child) {}
