//! The id of a run: Codex is told it in its environment, and tells it with its telemetry.

use std::ffi::OsStr;

use buffer_api::wire::RUN_ATTRIBUTE;

/// A new id, 32 hexadecimal digits.
///
/// # Errors
///
/// When the system has no randomness.
pub(crate) fn new() -> Result<String, getrandom::Error> {
    let random = u128::from(getrandom::u64()?) << 64 | u128::from(getrandom::u64()?);
    Ok(format!("{random:032x}"))
}

/// The user's `OTEL_RESOURCE_ATTRIBUTES` with the id of a run, in place of that of a run which this
/// one is part of; none where they are no text, and stay as they are.
pub(crate) fn add(id: &str, attributes: Option<&OsStr>) -> Option<String> {
    let attributes = attributes.unwrap_or_default().to_str()?;
    let is_users = |entry: &&str| {
        let name = entry.split('=').next().unwrap_or_default().trim();
        !name.is_empty() && name != RUN_ATTRIBUTE
    };
    let own = format!("{RUN_ATTRIBUTE}={id}");
    Some(attributes.split(',').filter(is_users).chain([&*own]).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_attributes_stay_as_they_are() {
        for (attributes, expected) in [
            (None, "arize.codex.run_id=7"),
            (Some(""), "arize.codex.run_id=7"),
            (Some("team=a%2Cb, tier = x"), "team=a%2Cb, tier = x,arize.codex.run_id=7"),
            (Some("a=1,arize.codex.run_id=6,b=2"), "a=1,b=2,arize.codex.run_id=7"),
        ] {
            let added = add("7", attributes.map(OsStr::new));
            assert_eq!(added.as_deref(), Some(expected), "{attributes:?}");
        }
    }

    #[test]
    fn each_run_has_an_id_of_its_own() {
        let (one, two) = (new().unwrap(), new().unwrap());
        assert_ne!(one, two);
        assert!([one, two].iter().all(|id| id.len() == 32), "as hexadecimal digits");
    }
}
