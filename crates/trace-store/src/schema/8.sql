-- Tags: what a person calls a turn, beside where it ran. Sums are by place, so that they are by tags, too.
CREATE TABLE places_with_tags (
    id         INTEGER PRIMARY KEY,
    project    TEXT NOT NULL,
    repository TEXT NOT NULL,
    branch     TEXT NOT NULL,
    folder     TEXT NOT NULL,
    user       TEXT NOT NULL,
    machine    TEXT NOT NULL,
    tags       TEXT NOT NULL,  -- in the order of the alphabet, with a comma between two
    UNIQUE (project, repository, branch, folder, user, machine, tags)
);
INSERT INTO places_with_tags
SELECT id, project, repository, branch, folder, user, machine, '' FROM places;
DROP TABLE places;
ALTER TABLE places_with_tags RENAME TO places;

-- The tags that a person gave a session: its later turns have them, too.
CREATE TABLE session_tags (
    session_id TEXT PRIMARY KEY,
    tags       TEXT NOT NULL
) WITHOUT ROWID;
