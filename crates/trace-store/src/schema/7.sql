-- How often tools were called, and how long they took, kept with the spans.
CREATE TABLE tool_sums (
    project TEXT    NOT NULL,
    tool    TEXT    NOT NULL,
    failed  INTEGER NOT NULL,  -- whether they failed
    calls   INTEGER NOT NULL,
    millis  INTEGER NOT NULL,
    PRIMARY KEY (project, tool, failed)
) WITHOUT ROWID;

INSERT INTO tool_sums
SELECT ifnull(project, ''), name, status = 'ERROR', count(*), sum((end_ns - start_ns) / 1000000)
FROM spans WHERE kind = 'TOOL' GROUP BY 1, 2, 3;

CREATE TRIGGER tool_stored AFTER INSERT ON spans WHEN new.kind = 'TOOL' BEGIN
    INSERT INTO tool_sums VALUES (
        ifnull(new.project, ''), new.name, new.status = 'ERROR', 1,
        (new.end_ns - new.start_ns) / 1000000
    ) ON CONFLICT DO UPDATE SET calls = calls + 1, millis = millis + excluded.millis;
END;

CREATE TRIGGER tool_removed AFTER DELETE ON spans WHEN old.kind = 'TOOL' BEGIN
    UPDATE tool_sums
    SET calls = calls - 1, millis = millis - (old.end_ns - old.start_ns) / 1000000
    WHERE project = ifnull(old.project, '') AND tool = old.name AND failed = (old.status = 'ERROR');
END;
