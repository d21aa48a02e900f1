//! The wheel: the programs as its scripts, man pages and completions as its data.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::tree::File;
use super::{Release, archive, packaging, template};

/// Writes `arize_codex-VERSION-py3-none-TAGS.whl`.
pub(super) fn pack(release: &Release, out: &Path) -> anyhow::Result<()> {
    let Release { version, platform, tree, compression, .. } = release;
    let name = format!("arize_codex-{version}");
    let tags: String = platform.wheel.iter().map(|tag| format!("Tag: py3-none-{tag}\n")).collect();
    let mut files = Vec::new();
    for file in &tree.programs {
        let program = file.path.trim_start_matches("bin/");
        files.push(file.at(format!("{name}.data/scripts/{program}")));
    }
    files.extend(tree.shared.iter().map(|file| file.at(format!("{name}.data/data/{}", file.path))));
    let info = |path: &str| format!("{name}.dist-info/{path}");
    let licenses = tree.texts.iter().filter(|file| file.path.contains("LICENSE"));
    files.extend(licenses.map(|file| file.at(info(&format!("licenses/{}", file.path)))));
    let metadata = template::fill(&packaging("python/METADATA")?, &[("VERSION", version)])?;
    files.push(File::new(info("METADATA"), metadata));
    let wheel = template::fill(&packaging("python/WHEEL")?, &[("TAGS", tags.trim_end())])?;
    files.push(File::new(info("WHEEL"), wheel));
    let record = info("RECORD");
    let mut lines: String = files.iter().map(line).collect();
    lines.push_str(&format!("{record},,\n"));
    files.push(File::new(record, lines));
    let bytes = archive::zip(&files, *compression)?;
    archive::write(&out.join(format!("{name}-py3-none-{}.whl", platform.wheel.join("."))), &bytes)
}

/// A file in the record of all files.
fn line(file: &File) -> String {
    let sum = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &file.bytes));
    format!("{},sha256={sum},{}\n", file.path, file.bytes.len())
}
