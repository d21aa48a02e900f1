//! The platforms, and what each package manager calls them.

use anyhow::Context;

/// A platform that programs are published for.
#[derive(Debug)]
pub(super) struct Platform {
    /// As Rust calls it.
    pub(super) triple: &'static str,
    /// `process.platform` and `process.arch` of Node.
    pub(super) node: (&'static str, &'static str),
    /// The tags of a wheel, the most general one last.
    pub(super) wheel: &'static [&'static str],
    /// Debian's name of the architecture.
    pub(super) debian: Option<&'static str>,
    /// Homebrew's `on_macos` or `on_linux`, and `on_arm` or `on_intel`.
    pub(super) homebrew: Option<(&'static str, &'static str)>,
}

/// Those that the release builds.
pub(super) const PLATFORMS: [Platform; 5] = [
    Platform {
        triple: "x86_64-unknown-linux-gnu",
        node: ("linux", "x64"),
        wheel: &["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
        debian: Some("amd64"),
        homebrew: Some(("linux", "intel")),
    },
    Platform {
        triple: "aarch64-unknown-linux-gnu",
        node: ("linux", "arm64"),
        wheel: &["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
        debian: Some("arm64"),
        homebrew: Some(("linux", "arm")),
    },
    Platform {
        triple: "x86_64-apple-darwin",
        node: ("darwin", "x64"),
        wheel: &["macosx_10_12_x86_64"],
        debian: None,
        homebrew: Some(("macos", "intel")),
    },
    Platform {
        triple: "aarch64-apple-darwin",
        node: ("darwin", "arm64"),
        wheel: &["macosx_11_0_arm64"],
        debian: None,
        homebrew: Some(("macos", "arm")),
    },
    Platform {
        triple: "x86_64-pc-windows-msvc",
        node: ("win32", "x64"),
        wheel: &["win_amd64"],
        debian: None,
        homebrew: None,
    },
];

impl Platform {
    /// The platform that Rust calls so.
    pub(super) fn named(triple: &str) -> anyhow::Result<&'static Self> {
        let names = || PLATFORMS.map(|platform| platform.triple).join(", ");
        PLATFORMS
            .iter()
            .find(|platform| platform.triple == triple)
            .with_context(|| format!("nothing is published for `{triple}`, only for {}", names()))
    }

    /// The platform that this program runs on.
    pub(super) fn of_this_machine() -> anyhow::Result<&'static Self> {
        let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
        let system = match os {
            "linux" => "unknown-linux-gnu",
            "macos" => "apple-darwin",
            "windows" => "pc-windows-msvc",
            other => other,
        };
        Self::named(&format!("{arch}-{system}"))
    }

    pub(super) fn is_linux(&self) -> bool {
        self.node.0 == "linux"
    }

    pub(super) fn is_windows(&self) -> bool {
        self.node.0 == "win32"
    }

    /// The name of a program's file.
    pub(super) fn file_name(&self, program: &str) -> String {
        format!("{program}{}", if self.is_windows() { ".exe" } else { "" })
    }

    /// The name of its archive.
    pub(super) fn archive(&self, version: &str) -> String {
        let ending = if self.is_windows() { "zip" } else { "tar.gz" };
        format!("{}.{ending}", self.archive_folder(version))
    }

    /// The one folder in its archive.
    pub(super) fn archive_folder(&self, version: &str) -> String {
        format!("arize-codex-{version}-{}", self.triple)
    }

    /// The name of its package in npm.
    pub(super) fn npm(&self) -> String {
        let (system, machine) = self.node;
        format!("arize-codex-{system}-{machine}")
    }
}
