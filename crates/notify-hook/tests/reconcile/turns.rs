//! Which turns are sent, and when.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use codex_turn::NotifyPayload;
use dispatch::ledger;
use notify_hook::{ReadLimit, Report, Trigger};
use otlp_model::{SpanKind, SpanStatus, UnixNanos};
use program_log::LIMIT_REACHED;

use crate::home::{Home, NOTHING, SENT, UNSENT};

#[test]
fn trap_05_turns_without_a_notify_come_with_the_next_trigger_once() {
    let home = Home::new("0.169.0/tui_multi");
    home.write_transcript(&home.recorded());
    assert_eq!(home.run(Some(home.payload())), Report { traced: 3, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
    for _ in 0..3 {
        assert_eq!(home.run(Some(home.payload())), NOTHING);
    }
    assert_eq!(home.batches().len(), 3);
}

#[test]
fn trap_01_interrupted_and_failed_turns_come_with_the_next_trigger() {
    let home = Home::new("0.169.0/tui_interrupt_tool");
    home.write_transcript(&home.recorded());
    assert_eq!(home.run(Some(home.payload())), Report { traced: 2, unsent: 0 });
    let statuses: Vec<_> = home
        .batches()
        .iter()
        .map(|batch| batch.spans[0].text("codex.turn.status").unwrap().to_owned())
        .collect();
    assert_eq!(statuses, ["interrupted", "completed"]);
}

#[test]
fn trap_06_the_end_of_the_turn_is_written_after_notify() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    // Even the last line may be there in part.
    home.write_transcript(&text[..end + 40]);
    let report = thread::scope(|scope| {
        let look = scope.spawn(|| home.run(Some(home.payload())));
        thread::sleep(Duration::from_millis(60));
        home.append(&text[end + 40..]);
        look.join().unwrap()
    });
    assert_eq!(report, SENT);
    let root = &home.batches()[0].spans[0];
    assert_eq!((root.end.since(root.start) / 1_000_000, root.name.as_str()), (269, "Turn 1"));
}

#[test]
fn a_turn_of_notify_is_sent_even_if_its_end_is_never_written() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    home.write_transcript(&text[..end]);
    assert_eq!(home.run(None), NOTHING, "without a notify the turn may go on");
    assert_eq!(home.run(Some(home.payload())), SENT);
    home.append(&text[end..]);
    assert_eq!(home.run(Some(home.payload())), NOTHING);
}

