//! The recipe of the container image.

use std::path::Path;

use super::{archive, debian, packaging, template};

pub(super) fn write(version: &str, out: &Path) -> anyhow::Result<()> {
    let values = [("VERSION", version), ("DEBIAN_VERSION", &debian::version_of(version))];
    let text = template::fill(&packaging("container/Dockerfile")?, &values)?;
    archive::write(&out.join("Dockerfile"), text.as_bytes())
}
