//! What the notify hook costs.

use std::io::Write;

use super::measure::{self, Cost};
use super::scene::{RECORDED_THREAD, RECORDED_TURN, Scene};

/// How large "large" is, in lines of one MiB.
pub(crate) const LARGE_MIB: usize = 100;

/// A turn of three requests and three tools in a thread of its own, its telemetry already there.
pub(crate) fn small_turn(scene: &Scene) -> anyhow::Result<Cost> {
    measure::cost(|_| {
        let thread = thread(scene.next());
        let ours = |text: &str| text.replace(RECORDED_THREAD, &thread);
        scene.transcript(&thread)?.write_all(ours(&scene.rollout).as_bytes())?;
        scene.send_telemetry(&ours(&scene.logs))?;
        Ok(scene.hook(&ours(&scene.notify)))
    })
}

/// The same turn where 10,000 older sessions lie around, 100 of them of the same day.
pub(crate) fn among_many_sessions(scene: &Scene) -> anyhow::Result<Cost> {
    for day in 0..100 {
        let folder = scene.day(day)?;
        for session in 0..100 {
            let name = format!("rollout-2026-01-01T00-00-00-{}.jsonl", thread(session));
            std::fs::write(folder.join(name.replace("01a1fb18", &format!("01a1{day:04}"))), "")?;
        }
    }
    small_turn(scene)
}

/// The same turn as one of many in a thread whose transcript has grown to this size, in MiB, while the
/// hook looked on.
pub(crate) fn further_turn(scene: &Scene, mib: usize) -> anyhow::Result<Cost> {
    let thread = thread(scene.next());
    let (first_line, turn) = scene.rollout.split_once('\n').unwrap_or_default();
    let ours = |text: &str, run: usize| {
        let turn_id = format!("{}{run:04}", &RECORDED_TURN[..RECORDED_TURN.len() - 4]);
        text.replace(RECORDED_THREAD, &thread).replace(RECORDED_TURN, &turn_id)
    };
    write_large(scene, &thread, first_line, mib)?;
    scene.transcript(&thread)?.write_all(ours(turn, 9999).as_bytes())?;
    scene.hook(&ours(&scene.notify, 9999)).status()?;
    measure::cost(|run| {
        scene.transcript(&thread)?.write_all(ours(turn, run).as_bytes())?;
        scene.send_telemetry(&ours(&scene.logs, run))?;
        Ok(scene.hook(&ours(&scene.notify, run)))
    })
}

/// The first turn that the hook ever sees of a thread with a transcript of 100 MB.
pub(crate) fn first_read_of_a_large_transcript(scene: &Scene) -> anyhow::Result<Cost> {
    let (first_line, turn) = scene.rollout.split_once('\n').unwrap_or_default();
    let mut costs = Vec::new();
    for run in 0..3 {
        let thread = thread(9000 + run);
        let ours = |text: &str| text.replace(RECORDED_THREAD, &thread);
        write_large(scene, &thread, first_line, LARGE_MIB)?;
        scene.transcript(&thread)?.write_all(ours(turn).as_bytes())?;
        scene.send_telemetry(&ours(&scene.logs))?;
        costs.push(measure::once(scene.hook(&ours(&scene.notify)))?);
    }
    Ok(super::median(costs))
}

/// A turn of 100 MB, of 1,000 outputs.
pub(crate) fn turn_of_100_mb(scene: &Scene) -> anyhow::Result<Cost> {
    large_turn(scene, |turn, write| {
        let output = "The quick brown fox jumps over the \\\"lazy\\\" dog.\\n".repeat(2000);
        for number in 0..1000 {
            write(&turn.call(number))?;
            write(&turn.usage(number))?;
            write(&turn.output(number, &output))?;
        }
        Ok(())
    })
}

/// A turn of 50,000 calls in one response.
pub(crate) fn turn_of_50_000_calls(scene: &Scene) -> anyhow::Result<Cost> {
    large_turn(scene, |turn, write| {
        (0..50_000).try_for_each(|number| write(&turn.call(number)))?;
        write(&turn.usage(0))?;
        (0..50_000)
            .try_for_each(|number| write(&turn.output(number, "Exit code: 0\\nOutput:\\nhi")))
    })
}

