//! `install.sh` and `install.ps1`.

use std::path::Path;

use super::platform::Platform;
use super::tree::File;
use super::{archive, packaging, template};

/// Where releases can be downloaded, if this one is to be published. The forge's workflow sets it.
const VARIABLE: &str = "ARIZE_CODEX_RELEASE_URL";

/// The address of this release, or an empty text.
pub(super) fn release_url() -> String {
    std::env::var(VARIABLE).unwrap_or_default().trim_end_matches('/').to_owned()
}

/// Writes both into the folder.
pub(super) fn write(version: &str, out: &Path) -> anyhow::Result<()> {
    for name in ["install.sh", "install.ps1"] {
        archive::write(&out.join(name), text(name, version)?.as_bytes())?;
    }
    Ok(())
}

/// The one that goes into the archive of a platform.
pub(super) fn of(platform: &Platform, version: &str) -> anyhow::Result<File> {
    let name = if platform.is_windows() { "install.ps1" } else { "install.sh" };
    let file = File::new(name, text(name, version)?);
    Ok(File { is_program: true, ..file })
}

fn text(name: &str, version: &str) -> anyhow::Result<String> {
    template::fill(&packaging(name)?, &[("VERSION", version), ("RELEASE", &release_url())])
}
