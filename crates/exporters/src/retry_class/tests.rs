use std::io;

use expect_test::expect_file;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// What the page says of an answer or a failure: its class, the one where it comes with a time, and
/// when nothing was taken.
type Row = (String, String, &'static str);

fn row(judge: impl Fn(Option<Duration>) -> Judgement) -> Row {
    let ((class, certain), (timed, timed_certain)) = (judge(None), judge(Some(SECOND)));
    let nothing_taken = match (certain, timed_certain) {
        (true, true) => "yes",
        (false, true) => "with a time",
        (false, false) => "",
        (true, false) => panic!("a time makes nothing less certain"),
    };
    (name(class), name(timed), nothing_taken)
}

fn name(class: RetryClass) -> String {
    let name = format!("{class:?}");
    name.replace("(None)", "").replace("(Some(1s))", ", then")
}

/// The lines of a table: one for the answers that are judged alike, the most of them last as "all others".
fn lines(answers: impl Iterator<Item = (String, Row)>) -> String {
    let mut groups: Vec<(Row, Vec<String>)> = Vec::new();
    for (answer, row) in answers {
        match groups.iter_mut().find(|(of, _)| *of == row) {
            Some((_, answers)) => answers.push(answer),
            None => groups.push((row, vec![answer])),
        }
    }
    groups.sort_by_key(|(_, answers)| answers.len());
    let line = |((class, timed, taken), answers): &(Row, Vec<String>)| {
        let answers = if answers.len() > 6 { "all others".to_owned() } else { answers.join(", ") };
        format!("| {answers} | {class} | {timed} | {taken} |\n")
    };
    groups.iter().map(line).collect()
}

fn failures() -> Vec<(&'static str, ExportError)> {
    let url = || "http://h".to_owned();
    let text = || "no".to_owned();
    let file = |kind: io::ErrorKind| ExportError::WriteFile { place: text(), source: kind.into() };
    vec![
        ("no connection", ExportError::Connect { url: url(), source: "gone".into() }),
        (
            "no answer in time",
            ExportError::Timeout { url: url(), limit: SECOND, source: "late".into() },
        ),
        (
            "a connection that breaks before the answer",
            ExportError::Interrupted { url: url(), source: "reset".into() },
        ),
        (
            "success, but for some of the spans",
            ExportError::PartlyRejected { url: url(), spans: 1, answer: text() },
        ),
        (
            "too large: 413, `ResourceExhausted` or `OutOfRange` to a message of more than 4 MiB",
            ExportError::TooLarge { url: url(), bytes: 1 },
        ),
        (
            "a redirect, a web page, `Unimplemented`",
            ExportError::WrongAddress { url: url(), behaviour: text() },
        ),
        ("an experiment of MLflow", ExportError::Experiment { url: url(), problem: text() }),
        ("a file, or a store on disk", file(io::ErrorKind::StorageFull)),
        (
            "a file, or a store on disk, that may not be written",
            file(io::ErrorKind::PermissionDenied),
        ),
    ]
}

#[test]
fn the_documented_tables_are_the_code() {
    let http = (300..600).map(|status| (status.to_string(), row(|wait| of_http(status, wait))));
    let grpc = (0..17).map(|code| {
        (format!("`{}`", crate::grpc_code::name(code)), row(|wait| of_grpc(code, wait)))
    });
    let mut page = "What to do with a batch that was not accepted.\n\n".to_owned();
    let head = "| Class | with a time to wait | Nothing was taken |\n| --- | --- | --- | --- |\n";
    page.push_str(&format!("| HTTP {head}{}\n", lines(http)));
    page.push_str(&format!("| gRPC {head}{}\n", lines(grpc)));
    page.push_str(&format!(
        "| Other failure {}",
        head.replace("with a time to wait | ", "").replace(" --- |\n", "\n")
    ));
    for (failure, error) in failures() {
        let taken = if error.is_safe_to_repeat() { "yes" } else { "" };
        page.push_str(&format!("| {failure} | {} | {taken} |\n", name(error.retry_class())));
    }
    page.push_str(
        "\n\"With a time\" is an answer with `Retry-After`, or with `RetryInfo` of gRPC. Where nothing was taken, \
         metrics are sent again, too, which have no ids.\n",
    );
    expect_file!["retry_class.md"].assert_eq(&page);
}

/// Whatever a server sends has a class, and a time never makes a final refusal one that passes.
#[test]
fn a_time_only_moves_what_may_pass() {
    let judge_http = |status: u16| [of_http(status, None), of_http(status, Some(SECOND))];
    let judge_grpc = |code: i32| [of_grpc(code, None), of_grpc(code, Some(SECOND))];
    let http = (0..=u16::MAX).map(judge_http);
    for [(without, _), (with, _)] in http.chain((-5..40).map(judge_grpc)) {
        match without {
            RetryClass::Retry(_) | RetryClass::RetrySuspect => {
                assert_eq!(with, RetryClass::Retry(Some(SECOND)));
            }
            RetryClass::Blocked if with == RetryClass::Retry(Some(SECOND)) => {}
            final_refusal => assert_eq!(with, final_refusal),
        }
    }
}

#[test]
fn an_answer_becomes_the_error_of_its_class() {
    let answered = |status, bytes| {
        let error = ExportError::answered("http://h", status, "no".to_owned(), None, bytes);
        (error.retry_class(), error.to_string())
    };
    let large =
        (RetryClass::Split, "`http://h`: a request of 4194305 bytes is too large for the server");
    for status in [AnswerStatus::Http(413), AnswerStatus::Grpc(8), AnswerStatus::Grpc(11)] {
        let (class, text) = answered(status, USUAL_LIMIT + 1);
        assert_eq!((class, text.as_str()), large, "{status:?}");
    }
    for (status, class, text) in [
        (
            AnswerStatus::Grpc(8),
            RetryClass::Blocked,
            "rejected (grpc status ResourceExhausted): no",
        ),
        (
            AnswerStatus::Grpc(11),
            RetryClass::Retry(None),
            "not accepted for the moment (grpc status OutOfRange): no",
        ),
        (AnswerStatus::Http(401), RetryClass::Blocked, "rejected (http status 401): no"),
        (AnswerStatus::Http(400), RetryClass::DeadLetter, "rejected (http status 400): no"),
        (
            AnswerStatus::Http(503),
            RetryClass::Retry(None),
            "not accepted for the moment (http status 503): no",
        ),
        (
            AnswerStatus::Http(502),
            RetryClass::RetrySuspect,
            "the server failed (http status 502): no",
        ),
    ] {
        assert_eq!(answered(status, 1), (class, format!("`http://h`: {text}")));
    }
}

#[test]
fn credentials_are_refused_by_four_answers() {
    let refuses = |status| {
        ExportError::answered("http://h", status, "no".to_owned(), None, 1).refuses_credentials()
    };
    let http: Vec<u16> = (100..600).filter(|status| refuses(AnswerStatus::Http(*status))).collect();
    let grpc: Vec<i32> = (0..17).filter(|code| refuses(AnswerStatus::Grpc(*code))).collect();
    assert_eq!((http, grpc), (vec![401, 403], vec![7, 16]));
}