#[test]
fn what_can_neither_be_sent_nor_put_away_is_sent_by_the_next_trigger() {
    let home = Home::new("0.169.0/tui_multi");
    let text = home.recorded();
    home.write_transcript(&text);
    home.go_away();
    assert_eq!(home.run(Some(home.payload())), Report { traced: 0, unsent: 3 });
    assert!(home.paths.state_dir.join("unsent").join(&home.thread_id).exists());
    assert!(home.log().contains("could not be sent"), "{}", home.log());
    home.come_back();
    // Any trigger will do.
    assert_eq!(home.run(None), Report { traced: 3, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
    assert!(!home.paths.state_dir.join("unsent").join(&home.thread_id).exists());
    let entries = ledger::read(&home.paths, UnixNanos(0));
    let numbers: Vec<_> = entries.iter().map(|turn| turn.number.unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1], "{entries:?}");
    assert!(entries.iter().all(|turn| turn.thread == home.thread_id && turn.input_tokens > 0));
}

#[test]
fn without_a_transcript_the_payload_gives_a_flat_turn() {
    let home = Home::new("0.169.0/basic");
    home.go_away();
    assert_eq!(home.run(Some(home.payload())), UNSENT);
    home.come_back();
    assert_eq!(home.run(None), SENT, "the payload was kept");
    assert_eq!(home.run(Some(home.payload())), NOTHING);
    let batch = &home.batches()[0];
    let root = &batch.spans[0];
    assert_eq!((batch.spans.len(), root.name.as_str(), root.kind), (1, "Turn", SpanKind::Agent));
    assert_eq!(root.text("input.value"), Some("List the files"));
    assert_eq!(root.text("output.value"), Some("All done. There are files."));
}

#[test]
fn a_transcript_that_cannot_be_read_is_no_reason_to_lose_the_turn() {
    let home = Home::new("0.169.0/basic");
    fs::create_dir_all(home.transcript_path()).unwrap();
    assert_eq!(home.run(Some(home.payload())), SENT);
    assert_eq!(home.names(), ["Turn"]);
    assert!(home.log().contains("cannot be read"), "{}", home.log());
    // Once it can be read, the turn is not sent again.
    fs::remove_dir(home.transcript_path()).unwrap();
    home.write_transcript(&home.recorded());
    assert_eq!(home.run(Some(home.payload())), NOTHING);
}

#[test]
fn trap_02_hidden_threads_are_left_out_unless_wanted() {
    let home = Home::new("0.169.0/basic");
    let title = NotifyPayload {
        input_messages: vec![
            "Generate a concise, single-line task title of at most 36 characters".to_owned(),
        ],
        ..home.payload()
    };
    assert_eq!(home.run(Some(title.clone())), NOTHING);
    assert_eq!(home.batches().len(), 0);
    // A user may well ask for the same; then there is a transcript.
    home.write_transcript(&home.recorded());
    assert_eq!(home.run(Some(title)), SENT);
}

#[test]
fn trap_10_turns_without_ids_are_counted_once() {
    let home = Home::new("0.98.0/basic");
    home.write_transcript(&home.recorded());
    assert_eq!(home.run(Some(home.payload())), SENT);
    let begun = Instant::now();
    assert_eq!(home.run(Some(home.payload())), NOTHING);
    assert!(begun.elapsed() < Duration::from_secs(1), "a repeated trigger has nothing to wait for");
    // The next turn of the process has the same id, 0, and the same answer.
    let next = home.recorded();
    let body = next.split_once('\n').unwrap().1.replace("22:54:49", "22:58:49");
    let body = body.replace("\"total_tokens\":", "\"total_tokens\":1");
    home.append(&body);
    let payload = NotifyPayload {
        input_messages: vec!["List the files".to_owned(), "List the files".to_owned()],
        ..home.payload()
    };
    assert_eq!(home.run(Some(payload)), SENT);
    assert_eq!(home.names(), ["Turn 1", "Turn 2"]);
    let ids: Vec<_> = home.batches().iter().map(|batch| batch.spans[0].trace_id).collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn packed_and_archived_transcripts_are_read_on() {
    let home = Home::new("0.169.0/tui_multi");
    let text = home.recorded();
    let second = text.match_indices("task_started").nth(1).unwrap().0;
    let first_turn = text[..second].rfind('\n').unwrap() + 1;
    home.write_transcript(&text[..first_turn]);
    home.run(None);
    assert_eq!(home.names(), ["Turn 1"]);
    // The thread went on, was archived and packed.
    let plain = home.transcript_path();
    fs::remove_file(&plain).unwrap();
    let archive = home.paths.codex_home.join("archived_sessions");
    fs::create_dir_all(&archive).unwrap();
    let packed = archive.join(plain.file_name().unwrap()).with_extension("jsonl.zst");
    let bytes = zstd::encode_all(text.as_bytes(), 3).unwrap();
    fs::write(packed, bytes).unwrap();
    assert_eq!(home.run(Some(home.payload())), Report { traced: 2, unsent: 0 });
    assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"]);
}

#[test]
fn many_triggers_at_once_send_one_trace() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| home.run(Some(home.payload())));
        }
    });
    assert_eq!(home.names(), ["Turn 1"]);
}

