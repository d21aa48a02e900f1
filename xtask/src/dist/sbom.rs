//! The bill of materials, in CycloneDX.

use std::path::Path;

use serde_json::{Value, json};

use super::dependencies::{self, Crate};
use super::platform::Platform;
use super::{archive, programs};

/// Writes `arize-codex-VERSION-TARGET.cdx.json`. It has no serial number and no time of its own: the
/// same programs have the same bill.
pub(super) fn write(platform: &Platform, out: &Path) -> anyhow::Result<()> {
    let crates = dependencies::of_programs(platform)?;
    let version = programs::version()?;
    let time = humantime::format_rfc3339_seconds(
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(programs::time()?),
    );
    let reference = |id: &String| crates.get(id).map(purl);
    let components: Vec<Value> = crates.values().map(component).collect();
    let dependencies: Vec<Value> = crates
        .values()
        .map(|it| {
            let mut needs: Vec<String> = it.needs.iter().filter_map(reference).collect();
            needs.sort();
            json!({ "ref": purl(it), "dependsOn": needs })
        })
        .collect();
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.to_string(),
            "component": {
                "type": "application",
                "bom-ref": "arize-codex",
                "name": "arize-codex",
                "version": version,
                "licenses": [{ "expression": "Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let name = format!("{}.cdx.json", platform.archive_folder(&version));
    archive::write(&out.join(name), (serde_json::to_string_pretty(&bill)? + "\n").as_bytes())
}

fn component(it: &Crate) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(it),
        "name": it.name,
        "version": it.version,
        "licenses": [{ "expression": it.license }],
    });
    // Only what a registry has can be found there.
    if !it.is_ours {
        component["purl"] = json!(purl(it));
    }
    if let Some(repository) = &it.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

fn purl(it: &Crate) -> String {
    format!("pkg:cargo/{}@{}", it.name, it.version.replace('+', "%2B"))
}
