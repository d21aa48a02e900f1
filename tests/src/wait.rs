//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// Asks `probe` again and again until it answers, and fails when `limit` has passed without one.
///
/// `what` completes the sentence "still waiting for ..." of the error.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("still waiting for {what} after {limit:?}");
        }
        thread::sleep(INTERVAL);
    }
}

/// Short beside everything that is waited for (a model answer, a span in Phoenix), long enough to
/// leave the two cores of a small machine to those who work.
const INTERVAL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_soon_as_the_probe_does() {
        let mut asked = 0;
        let answer = until("the third try", Duration::from_secs(5), || {
            asked += 1;
            (asked == 3).then_some("there")
        });
        assert_eq!(answer.unwrap(), "there");
    }

    #[test]
    fn names_what_never_came() {
        let error = until("godot", Duration::from_millis(1), || None::<()>).unwrap_err();
        assert!(error.to_string().starts_with("still waiting for godot"), "{error}");
    }
}
