-- What turns used. One row per turn and one per model call, with ids instead of texts; sums of
-- quarter hours (UTC), of which days in any time zone are made.

CREATE TABLE threads (
    id         INTEGER PRIMARY KEY,
    thread_id  TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL,  -- the thread at the root of the tree of sub-agents
    parent_id  TEXT            -- the thread that set this one to work
);

-- Where turns ran, and who ran them; empty texts for what is not known.
CREATE TABLE places (
    id         INTEGER PRIMARY KEY,
    project    TEXT NOT NULL,
    repository TEXT NOT NULL,
    branch     TEXT NOT NULL,
    folder     TEXT NOT NULL,
    user       TEXT NOT NULL,
    machine    TEXT NOT NULL,
    UNIQUE (project, repository, branch, folder, user, machine)
);

-- By which prices calls are charged.
CREATE TABLE rates (
    id           INTEGER PRIMARY KEY,
    model        TEXT NOT NULL,     -- empty where it is not known
    tier         TEXT NOT NULL,     -- the tier charged; of calls without a price the one asked for
    long_context INTEGER NOT NULL,
    prices       TEXT NOT NULL,     -- the version of the price table; empty where it has no price
    UNIQUE (model, tier, long_context, prices)
);

CREATE TABLE turns (
    id          INTEGER PRIMARY KEY,
    span_id     BLOB    NOT NULL UNIQUE,       -- of the turn's root span
    trace_id    BLOB    NOT NULL,
    thread      INTEGER NOT NULL REFERENCES threads,
    place       INTEGER NOT NULL REFERENCES places,
    turn_id     TEXT    NOT NULL,              -- as the harness names it; may be empty
    number      INTEGER,                       -- its place in the thread, from 1
    start_ns    INTEGER NOT NULL,
    end_ns      INTEGER NOT NULL,
    status      TEXT    NOT NULL,              -- running, completed, failed, interrupted, denied, unknown
    version     TEXT,                          -- of the harness
    commit_id   TEXT,
    human_ms    INTEGER,                       -- waited for a person; null where it was not measured
    calls       INTEGER NOT NULL,
    tokens      INTEGER NOT NULL,
    source      INTEGER NOT NULL               -- 1 a transcript, 2 spans
);

CREATE INDEX turns_by_time   ON turns (start_ns);
CREATE INDEX turns_by_thread ON turns (thread, start_ns);

CREATE TABLE calls (
    turn        INTEGER NOT NULL REFERENCES turns,
    nth         INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,  -- since the Unix epoch
    rate        INTEGER NOT NULL REFERENCES rates,
    input       INTEGER NOT NULL,  -- with cached and cache_write
    cached      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,  -- with reasoning
    reasoning   INTEGER NOT NULL,
    cost        INTEGER NOT NULL,  -- trillionths of a US dollar; 0 where the rate has no price
    PRIMARY KEY (turn, nth)
) WITHOUT ROWID;

CREATE TABLE call_sums (
    quarter     INTEGER NOT NULL,  -- quarter hours since the Unix epoch
    place       INTEGER NOT NULL,
    rate        INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    input       INTEGER NOT NULL,
    cached      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    cost        INTEGER NOT NULL,
    PRIMARY KEY (quarter, place, rate)
) WITHOUT ROWID;

CREATE TABLE turn_sums (
    quarter     INTEGER NOT NULL,  -- in which the turns began
    place       INTEGER NOT NULL,
    turns       INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    human_ms    INTEGER NOT NULL,
    PRIMARY KEY (quarter, place)
) WITHOUT ROWID;

-- How far the files were read from which turns come.
CREATE TABLE sources (
    path        TEXT    PRIMARY KEY,
    thread_id   TEXT    NOT NULL,
    size        INTEGER NOT NULL,  -- of the file when it was read, in bytes
    modified_ns INTEGER NOT NULL,
    offset      INTEGER NOT NULL,  -- where reading goes on
    turns       INTEGER,           -- turns before it, where that is known
    tokens      INTEGER,           -- the thread's cumulative count there, where it has one
    mark        BLOB    NOT NULL,  -- a hash of the text before it
    is_open     INTEGER NOT NULL,  -- whether a turn went on at its end
    copies      INTEGER NOT NULL,  -- turns of other threads, which count there
    unreadable  INTEGER NOT NULL   -- records that were not understood
) WITHOUT ROWID;

-- How far other tables were read, by their names.
CREATE TABLE watermarks (
    name  TEXT    PRIMARY KEY,
    upto  INTEGER NOT NULL
) WITHOUT ROWID;
