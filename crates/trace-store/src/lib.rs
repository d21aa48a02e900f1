//! Spans in a local SQLite file, and the questions asked of them.
