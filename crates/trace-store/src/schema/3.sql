-- How much of a subscription's limits was used, where that changed.
CREATE TABLE quota (
    limit_id  TEXT    NOT NULL,
    slot      INTEGER NOT NULL,  -- 1 the first, 2 the second
    at        INTEGER NOT NULL,  -- seconds since the Unix epoch
    used      REAL    NOT NULL,  -- per cent
    minutes   INTEGER,           -- the length of the window, where it is reported
    resets_at INTEGER,           -- seconds since the Unix epoch
    plan      TEXT,
    PRIMARY KEY (limit_id, slot, at)
) WITHOUT ROWID;
