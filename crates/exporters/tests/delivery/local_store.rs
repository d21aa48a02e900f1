//! The targets that need no server.

use exporters::{ExportError, Exporter, LocalStore, Memory};
use otlp_model::SpanBatch;
use trace_store::TraceStore;

use crate::{passes, turn};

#[test]
fn a_batch_is_in_the_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("harness/traces.db");
    let exporter = LocalStore::new(&path);
    assert!(exporter.target().ends_with("harness/traces.db"));
    assert_eq!(exporter.export(&SpanBatch::default()).unwrap().spans, 0);
    assert!(!path.exists());

    assert_eq!(exporter.export(&turn()).unwrap().spans, 3);
    assert_eq!(exporter.export(&turn()).unwrap().spans, 3);

    let store = TraceStore::open_read_only(&path).unwrap();
    assert_eq!(store.trace(turn().spans[0].trace_id).unwrap(), turn().spans);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it_and_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    std::fs::write(&path, "not a database, not a database".repeat(100)).unwrap();

    let error = LocalStore::new(&path).export(&turn()).unwrap_err();

    assert!(matches!(error, ExportError::OpenStore(_)));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(!passes(&error));
}

#[test]
fn a_memory_and_its_clones_are_one() {
    let memory = Memory::new();
    let exporter: Box<dyn Exporter> = Box::new(memory.clone());
    exporter.export(&turn()).unwrap();
    exporter.export(&SpanBatch::default()).unwrap();
    exporter.export(&turn()).unwrap();

    assert_eq!(memory.batches(), [turn(), turn()]);
    assert_eq!(memory.spans().len(), 6);
}
