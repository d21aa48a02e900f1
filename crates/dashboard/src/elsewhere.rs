//! Where else a trace can be seen: the pages of backends that got it.

use std::fmt;
use std::sync::Arc;

/// A page of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// What the backend is called.
    pub name: String,
    /// The address.
    pub address: String,
}

/// Finds the pages of a trace by its id, in hexadecimal digits.
#[derive(Clone)]
pub struct FindElsewhere(Arc<dyn Fn(&str) -> Vec<Elsewhere> + Send + Sync>);

impl FindElsewhere {
    /// By this function.
    pub fn new(find: impl Fn(&str) -> Vec<Elsewhere> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// The pages with addresses that a browser may be led to.
    pub(crate) fn pages(&self, trace_id: &str) -> Vec<Elsewhere> {
        let mut pages = (self.0)(trace_id);
        pages.retain(|page| {
            ["http://", "https://"].iter().any(|scheme| page.address.starts_with(scheme))
        });
        pages
    }
}

impl fmt::Debug for FindElsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FindElsewhere")
    }
}

impl Default for FindElsewhere {
    /// Nowhere.
    fn default() -> Self {
        Self::new(|_| Vec::new())
    }
}
