-- How long model calls took, beside their spans and small, so that a year of them is read at once. They are
-- numbers: they stay when the spans are dropped. Calls that were stored before have no row.
CREATE TABLE call_times (
    id             INTEGER PRIMARY KEY,  -- the number of the span's row
    start_ns       INTEGER NOT NULL,
    trace_id       BLOB    NOT NULL,
    model          TEXT    NOT NULL,     -- empty where it is not known
    millis         INTEGER NOT NULL,
    first_token_ms INTEGER               -- null where it was not measured
);
CREATE INDEX call_times_by_time ON call_times (start_ns);
