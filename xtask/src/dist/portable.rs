//! Which system the programs need at least.

use std::path::Path;

use anyhow::ensure;

use super::platform::Platform;
use super::toolchain::readelf;
use crate::workspace::programs;

/// The oldest glibc that they are built for: that of RHEL 7 and of the wheels `manylinux2014`.
pub(super) const GLIBC: &str = "2.17";

/// The libraries that every system with glibc has.
const LIBRARIES: [&str; 7] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

/// Fails if a program needs a newer glibc, or another library.
pub(super) fn check(platform: &Platform, folder: &Path) -> anyhow::Result<()> {
    if !platform.is_linux() {
        return Ok(());
    }
    for program in programs()? {
        let file = folder.join(&program);
        let newest = newest_glibc(&readelf(&["--version-info", "--wide"], &file)?);
        ensure!(newest.is_some(), "`{program}` does not say which glibc it needs");
        ensure!(newest <= Some(number(GLIBC)), "`{program}` needs glibc {newest:?}, not {GLIBC}");
        let dynamic = readelf(&["--dynamic", "--wide"], &file)?;
        let other = libraries(&dynamic).find(|name| !LIBRARIES.contains(name));
        ensure!(other.is_none(), "`{program}` needs the library {other:?}");
    }
    Ok(())
}

/// The newest version of glibc among the symbols that a program needs.
fn newest_glibc(version_info: &str) -> Option<Vec<u32>> {
    let names = version_info.split("Name: GLIBC_").skip(1);
    names.filter_map(|rest| rest.split_whitespace().next()).map(number).max()
}

fn number(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

fn libraries(dynamic: &str) -> impl Iterator<Item = &str> {
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    needed.filter_map(|line| line.split_once('[')?.1.split(']').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_program_needs() {
        let info = "  0x0010:   Name: GLIBC_2.4  Flags: none  Version: 5\n  \
                    0x0020:   Name: GLIBC_2.17  Flags: none  Version: 4\n  \
                    0x0030:   Name: GCC_3.0  Flags: none  Version: 3\n";
        assert_eq!(newest_glibc(info), Some(vec![2, 17]));
        assert!(number("2.9") < number("2.17") && number("2.17") < number("2.17.1"));
        assert!(number("2.17") < number("PRIVATE"), "what cannot be read is too new");
        let dynamic = " 0x01 (NEEDED)  Shared library: [libm.so.6]\n 0x0e (SONAME) [x]\n \
                       0x01 (NEEDED)  Shared library: [libz.so.1]\n";
        assert_eq!(libraries(dynamic).collect::<Vec<_>>(), ["libm.so.6", "libz.so.1"]);
    }
}
