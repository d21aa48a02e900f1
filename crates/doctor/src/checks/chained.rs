//! The program that `notify` was for before our hook, which starts it.

use std::ffi::OsStr;

use codex_config::{Paths, chained_notify};

use crate::Finding;
use crate::words::line;

const CHECK: &str = "chained";

const FORGET: &str = "arize-config delete harnesses.codex.chained_notify";

/// What is known of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainedFacts {
    /// The settings name none.
    None,
    /// The settings do not name it as they should.
    Wrong(String),
    /// This one, and whether it can be run.
    Program(String, bool),
}

/// Reads the setting and looks for the program.
pub fn inspect(paths: &Paths, search: &OsStr) -> ChainedFacts {
    match chained_notify(paths) {
        Err(error) => ChainedFacts::Wrong(error.to_string()),
        Ok(command) => match command.into_iter().next() {
            None => ChainedFacts::None,
            Some(program) => {
                let is_runnable = processes::find_program(&program, search).is_some();
                ChainedFacts::Program(program, is_runnable)
            }
        },
    }
}

/// What the facts mean; nothing where there is no such program.
pub fn check(facts: &ChainedFacts) -> Vec<Finding> {
    match facts {
        ChainedFacts::None => Vec::new(),
        ChainedFacts::Wrong(error) => vec![Finding::warning(CHECK, error, FORGET)],
        ChainedFacts::Program(program, true) => {
            let message = format!("the hook starts `{}` for each notification", line(program, 60));
            vec![Finding::ok(CHECK, message)]
        }
        ChainedFacts::Program(program, false) => {
            let program = line(program, 60);
            let message = format!(
                "`chained_notify` names `{program}`, which is not a program: the hook starts nothing else"
            );
            vec![Finding::warning(CHECK, message, FORGET)]
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::Level;
    use crate::checks::expect;

    #[test]
    fn the_program_is_looked_for_as_it_will_be_started() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        std::fs::create_dir_all(&paths.harness_home).unwrap();
        let look = |value: &str| {
            let text = format!("harnesses: {{codex: {{chained_notify: {value}}}}}\n");
            std::fs::write(&paths.config_file, text).unwrap();
            check(&inspect(&paths, OsStr::new("/usr/bin:/bin")))
        };
        assert_eq!(look("[]"), []);
        for (value, level) in [
            ("[sh, -c, x]", Level::Ok),
            ("[/bin/sh]", Level::Ok),
            ("[no-such-program]", Level::Warning),
            ("[~/x.sh]", Level::Warning),
            ("7", Level::Warning),
        ] {
            expect::only(&look(value), level, "");
        }
    }
}
