//! Codex driven from a program: `codex exec --json` (or the program in `CODEX`) with the prompt of the
//! command line. Each event is a line of log at once, each turn goes to a file when it ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::{env, error::Error};

use codex_turn::{ExecStream, Signal, SignalKind};
use exporters::{Exporter, JsonFile};
use otlp_model::{SpanBatch, TreeOptions};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn Error>> {
    let prompt = env::args().nth(1).unwrap_or_else(|| "Say hello.".to_owned());
    let codex = env::var("CODEX").unwrap_or_else(|_| "codex".to_owned());
    let mut child = Command::new(codex)
        .args(["exec", "--json", "--skip-git-repo-check", &prompt])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let file = JsonFile::new(env::var("TRACES").unwrap_or("codex-traces.jsonl".to_owned()), None);
    let mut stream = ExecStream::new(prompt, None);
    let show = |signal: Signal| -> Result<(), Box<dyn Error>> {
        println!("{signal}");
        if let SignalKind::TurnEnded(turn) = signal.kind {
            file.export(&SpanBatch::of(&turn, "codex-exec", &TreeOptions::default()))?;
            println!("trace {} is in {}", turn.trace_id(), file.target());
        }
        Ok(())
    };
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        stream.line(examples::now(), &line?).into_iter().try_for_each(show)?;
    }
    // Codex may have been killed in the middle of a turn.
    stream.finish(examples::now()).map_or(Ok(()), show)?;
    child.wait()?;
    Ok(())
}
