//! The turns of transcripts one after the other, for what is to be done with them elsewhere.

use std::collections::HashSet;

use codex_turn::{TranscriptTurn, fuse};
use otlp_model::{SpanId, Turn};

use crate::lines::Reads;
use crate::queue::Queue;
use crate::{Found, LeftOut, Progress, read};

/// Hands out each turn that has ended, once, but those that a fork repeats; without `contents` with its
/// numbers alone, which takes less time. Ends when all were handed out, or with the error of `take`;
/// says what could not be read.
pub fn each_turn<E>(
    found: &Found,
    contents: bool,
    take: &mut dyn FnMut(Turn) -> Result<(), E>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Vec<LeftOut>, E> {
    let reads = if contents { Reads::Contents } else { Reads::Counts };
    let queue = Queue::all(found);
    let (mut seen, mut left_out) = (HashSet::<SpanId>::new(), Vec::new());
    let mut progress = queue.progress();
    queue.run(
        AHEAD,
        |job, _: &mut (), sender| {
            let mut origin = None;
            let hand_out = &mut |mut turns: Vec<TranscriptTurn>, _| {
                queue.mark_copies(&mut turns, &mut origin);
                for turn in turns.iter().filter(|turn| turn.has_ended() && !turn.is_copied()) {
                    // The taker may have ended.
                    let _ = sender.send(Piece::Turn(Box::new(fuse(turn, &[]))));
                }
            };
            let result = read::read(job.file, reads, None, hand_out).map(drop);
            let result = result.map_err(|error| LeftOut { path: job.file.path.clone(), error });
            let _ = sender.send(Piece::End { bytes: job.bytes(), result });
        },
        |piece| {
            match piece {
                Piece::Turn(turn) if seen.insert(turn.span_id()) => take(*turn)?,
                Piece::Turn(_) => {}
                Piece::End { bytes, result } => {
                    progress.files += 1;
                    progress.bytes += bytes;
                    on_progress(progress);
                    left_out.extend(result.err());
                }
            }
            Ok(())
        },
    )?;
    Ok(left_out)
}

/// How many turns are read before they are taken. Each may have some megabytes.
const AHEAD: usize = 4;

enum Piece {
    Turn(Box<Turn>),
    End { bytes: u64, result: Result<(), LeftOut> },
}
