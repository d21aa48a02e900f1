//! `SHA256SUMS`, of all other files in the folder.

use std::fs;
use std::path::Path;

use anyhow::Context;
use ring::digest::{SHA256, digest};

use super::archive;

const SUMS: &str = "SHA256SUMS";

/// Writes it, as `sha256sum` does.
pub(super) fn write_sums(out: &Path) -> anyhow::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(entry.file_name().into_string().ok().context("a name is not in UTF-8")?);
        }
    }
    names.retain(|name| name != SUMS);
    names.sort();
    let mut text = String::new();
    for name in names {
        text.push_str(&format!("{}  {name}\n", sum(&out.join(&name))?));
    }
    archive::write(&out.join(SUMS), text.as_bytes())
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sum(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
