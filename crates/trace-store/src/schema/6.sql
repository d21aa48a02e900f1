-- What lists of turns show and choose by.

-- The models or tools of a turn: few turns differ in them.
CREATE TABLE name_sets (
    id    INTEGER PRIMARY KEY,
    names TEXT NOT NULL UNIQUE  -- a JSON array, in the order of the alphabet
);

ALTER TABLE turns ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;      -- of calls with a price
ALTER TABLE turns ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;  -- calls without a price
ALTER TABLE turns ADD COLUMN models INTEGER REFERENCES name_sets;
-- Null where no source has said which tools were called.
ALTER TABLE turns ADD COLUMN tools INTEGER REFERENCES name_sets;
ALTER TABLE turns ADD COLUMN tool_calls INTEGER;
ALTER TABLE turns ADD COLUMN failed_tools INTEGER;

UPDATE turns SET cost = sums.cost, unpriced = sums.unpriced
FROM (
    SELECT turn, sum(cost) AS cost, sum(prices = '') AS unpriced
    FROM calls JOIN rates ON rates.id = calls.rate GROUP BY turn
) AS sums
WHERE sums.turn = turns.id;

CREATE TEMP TABLE models_of AS
SELECT turn, json_group_array(model ORDER BY model) AS names
FROM (SELECT DISTINCT turn, model FROM calls JOIN rates ON rates.id = calls.rate WHERE model <> '')
GROUP BY turn;
INSERT OR IGNORE INTO name_sets (names) SELECT DISTINCT names FROM models_of;
UPDATE turns SET models = name_sets.id
FROM models_of JOIN name_sets ON name_sets.names = models_of.names
WHERE models_of.turn = turns.id;
DROP TABLE models_of;

-- Spans are read once more, for the tools.
DELETE FROM watermarks WHERE name = 'spans';

-- A list chooses its turns in this index alone.
DROP INDEX turns_by_time;
CREATE INDEX turns_by_time ON turns
    (start_ns, id, thread, place, status, end_ns, cost, models, tools, trace_id);
DROP INDEX turns_by_thread;
CREATE INDEX turns_by_thread ON turns (thread, start_ns, trace_id);
CREATE INDEX turns_by_trace ON turns (trace_id);
CREATE INDEX threads_of_sub_agents ON threads (id) WHERE parent_id IS NOT NULL;
