//! The archive that the installers unpack, and all tar files with the same bytes for the same input.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::tree::File;
use super::{Release, installers};

/// Writes `arize-codex-VERSION-TARGET.tar.gz`, or `.zip` for Windows.
pub(super) fn pack(release: &Release, out: &Path) -> anyhow::Result<()> {
    let Release { version, platform, tree, time, compression } = release;
    let folder = platform.archive_folder(version);
    let below = |file: &File| file.at(format!("{folder}/{}", file.path));
    let mut files: Vec<File> = tree.files().map(below).collect();
    let installer = installers::of(platform, version)?;
    files.push(below(&installer));
    let bytes = match platform.is_windows() {
        true => zip(&files, *compression)?,
        false => gzip(&tar(&files, *time)?, *compression)?,
    };
    write(&out.join(platform.archive(version)), &bytes)
}

/// A tar file of root's with these files, in their order, and the folders around them.
pub(super) fn tar(files: &[File], time: u64) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let header = |mode: u32, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_mtime(time);
        header.set_entry_type(kind);
        header.set_uid(0);
        header.set_gid(0);
        header
    };
    let mut folders = std::collections::BTreeSet::new();
    for file in files {
        for (at, _) in file.path.match_indices('/').filter(|(at, _)| *at > 1) {
            let folder = &file.path[..=at];
            if folders.insert(folder.to_owned()) {
                let mut header = header(0o755, tar::EntryType::Directory);
                header.set_size(0);
                archive.append_data(&mut header, folder, std::io::empty())?;
            }
        }
        let mut header = header(file.mode(), tar::EntryType::Regular);
        header.set_size(file.bytes.len() as u64);
        archive.append_data(&mut header, &file.path, file.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}

pub(super) fn gzip(bytes: &[u8], compression: Compression) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), compression);
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// A zip file with these files, in their order. Their time is the earliest that it can have.
pub(super) fn zip(files: &[File], compression: Compression) -> anyhow::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let method = match compression.level() {
        0 => zip::CompressionMethod::Stored,
        _ => zip::CompressionMethod::Deflated,
    };
    for file in files {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(file.mode());
        archive.start_file(&file.path, options)?;
        archive.write_all(&file.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
