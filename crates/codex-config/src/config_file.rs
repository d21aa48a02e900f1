//! `config.yaml` as a whole, for a program that shows and edits it.

use std::path::Path;

use serde_yaml::{Mapping, Value};

use crate::settings::read_if_exists;
use crate::{ConfigError, KeyPath, Paths, document, dump};

/// The text of the settings file and what it means.
#[derive(Debug)]
pub struct ConfigFile {
    /// The text that an edit changes.
    pub text: String,
    /// The file that the text comes from.
    pub origin: Origin,
    root: Value,
}

/// The file that holds the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `config.yaml`.
    Yaml,
    /// `config.json`, whose settings the first edit carries over into `config.yaml`.
    Json,
    /// There is none.
    Nothing,
}

impl ConfigFile {
    /// Reads `config.yaml`, or where there is none `config.json`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or parsed.
    pub fn read(paths: &Paths) -> Result<Self, ConfigError> {
        let parse_error = |path: &Path| {
            let path = path.to_owned();
            |source| ConfigError::Parse { path, source }
        };
        if let Some(text) = read_if_exists(&paths.config_file)? {
            let root = document::parse_yaml(&text).map_err(parse_error(&paths.config_file))?;
            return Ok(Self { text, root, origin: Origin::Yaml });
        }
        if let Some(json) = read_if_exists(&paths.legacy_config_file)? {
            let root =
                document::parse_json(&json).map_err(parse_error(&paths.legacy_config_file))?;
            return Ok(Self { text: document::to_yaml(&root), root, origin: Origin::Json });
        }
        Ok(Self { text: String::new(), root: Value::Null, origin: Origin::Nothing })
    }

    /// The value of a key as a text; none where it is absent.
    pub fn get(&self, key: &KeyPath) -> Option<String> {
        document::lookup(&self.root, key.segments()).map(document::display)
    }

    /// All of it as YAML, with `***` in place of credentials unless they are wanted.
    pub fn yaml(&self, with_secrets: bool) -> String {
        document::display(&self.shown(with_secrets))
    }

    /// The same as JSON.
    ///
    /// # Errors
    ///
    /// When there are keys or numbers that JSON cannot express.
    pub fn json(&self, with_secrets: bool) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(&self.shown(with_secrets))
    }

    fn shown(&self, with_secrets: bool) -> Value {
        let root = match &self.root {
            Value::Null => Value::Mapping(Mapping::new()),
            root => root.clone(),
        };
        if with_secrets { root } else { dump::masked(&root) }
    }
}