#[test]
fn a_sub_agent_of_an_older_codex_finds_the_turn_that_it_works_for() {
    let home = Home::new("0.130.0/fork_context");
    home.write_transcript(&home.recorded());
    let child_text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
    let meta =
        codex_turn::ThreadMeta::decode(child_text.lines().next().unwrap().as_bytes()).unwrap();
    let child = Home { thread_id: meta.thread_id, ..Home::new("0.130.0/fork_context") };
    let child = Home { paths: home.paths.clone(), target: home.target.clone(), ..child };
    child.write_transcript(&child_text);
    // The sub-agent ends first; its copied history is not sent.
    assert_eq!(child.run(Some(child.payload())), SENT);
    assert_eq!(home.run(Some(home.payload())), SENT);
    let (below, above) = (&home.batches()[0].spans, &home.batches()[1].spans);
    let spawn = above.iter().find(|span| span.name == "spawn_agent").unwrap();
    assert_eq!((below[0].trace_id, below[0].parent_id), (spawn.trace_id, Some(spawn.span_id)));
    assert_eq!(below[0].text("session.id"), above[0].text("session.id"));
}

/// Whichever ends first, and in one run for the sub-agent or in two.
#[test]
fn later_work_of_a_sub_agent_hangs_below_the_call_that_gave_it() {
    for case in ["0.130.0/send_input", "0.171.0/send_input", "0.171.0/followup_task"] {
        for sub_agent_first in [true, false] {
            let home = Home::new(case);
            let text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
            let first_line = text.lines().next().unwrap();
            let meta = codex_turn::ThreadMeta::decode(first_line.as_bytes()).unwrap();
            let child = Home { thread_id: meta.thread_id, ..Home::new(case) };
            let child = Home { paths: home.paths.clone(), target: home.target.clone(), ..child };
            let sweep = || Trigger::Sweep { since: UnixNanos(0), closed: None };
            let run = |of: &Home| of.run_for(sweep(), &[]).traced;
            home.write_transcript(&home.recorded());
            if !sub_agent_first {
                assert_eq!(run(&home), 1, "{case}");
            }
            let second = text.match_indices("\"task_started\"").nth(1).unwrap().0;
            let (begun, rest) = text.split_at(text[..second].rfind('\n').unwrap() + 1);
            child.write_transcript(begun);
            assert_eq!(run(&child), 1, "{case}");
            child.append(rest);
            assert_eq!(run(&child), 1, "{case}");
            if sub_agent_first {
                assert_eq!(run(&home), 1, "{case}");
            }
            let spans: Vec<_> = home.batches().into_iter().flat_map(|batch| batch.spans).collect();
            let works = spans.iter().filter(|span| span.name.ends_with("(sub-agent)"));
            let above = works.map(|turn| {
                let call = spans.iter().find(|span| Some(span.span_id) == turn.parent_id);
                call.unwrap().name.to_string()
            });
            let later = if case.contains("send_input") { "send_input" } else { "followup_task" };
            assert_eq!(above.collect::<Vec<_>>(), ["spawn_agent", later], "{case}");
        }
    }
}

/// Up to 0.98 a fork repeats the turns of the other thread as if they were its own.
#[test]
fn a_fork_without_turn_ids_is_counted_once() {
    for origin_is_there in [true, false] {
        let home = Home::new("0.98.0/fork");
        let text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
        // People take longer than scripts.
        let text =
            text.replace("T16:32:56.87", "T16:32:58.87").replace("T16:32:56.9", "T16:32:58.9");
        let first_line = text.lines().next().unwrap();
        let meta = codex_turn::ThreadMeta::decode(first_line.as_bytes()).unwrap();
        let fork = Home { thread_id: meta.thread_id, ..Home::new("0.98.0/fork") };
        let fork = Home { paths: home.paths.clone(), target: home.target.clone(), ..fork };
        let sweep = || Trigger::Sweep { since: UnixNanos(0), closed: None };
        if origin_is_there {
            home.write_transcript(&home.recorded());
            home.fall_silent();
            assert_eq!(home.run_for(sweep(), &[]).traced, 2);
        }
        fork.write_transcript(&text);
        fork.fall_silent();
        assert_eq!(fork.run_for(sweep(), &[]), SENT);
        assert_eq!(fork.run_for(sweep(), &[]), NOTHING);
        let spans = home.batches().pop().unwrap().spans;
        assert_eq!(spans[0].text("codex.forked_from_thread_id"), Some(&*home.thread_id));
        assert_eq!(spans[0].int("codex.turn.usage.input_tokens"), Some(1000));
        assert_eq!(home.log().contains("whose transcript is gone"), !origin_is_there);
    }
}

