//! The versions of the tables and the way from one to the next.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// Each script brings the tables from the version before it (its index) to the next. A script that
/// was released is never edited; a change is a new script.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
];

/// The version of the tables in a file; 0 for a file that has none.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Runs the scripts that the file has not seen, all or none, while no other process writes.
pub(crate) fn migrate(connection: &mut Connection, scripts: &[&str]) -> rusqlite::Result<()> {
    if version(connection)? >= scripts.len() {
        return Ok(());
    }
    // A table that others refer to is replaced by dropping it first.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = run(connection, scripts);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn run(connection: &mut Connection, scripts: &[&str]) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    // Another process may have migrated while this one waited for the lock.
    let from = version(&transaction)?.min(scripts.len());
    for script in &scripts[from..] {
        transaction.execute_batch(script)?;
    }
    if from < scripts.len() {
        transaction.pragma_update(None, "user_version", scripts.len())?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_keeps_its_rows_when_a_version_is_added() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = "CREATE TABLE t (a TEXT)";
        let second = "ALTER TABLE t ADD COLUMN b TEXT";
        migrate(&mut connection, &[first]).unwrap();
        connection.execute("INSERT INTO t (a) VALUES ('kept')", []).unwrap();

        migrate(&mut connection, &[first, second]).unwrap();
        migrate(&mut connection, &[first, second]).unwrap();

        assert_eq!(version(&connection).unwrap(), 2);
        let row: (String, Option<String>) = connection
            .query_row("SELECT a, b FROM t", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(row, ("kept".to_owned(), None));
    }

    #[test]
    fn a_script_that_fails_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let scripts = ["CREATE TABLE t (a TEXT)", "CREATE TABLE u (a TEXT); nonsense"];

        assert!(migrate(&mut connection, &scripts).is_err());

        assert_eq!(version(&connection).unwrap(), 0);
        assert!(connection.prepare("SELECT * FROM t").is_err());
    }
}
