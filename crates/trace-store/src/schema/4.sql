-- What each thread used, so that reports by session need not read its calls.
CREATE TABLE thread_sums (
    thread      INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    rate        INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    input       INTEGER NOT NULL,
    cached      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    reasoning   INTEGER NOT NULL,
    cost        INTEGER NOT NULL,
    PRIMARY KEY (thread, place, rate)
) WITHOUT ROWID;

INSERT INTO thread_sums
SELECT turns.thread, turns.place, calls.rate, count(*), sum(calls.input), sum(calls.cached),
    sum(calls.cache_write), sum(calls.output), sum(calls.reasoning), sum(calls.cost)
FROM turns JOIN calls ON calls.turn = turns.id
GROUP BY turns.thread, turns.place, calls.rate;

CREATE TABLE thread_turns (
    thread      INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    turns       INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    human_ms    INTEGER NOT NULL,
    PRIMARY KEY (thread, place)
) WITHOUT ROWID;

INSERT INTO thread_turns
SELECT thread, place, count(*), sum(status = 'failed'), sum(status = 'interrupted'),
    ifnull(sum(human_ms), 0)
FROM turns GROUP BY thread, place;

-- The quarter hours in which a thread's turns began and its calls ended; null where it has none.
-- They may reach further than that, and never less far.
ALTER TABLE threads ADD COLUMN first_quarter INTEGER;
ALTER TABLE threads ADD COLUMN last_quarter INTEGER;

UPDATE threads SET first_quarter = times.first, last_quarter = times.last
FROM (
    SELECT turns.thread, min(turns.start_ns / 900000000000) AS first,
        max(max(turns.start_ns / 900000000000, ifnull(ended.last, 0))) AS last
    FROM turns LEFT JOIN (
        SELECT turn, max(end_ms) / 900000 AS last FROM calls GROUP BY turn
    ) AS ended ON ended.turn = turns.id
    GROUP BY turns.thread
) AS times
WHERE times.thread = threads.id;

-- Rates get the prices of a token, in trillionths of a US dollar; all are 0 where they were not noted.
CREATE TABLE new_rates (
    id           INTEGER PRIMARY KEY,
    model        TEXT NOT NULL,     -- empty where it is not known
    tier         TEXT NOT NULL,     -- the tier charged; of calls without a price the one asked for
    long_context INTEGER NOT NULL,
    prices       TEXT NOT NULL,     -- the version of the price table; empty where it has no price
    input        INTEGER NOT NULL,
    cached       INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    UNIQUE (model, tier, long_context, prices, input, cached, cache_write, output)
);
INSERT INTO new_rates SELECT id, model, tier, long_context, prices, 0, 0, 0, 0 FROM rates;
DROP TABLE rates;
ALTER TABLE new_rates RENAME TO rates;