/// The other thread went on for long, with a Codex that marks turns: what the fork repeats stands before
/// the place at which a first read of it would begin.
#[test]
fn a_fork_of_a_long_thread_is_counted_once() {
    let home = Home::new("0.98.0/fork");
    let text = fs::read_to_string(home.recording.join("rollout-2.jsonl")).unwrap();
    let text = text.replace("T16:32:56.87", "T16:32:58.87").replace("T16:32:56.9", "T16:32:58.9");
    let meta = codex_turn::ThreadMeta::decode(text.lines().next().unwrap().as_bytes()).unwrap();
    let fork = Home { thread_id: meta.thread_id, ..Home::new("0.98.0/fork") };
    let fork = Home { paths: home.paths.clone(), target: home.target.clone(), ..fork };
    home.write_transcript(&home.recorded());
    let record = |kind: &str, payload: &str| {
        format!(
            "{{\"timestamp\":\"2026-11-30T10:00:00.000Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n"
        )
    };
    let filler = record("world_state", &format!("\"{}\"", "x".repeat(1 << 20)));
    home.append(&filler.repeat(17));
    for event in ["task_started", "task_complete"] {
        home.append(&record("event_msg", &format!("{{\"type\":\"{event}\",\"turn_id\":\"t\"}}")));
    }
    fork.write_transcript(&text);
    fork.fall_silent();
    assert_eq!(fork.run_for(Trigger::Sweep { since: UnixNanos(0), closed: None }, &[]), SENT);
    assert_eq!(home.batches().len(), 1);
}

#[test]
fn a_damaged_memory_sends_the_same_spans_again() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.run(Some(home.payload()));
    let state = home.paths.state_dir.join("threads").join(format!("{}.json", home.thread_id));
    fs::write(&state, "{ not json").unwrap();
    assert_eq!(home.run(Some(home.payload())), SENT);
    let batches = home.batches();
    assert_eq!(batches[0], batches[1]);
}

#[test]
fn a_turn_that_is_sent_again_after_a_kill_is_sent_as_it_was() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.killed_at_export(|| assert_eq!(home.run(Some(home.payload())), SENT));
    // Whatever has become known since, such as telemetry: here it is another user.
    let trigger = Trigger::Notify(home.payload());
    let report = home.run_as(trigger, &[("ARIZE_USER_ID", "ada")], "");
    assert_eq!(report, SENT);
    let batches = home.batches();
    assert_eq!(batches.len(), 2);
    assert_eq!(batches[0], batches[1]);
    // What was written down for that is gone, and not for the next turn.
    let left = fs::read_dir(home.paths.state_dir.join("threads")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.ends_with(".sending")).count(), 0);
    assert_eq!(home.run(Some(home.payload())), NOTHING);
}

#[test]
fn a_dry_run_changes_nothing() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&home.recorded());
    home.run_with(Some(home.payload()), &[("ARIZE_DRY_RUN", "true")]);
    assert_eq!(home.batches().len(), 0);
    assert_eq!(home.run(Some(home.payload())), SENT);
}

#[test]
fn work_is_bounded_by_what_is_new_and_lines_by_their_length() {
    let home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let (first_line, turn) = text.split_once('\n').unwrap();
    // 20 MiB of an older turn, of which nothing else is there, and a line that fits into no memory.
    let noise = format!("{{\"type\":\"world_state\",\"payload\":\"{}\"}}\n", "x".repeat(1 << 20));
    let mut long = format!("{first_line}\n");
    for _ in 0..20 {
        long.push_str(&noise);
    }
    long.push_str(turn);
    home.write_transcript(&long);
    assert_eq!(home.run(Some(home.payload())), SENT);
    assert_eq!(home.names(), ["Turn"], "its number is not known: reading began in the middle");

    let id = "01a1fb18-d78a-7131-84b5-6faa13380fc7";
    let next = "01a1fb18-ffff-7131-84b5-6faa13380fc7";
    let (half, rest) = turn.split_at(turn.find("\"token_usage_record\"").unwrap());
    let (half, begun) = half.rsplit_once('\n').unwrap();
    home.append(&format!("{}\n", half.replace(id, next)));
    home.append(&format!("[{}1]\n", "1,".repeat(2 << 20)));
    home.append(&format!("{begun}{rest}").replace(id, next));
    assert_eq!(
        home.run(Some(NotifyPayload { turn_id: Some(next.to_owned()), ..home.payload() })),
        SENT
    );
    let batch = home.batches().pop().unwrap();
    assert_eq!(batch.spans[0].int("codex.turn.usage.input_tokens"), Some(3003));
    let log = home.log();
    let line = log.lines().find(|line| line.contains("was ignored"));
    // The doctor knows by these words that something was left out because it was too much.
    assert!(line.is_some_and(|line| line.contains(LIMIT_REACHED)), "{log}");
}

