-- Turns whose spans are of their transcript alone: of live tracing, more is known, and replaces them.
CREATE TABLE imported (
    root BLOB PRIMARY KEY  -- the id of the turn's root span
) WITHOUT ROWID;

-- The beginning of the prompt, for lists.
ALTER TABLE turns ADD COLUMN prompt TEXT;

-- How far files were read from which spans come; the columns are those of `sources`.
CREATE TABLE content_sources (
    path        TEXT    PRIMARY KEY,
    thread_id   TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    offset      INTEGER NOT NULL,
    turns       INTEGER,
    tokens      INTEGER,
    mark        BLOB    NOT NULL,
    is_open     INTEGER NOT NULL,
    copies      INTEGER NOT NULL,
    unreadable  INTEGER NOT NULL
) WITHOUT ROWID;
