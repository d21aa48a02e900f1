//! What stands in the place of a secret.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// How each placeholder begins.
pub(crate) const START: &str = "[scrubbed:";

/// The longest placeholder, in bytes.
const LONGEST: usize = 100;

/// `[scrubbed:RULE:HASH]`. Eight digits of a salted hash tell two secrets apart and say nothing about
/// either.
pub(crate) fn placeholder(salt: &[u8; 32], rule: &str, secret: &str) -> String {
    let hash = Sha256::new().chain_update(salt).chain_update(secret).finalize();
    let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{START}{rule}:{hash}]")
}

/// The placeholder that begins at `start`.
pub(crate) fn at(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b']')?;
    let (rule, hash) = rest.get(..end)?.strip_prefix(START)?.rsplit_once(':')?;
    let is_rule = rule.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_hash = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_rule && is_hash).then(|| start..start + end + 1)
}