/// A turn that is so large that there is no time to read it, and the next one.
#[test]
fn a_turn_that_takes_too_long_to_read_leaves_as_far_as_it_was_read() {
    let mut home = Home::new("0.169.0/basic");
    let text = home.recorded();
    let (first_line, turn) = text.split_once('\n').unwrap();
    let (first_response, rest) = turn.split_at(turn.find("\"fc_2\"").unwrap());
    let (first_response, begun) = first_response.rsplit_once('\n').unwrap();
    let noise = format!("{{\"type\":\"world_state\",\"payload\":\"{}\"}}\n", "x".repeat(1 << 10));
    let noise = noise.repeat(256);
    home.write_transcript(&format!("{first_line}\n{first_response}\n{noise}{begun}{rest}"));
    home.reading = ReadLimit { time: Duration::ZERO, at_least: 0 };
    assert_eq!(home.run(Some(home.payload())), SENT);
    let root = &home.batches()[0].spans[0];
    assert_eq!(root.text("codex.turn.cut.reason"), Some("time"));
    assert_eq!(root.int("codex.turn.usage.input_tokens"), Some(1000));
    assert_eq!(root.status, SpanStatus::Unset);
    assert!(home.log().contains(LIMIT_REACHED), "{}", home.log());
    // Further runs read on from there, find nothing of it to send, and come to an end.
    let looks = noise.len() / (64 << 10) + 2;
    for _ in 0..looks {
        assert_eq!(home.run(None), NOTHING);
    }
    let next = "01a1fb18-ffff-7131-84b5-6faa13380fc7";
    home.append(&turn.replace("01a1fb18-d78a-7131-84b5-6faa13380fc7", next));
    let payload = NotifyPayload { turn_id: Some(next.to_owned()), ..home.payload() };
    assert_eq!(home.run(Some(payload)), SENT);
    let batch = home.batches().pop().unwrap();
    assert_eq!(batch.spans[0].text("codex.turn.cut.reason"), None);
    assert_eq!(batch.spans[0].int("codex.turn.usage.input_tokens"), Some(3003));
    assert_eq!(batch.spans[0].name, "Turn 2");
}

/// Two front ends on one thread, and a version whose calls name no turn: what the first turn called
/// stays its own when the second one is read after it was sent.
#[test]
fn a_turn_that_ends_beside_another_keeps_its_calls() {
    let home = Home::new("0.145.0/two_front_ends");
    let text = home.recorded();
    let ends = text.match_indices(r#""type":"task_complete""#).map(|(at, _)| at);
    let second_end = ends.clone().nth(1).unwrap();
    let second_end = second_end + text[second_end..].find('\n').unwrap() + 1;
    home.write_transcript(&text[..second_end]);
    assert_eq!(home.run(None), Report { traced: 2, unsent: 0 });
    home.append(&text[second_end..]);
    assert_eq!(home.run(None), SENT);
    let calls: Vec<Vec<_>> = home
        .batches()
        .iter()
        .map(|batch| {
            let tools = batch.spans.iter().filter(|span| span.kind == SpanKind::Tool);
            tools.map(|tool| tool.text("tool.id").unwrap().to_owned()).collect()
        })
        .collect();
    assert_eq!(calls, [vec![], vec!["call_A".to_owned()], vec!["call_B".to_owned()]]);
    assert_eq!(home.run(None), NOTHING);
}