/// The answer to Codex before a tool call, in a turn that has made so many calls, of a session that the
/// store knows up to the turn before, with budgets of everything. A watch over the turn has measured it
/// just before, or there is none.
pub(crate) fn budget_decision(
    scene: &Scene,
    calls: usize,
    is_watched: bool,
) -> anyhow::Result<Cost> {
    let scene = &scene.again()?;
    scene.set_budgets()?;
    let thread = thread(scene.next());
    let ours = |text: &str, turn: &str| {
        text.replace(RECORDED_THREAD, &thread).replace(RECORDED_TURN, turn)
    };
    scene.transcript(&thread)?.write_all(ours(&scene.rollout, RECORDED_TURN).as_bytes())?;
    // What a watch over the turn before has done.
    crate::run::succeed(&mut scene.report())?;
    let turn = RECORDED_TURN.replace("01a1fb18", "01a1fb19");
    let (_, records) = scene.rollout.split_once('\n').unwrap_or_default();
    let (begun, _) = records.trim_end().rsplit_once('\n').unwrap_or_default();
    let mut transcript = scene.transcript(&thread)?;
    writeln!(transcript, "{}", ours(begun, &turn))?;
    for number in 0..calls {
        writeln!(transcript, "{}", LargeTurn.call(number))?;
        writeln!(transcript, "{}", ours(&LargeTurn.usage(number), &turn))?;
        writeln!(transcript, "{}", LargeTurn.output(number, "Exit code: 0\\nOutput:\\nhi"))?;
    }
    drop(transcript);
    let payload = scene.home().join("payload.json");
    let text = format!(
        r#"{{"session_id":"{thread}","transcript_path":{path:?},"cwd":{cwd:?},"hook_event_name":"PreToolUse","turn_id":"{turn}","tool_name":"Bash","tool_input":{{}},"tool_use_id":"call_1"}}"#,
        path = scene.transcript_path(&thread)?,
        cwd = scene.home(),
    );
    std::fs::write(&payload, text)?;
    measure::slow_cost(|_| {
        if is_watched {
            scene.note_spending(&thread, &turn)?;
        }
        Ok(scene.lifecycle(std::fs::File::open(&payload)?))
    })
}

/// Records of a large turn.
struct LargeTurn;

impl LargeTurn {
    fn item(&self, payload: &str) -> String {
        format!(
            r#"{{"timestamp":"2026-11-20T22:34:40.000Z","type":"response_item","payload":{payload}}}"#
        )
    }

    fn call(&self, number: usize) -> String {
        self.item(&format!(
            r#"{{"type":"function_call","name":"exec_command","call_id":"call_{number}","arguments":"{{\"cmd\":\"cat {number}\"}}"}}"#
        ))
    }

    fn output(&self, number: usize, output: &str) -> String {
        self.item(&format!(
            r#"{{"type":"function_call_output","call_id":"call_{number}","output":"{output}"}}"#
        ))
    }

    fn usage(&self, number: usize) -> String {
        format!(
            r#"{{"timestamp":"2026-11-20T22:34:40.000Z","type":"token_usage_record","payload":{{"turn_id":"{RECORDED_TURN}","response_id":"resp_{number}","usage":{{"input_tokens":1000,"output_tokens":20}}}}}}"#
        )
    }
}

/// The recorded turn with many more records before its end.
fn large_turn(
    scene: &Scene,
    records: impl Fn(&LargeTurn, &mut dyn FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..3 {
        let thread = thread(scene.next());
        let ours = |text: &str| text.replace(RECORDED_THREAD, &thread);
        let (before, end) = scene.rollout.trim_end().rsplit_once('\n').unwrap_or_default();
        let mut transcript = scene.transcript(&thread)?;
        writeln!(transcript, "{}", ours(before))?;
        records(&LargeTurn, &mut |record| Ok(writeln!(transcript, "{record}")?))?;
        writeln!(transcript, "{}", ours(end))?;
        transcript.flush()?;
        drop(transcript);
        scene.send_telemetry(&ours(&scene.logs))?;
        costs.push(measure::once(scene.hook(&ours(&scene.notify)))?);
    }
    Ok(super::median(costs))
}

fn write_large(scene: &Scene, thread: &str, first_line: &str, mib: usize) -> anyhow::Result<()> {
    let mut transcript = scene.transcript(thread)?;
    writeln!(transcript, "{}", first_line.replace(RECORDED_THREAD, thread))?;
    let filler = "x".repeat(1 << 20);
    for _ in 0..mib {
        writeln!(transcript, r#"{{"type":"world_state","payload":"{filler}"}}"#)?;
    }
    Ok(transcript.flush()?)
}

/// A thread id of the recorded day.
fn thread(number: usize) -> String {
    format!("{}{number:04}", &RECORDED_THREAD[..RECORDED_THREAD.len() - 4])
}
