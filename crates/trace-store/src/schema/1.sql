-- One row per span. The columns before `attributes` are copies of what reports group and sum by;
-- `attributes` and `events` hold everything and come last, so that sums do not read them.
CREATE TABLE spans (
    span_id          BLOB    NOT NULL UNIQUE,  -- 8 bytes
    trace_id         BLOB    NOT NULL,         -- 16 bytes
    parent_id        BLOB,                     -- null for a root
    session_id       TEXT,
    project          TEXT,
    kind             TEXT    NOT NULL,         -- AGENT, LLM, TOOL, CHAIN
    name             TEXT    NOT NULL,
    start_ns         INTEGER NOT NULL,         -- since the Unix epoch
    end_ns           INTEGER NOT NULL,
    status           TEXT    NOT NULL,         -- UNSET, OK, ERROR
    status_message   TEXT,
    model            TEXT,
    input_tokens     INTEGER,                  -- includes cached_tokens
    cached_tokens    INTEGER,
    output_tokens    INTEGER,                  -- includes reasoning_tokens
    reasoning_tokens INTEGER,
    attributes       TEXT    NOT NULL,         -- JSON object, in the span's order
    events           TEXT    NOT NULL          -- JSON array
);

CREATE INDEX spans_by_trace   ON spans (trace_id, start_ns);
CREATE INDEX spans_by_time    ON spans (start_ns, trace_id);
CREATE INDEX spans_by_session ON spans (session_id, start_ns);
CREATE INDEX spans_by_project ON spans (project, start_ns);
CREATE INDEX spans_by_model   ON spans (model, start_ns) WHERE model IS NOT NULL;
