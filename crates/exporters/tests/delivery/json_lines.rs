//! Files of JSON lines.

use std::fs;
use std::path::Path;
use std::thread;

use exporters::{ExportError, Exporter, JsonFile, RetryClass};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp_model::SpanBatch;

use crate::{SCOPE, request_of_turn, turn};

fn read(path: &Path) -> Vec<ExportTraceServiceRequest> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_batch_is_a_line_that_only_its_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/traces.jsonl");
    let file = JsonFile::new(&path, None).with_scope(SCOPE);
    assert!(file.probe().unwrap().accepts);
    assert_eq!(file.export(&SpanBatch { spans: vec![], ..turn() }).unwrap().spans, 0);
    assert!(!path.exists());
    assert_eq!(file.export(&turn()).unwrap().spans, 3);
    assert_eq!(file.export(&turn()).unwrap().spans, 3);
    assert_eq!(read(&path), [request_of_turn(), request_of_turn()]);
    assert!(file.probe().unwrap().accepts);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_would_grow_too_large_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.jsonl");
    let aside = folder.path().join("traces.jsonl.1");
    JsonFile::new(&path, None).with_scope(SCOPE).export(&turn()).unwrap();
    let line = fs::metadata(&path).unwrap().len();

    let file = JsonFile::new(&path, Some(line * 2)).with_scope(SCOPE);
    file.export(&turn()).unwrap();
    assert!(!aside.exists());
    file.export(&turn()).unwrap();
    assert_eq!((read(&path).len(), read(&aside).len()), (1, 2));
    // One that is too large by itself is kept whole.
    JsonFile::new(&path, Some(1)).with_scope(SCOPE).export(&turn()).unwrap();
    assert_eq!((read(&path).len(), read(&aside).len()), (1, 1));
}

#[test]
fn lines_of_several_writers_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.jsonl");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| JsonFile::new(&path, None).with_scope(SCOPE).export(&turn()).unwrap());
        }
    });
    assert_eq!(read(&path), vec![request_of_turn(); 8]);
}

#[test]
fn a_writer_that_never_ends_is_not_waited_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.jsonl");
    let stopped = fs::File::create(&path).unwrap();
    stopped.lock().unwrap();
    let error = JsonFile::new(&path, None).with_scope(SCOPE).export(&turn()).unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::Retry(None));
    drop(stopped);
    JsonFile::new(&path, None).with_scope(SCOPE).export(&turn()).unwrap();
    assert_eq!(read(&path).len(), 1);
}

#[test]
fn a_file_that_cannot_be_made_is_known_before_the_first_batch() {
    let folder = tempfile::tempdir().unwrap();
    let probe =
        |path: &str| JsonFile::new(folder.path().join(path), None).with_scope(SCOPE).probe();
    assert!(probe("traces.jsonl").unwrap().accepts);
    assert!(probe("a/b/traces.jsonl").unwrap().accepts);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(probe("file/traces.jsonl").unwrap_err(), ExportError::WriteFile { .. }));
    let nowhere = JsonFile::new("/proc/nowhere/traces.jsonl", None).with_scope(SCOPE);
    if cfg!(target_os = "linux") {
        assert!(matches!(nowhere.probe().unwrap_err(), ExportError::WriteFile { .. }));
    }
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = JsonFile::new(folder.path(), None).with_scope(SCOPE);
    for error in [file.export(&turn()).unwrap_err(), file.probe().unwrap_err()] {
        assert!(matches!(error, ExportError::WriteFile { .. }), "{error:?}");
        assert_eq!(error.retry_class(), RetryClass::Blocked);
        let expected = format!("`{}` cannot be written", folder.path().display());
        assert_eq!(error.to_string(), expected);
    }
}
