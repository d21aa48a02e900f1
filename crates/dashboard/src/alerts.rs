//! The alerts that were given, as the program that serves the pages knows them.

use std::fmt;
use std::sync::Arc;

use ::alerts::Given;

/// Reads the last alerts, the newest first. It is asked for each page that shows them.
#[derive(Clone)]
pub struct LastAlerts(Arc<dyn Fn() -> Vec<Given> + Send + Sync>);

impl LastAlerts {
    /// By this function.
    pub fn new(read: impl Fn() -> Vec<Given> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self) -> Vec<Given> {
        (self.0)()
    }
}

impl fmt::Debug for LastAlerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastAlerts")
    }
}

impl Default for LastAlerts {
    /// There are none.
    fn default() -> Self {
        Self::new(Vec::new)
    }
}
