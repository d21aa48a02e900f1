//! The Debian package.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::tree::File;
use super::{Release, archive, packaging, template};
use crate::workspace::root;

const DOCUMENTS: &str = "./usr/share/doc/arize-codex";

/// Writes `arize-codex_VERSION_ARCHITECTURE.deb`, where the platform is one of Debian's.
pub(super) fn pack(release: &Release, out: &Path) -> anyhow::Result<()> {
    let Release { version, platform, time, compression, .. } = release;
    let Some(architecture) = platform.debian else { return Ok(()) };
    let version = version_of(version);
    let files = files(release)?;
    let size: usize = files.iter().map(|file| file.bytes.len().div_ceil(1024)).sum();
    let values = [
        ("VERSION", version.as_str()),
        ("ARCHITECTURE", architecture),
        ("INSTALLED_SIZE", &size.to_string()),
    ];
    let control = template::fill(&packaging("debian/control")?, &values)?;
    let control = [File::new("./control", control)];
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", archive::gzip(&archive::tar(&control, *time)?, *compression)?),
        ("data.tar.gz", archive::gzip(&archive::tar(&files, *time)?, *compression)?),
    ];
    let mut package = ar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mtime(*time);
        header.set_mode(0o100_644);
        package.append(&header, Cursor::new(bytes))?;
    }
    let name = format!("arize-codex_{version}_{architecture}.deb");
    archive::write(&out.join(name), &package.into_inner()?)
}

/// A version before a release sorts before it: `1.0.0-rc.1` is `1.0.0~rc.1`.
pub(super) fn version_of(version: &str) -> String {
    version.replacen('-', "~", 1)
}

fn files(release: &Release) -> anyhow::Result<Vec<File>> {
    let tree = &release.tree;
    let best = flate2::Compression::best();
    let mut files: Vec<File> =
        tree.programs.iter().map(|file| file.at(format!("./usr/{}", file.path))).collect();
    for file in &tree.shared {
        files.push(if file.path.starts_with("share/man/") {
            let bytes = archive::gzip(&file.bytes, best)?;
            File::new(format!("./usr/{}.gz", file.path), bytes)
        } else {
            let path = file.path.replace("zsh/site-functions", "zsh/vendor-completions");
            file.at(format!("./usr/{path}"))
        });
    }
    let unit = packaging("systemd/arize-codex-buffer.service")?;
    files.push(File::new("./usr/lib/systemd/user/arize-codex-buffer.service", unit));
    files.push(File::new(format!("{DOCUMENTS}/copyright"), packaging("debian/copyright")?));
    for file in tree.texts.iter().filter(|file| file.path == "THIRD-PARTY-LICENSES") {
        let bytes = archive::gzip(&file.bytes, best)?;
        files.push(File::new(format!("{DOCUMENTS}/{}.gz", file.path), bytes));
    }
    let news = fs::read(root()?.join("CHANGELOG.md"))?;
    files.push(File::new(format!("{DOCUMENTS}/NEWS.md.gz"), archive::gzip(&news, best)?));
    let changes = archive::gzip(changes(release)?.as_bytes(), best)?;
    files.push(File::new(format!("{DOCUMENTS}/changelog.gz"), changes));
    Ok(files)
}

fn changes(release: &Release) -> anyhow::Result<String> {
    let time = UNIX_EPOCH + Duration::from_secs(release.time);
    // Debian's way to write a date has the zone as a number.
    let date = httpdate::fmt_http_date(time).replace("GMT", "+0000");
    let values = [("VERSION", version_of(&release.version)), ("DATE", date)];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    template::fill(&packaging("debian/changelog")?, &values)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_version_before_a_release_is_older_than_it() {
        assert_eq!(super::version_of("1.0.0-rc.1"), "1.0.0~rc.1");
        assert_eq!(super::version_of("1.0.0"), "1.0.0");
    }
}
