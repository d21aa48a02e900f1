//! How many turns are queued for delivery.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::Paths;

impl Paths {
    /// Counts the turns that are queued because a target did not accept them yet, without those that a
    /// target has rejected for good. A turn that is queued for two targets counts twice.
    pub fn queued_turns(&self) -> usize {
        let targets = entries(&self.state_dir.join("outbox"));
        targets.map(|target| entries(&target.path()).filter(is_batch).count()).sum()
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}

fn is_batch(file: &DirEntry) -> bool {
    file.path().extension().is_some_and(|extension| extension == "batch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_of_all_targets_and_none_that_were_rejected() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        assert_eq!(paths.queued_turns(), 0);
        for file in
            ["a/1-x.batch", "a/1-x.progress", "a/due", "a/rejected/2-x.batch", "b/3-x.batch", "c"]
        {
            let path = paths.state_dir.join("outbox").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(paths.queued_turns(), 2);
    }
}
