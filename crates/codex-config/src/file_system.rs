//! What kind of file system a folder is on.

/// File systems on which other machines may write, by their `f_type` of `statfs(2)`.
const SHARED: [(u64, &str); 11] = [
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xfe53_4d42, "smb"),
    (0xff53_4d42, "cifs"),
    // With sshfs, and virtiofs in virtual machines.
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x5346_414f, "afs"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
];

/// The name of a kind of file system on which other machines may write; none for all others.
pub fn shared_file_system(kind: u64) -> Option<&'static str> {
    SHARED.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

/// The kind of file system that a file is on; none where the system does not tell.
#[cfg(target_os = "linux")]
pub fn file_system_of(path: &std::path::Path) -> Option<u64> {
    // Its type has another size and sign on each architecture.
    Some(u64::from(rustix::fs::statfs(path).ok()?.f_type as u32))
}

/// The kind of file system that a file is on; none where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn file_system_of(_path: &std::path::Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_their_number() {
        assert_eq!(shared_file_system(0x6969), Some("nfs"));
        // ext4, tmpfs and overlayfs.
        for local in [0xef53, 0x0102_1994, 0x794c_7630] {
            assert_eq!(shared_file_system(local), None);
        }
        #[cfg(target_os = "linux")]
        assert!(file_system_of(&std::env::temp_dir()).is_some());
    }
}
