//! Scrubbing what is secret before a turn is sent, or written anywhere.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use codex_config::{AttributeValue, Paths, Settings};
use otlp_model::{Span, SpanStatus, Turn, Value, scrub_turn};
use scrub::Scrubber;
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use program_log::Log;

/// Settings of whose texts those that go into every span hold no secrets: the attributes of the user
/// and of the environment, and the user's id.
pub fn scrub_settings(mut settings: Settings, paths: &Paths, log: &Log) -> Settings {
    let secrets = Secrets::new(&settings, paths, log);
    let attributes = settings.attributes.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::Text(text) => AttributeValue::Text(secrets.scrub_value(name, text)),
            value => value.clone(),
        };
        (name.clone(), value)
    });
    let attributes = attributes.collect();
    let of_resource = settings.resource_attributes.iter();
    let of_resource =
        of_resource.map(|(name, value)| (name.clone(), secrets.scrub_value(name, value))).collect();
    let user_id = settings.user_id.as_ref().map(|id| secrets.scrub(id).into_owned());
    settings.attributes = attributes;
    settings.resource_attributes = of_resource;
    settings.user_id = user_id;
    settings
}

/// 32 bytes that make the hashes of this installation its own.
type Salt = [u8; 32];

/// Scrubs, unless the settings forbid it. The rules are made ready when the first text comes.
#[derive(Debug)]
pub struct Secrets<'a> {
    settings: &'a Settings,
    paths: &'a Paths,
    log: &'a Log,
    scrubber: OnceLock<Scrubber>,
}

impl<'a> Secrets<'a> {
    /// As the settings say, with the salt of the home.
    pub fn new(settings: &'a Settings, paths: &'a Paths, log: &'a Log) -> Self {
        Self { settings, paths, log, scrubber: OnceLock::new() }
    }

    /// Scrubs every text of a turn.
    pub fn scrub_turn(&self, turn: &mut Turn) {
        let Some(scrubber) = self.scrubber() else { return };
        scrub_turn(turn, &|text| {
            let scrubbed = scrubber.scrub(text);
            (scrubbed.secrets > 0).then(|| (scrubbed.text.into_owned(), scrubbed.secrets as u64))
        });
    }

    /// Scrubs every text of a span that another program made.
    pub fn scrub_span(&self, span: &mut Span) {
        if !self.settings.scrubbing.enabled {
            return;
        }
        let events = span.events.iter_mut().flat_map(|event| &mut event.attributes);
        for attribute in span.attributes.iter_mut().chain(events) {
            match &mut attribute.value {
                Value::String(text) => *text = self.scrub_value(&attribute.key, text).into(),
                Value::Strings(texts) => {
                    texts.iter_mut().for_each(|text| *text = self.scrub(text).into_owned());
                }
                Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
            }
        }
        if let SpanStatus::Error(reason) = &mut span.status {
            *reason = self.scrub(reason).into_owned();
        }
    }

    /// Scrubs a text that is not part of a turn.
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.scrubber().map_or(Cow::Borrowed(text), |scrubber| scrubber.scrub(text).text)
    }

    /// The value of an attribute, whose name may be what makes it a secret.
    fn scrub_value(&self, name: &str, value: &str) -> String {
        let object = json!({ name: value }).to_string();
        let scrubbed = serde_json::from_str::<Json>(&self.scrub(&object)).unwrap_or_default();
        scrubbed[name].as_str().unwrap_or_default().to_owned()
    }

    fn scrubber(&self) -> Option<&Scrubber> {
        let settings = &self.settings.scrubbing;
        settings.enabled.then(|| {
            self.scrubber.get_or_init(|| Scrubber::new(self.salt(), &settings.further_names))
        })
    }

    fn salt(&self) -> Salt {
        let file = self.paths.state_dir.join("scrub-salt");
        kept_salt(&file).unwrap_or_else(|error| {
            self.log.warn(format_args!(
                "`{}`: {error}; scrubbed secrets do not compare with those of other turns",
                file.display()
            ));
            new_salt().unwrap_or_default()
        })
    }
}

/// The salt in a file. Where there is none, a new one is put there: one of two runs at a time does.
fn kept_salt(file: &Path) -> io::Result<Salt> {
    match fs::read(file).map(Salt::try_from) {
        Ok(Ok(salt)) => return Ok(salt),
        // Damaged: nothing can be compared with it.
        Ok(Err(_)) => fs::remove_file(file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private_files::create_parent(file)?
        }
        Err(error) => return Err(error),
    }
    let salt = new_salt()?;
    // Other users cannot read a temporary file.
    let mut written = NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
    written.write_all(&salt)?;
    match written.persist_noclobber(file) {
        Ok(_) => Ok(salt),
        Err(_) => Salt::try_from(fs::read(file)?).map_err(|_| io::ErrorKind::InvalidData.into()),
    }
}

fn new_salt() -> io::Result<Salt> {
    let mut salt = Salt::default();
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_stays_and_a_damaged_one_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("state/codex/scrub-salt");
        let first = kept_salt(&file).unwrap();
        assert_ne!(first, Salt::default());
        assert_eq!(kept_salt(&file).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&file, "short").unwrap();
        let second = kept_salt(&file).unwrap();
        assert_ne!(second, first);
        assert_eq!(kept_salt(&file).unwrap(), second);
    }
}
