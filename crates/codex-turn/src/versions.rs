//! The versions of Codex that are known from recordings.

/// The versions whose recordings the tests decode, in order. `docs/codex-versions.md` says what each
/// of them tells; those in between are like their neighbours.
pub const RECORDED_VERSIONS: [&str; 17] = [
    "0.44.0", "0.53.0", "0.65.0", "0.80.0", "0.98.0", "0.107.0", "0.115.0", "0.122.0", "0.130.0",
    "0.136.0", "0.145.0", "0.149.0", "0.153.4", "0.157.1", "0.161.0", "0.169.0", "0.171.0",
];
