//! A sender that survives an outage: the backend is killed, the turn waits on disk, the backend comes
//! back, and the turn arrives, once.

use std::time::{Duration, Instant, SystemTime};
use std::{env, error::Error, fs, process};

use delivery::{Attempt, Flushed, Limits, Outbox, When};
use examples::Backend;
use exporters::{Otlp, OtlpConfig};
use otlp_model::{SpanBatch, TreeOptions};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn Error>> {
    let backend = Backend::start(0)?;
    let port = backend.port();
    let otlp = Otlp::new(OtlpConfig::new(backend.endpoint()))?;
    let folder = env::temp_dir().join(format!("outage-{}", process::id()));
    let queue = Outbox::new(&folder, Limits::default());

    drop(backend);
    // On disk when this returns: the program may end here, and another run goes on.
    queue.push(
        &SpanBatch::of(&examples::turn(), "outage", &TreeOptions::default()),
        SystemTime::now(),
    )?;
    let refused = flush(&queue, &otlp)?;
    println!("away: {} delivered, {} queued", refused.accepted, refused.queued);

    let backend = Backend::start(port)?;
    let taken = flush(&queue, &otlp)?;
    println!("back: {} delivered, {} queued", taken.accepted, taken.queued);
    let again = flush(&queue, &otlp)?;
    println!("then: {} delivered, {} requests in all", again.accepted, backend.paths().len());
    Ok(fs::remove_dir_all(folder)?)
}

/// Sends what is queued, now: `When::Due` would keep to the pause after a failure.
fn flush(queue: &Outbox, otlp: &Otlp) -> Result<Flushed, delivery::OutboxError> {
    let attempt = Attempt {
        fingerprint: 1,
        now: SystemTime::now(),
        jitter: 0.5,
        until: Instant::now() + Duration::from_secs(60),
        clock: &Instant::now,
    };
    queue.flush(otlp, &attempt, When::Now, None)
}
