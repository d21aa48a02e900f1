//! The traces of a session.

use otlp_model::TraceId;

use crate::{QueryError, TraceStore, TraceSummary};

impl TraceStore {
    /// The traces of a session, in order of start.
    pub fn traces_of_session(&self, session_id: &str) -> Result<Vec<TraceSummary>, QueryError> {
        self.ids_of_session(session_id)
            .and_then(|ids| self.summaries(&ids))
            .map_err(|source| self.query_error(source))
    }

    fn ids_of_session(&self, session_id: &str) -> rusqlite::Result<Vec<TraceId>> {
        let mut statement = self.connection.prepare(
            "SELECT trace_id FROM spans WHERE session_id = ? GROUP BY trace_id ORDER BY min(start_ns)",
        )?;
        statement.query_map([session_id], |row| row.get(0).map(TraceId))?.collect()
    }
}
