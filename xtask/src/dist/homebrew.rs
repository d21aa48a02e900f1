//! The formula of Homebrew, with those archives that are there.

use std::path::Path;

use super::platform::PLATFORMS;
use super::{archive, index, installers, packaging, template};

/// An address that can belong to no host, for packages that are not published.
const UNPUBLISHED: &str = "https://arize-codex.invalid";

pub(super) fn write(version: &str, out: &Path) -> anyhow::Result<()> {
    let release = match installers::release_url() {
        url if url.is_empty() => UNPUBLISHED.to_owned(),
        url => url,
    };
    let mut archives = String::new();
    for platform in &PLATFORMS {
        let Some((system, machine)) = platform.homebrew else { continue };
        let name = platform.archive(version);
        let path = out.join(&name);
        if !path.is_file() {
            continue;
        }
        let sum = index::sum(&path)?;
        archives.push_str(&format!(
            "  on_{system} do\n    on_{machine} do\n      url \"{release}/{name}\"\n      \
             sha256 \"{sum}\"\n    end\n  end\n"
        ));
    }
    // A release of a forge is at `PROJECT/releases/download/TAG`.
    let homepage = release.split("/releases/").next().unwrap_or(&release);
    let values = [("HOMEPAGE", homepage), ("VERSION", version), ("ARCHIVES", &archives)];
    let text = template::fill(&packaging("homebrew/arize-codex.rb")?, &values)?;
    archive::write(&out.join("arize-codex.rb"), text.as_bytes())
}
