//! Passwords in URLs.

use std::ops::Range;

use crate::judge::is_random;
use crate::stand_in::is_stand_in;

/// More bytes are not a host and who logs in to it.
const LONGEST: usize = 1024;

/// A shorter name of a user is one.
const SHORTEST_TOKEN: usize = 20;

/// The password in `scheme://user:password@host`, or the token in `scheme://token@host`, where `after`
/// is the byte behind `://`.
pub(crate) fn password_at(text: &str, after: usize) -> Option<Range<usize>> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'`<>\\".contains(byte);
    let bytes = &text.as_bytes()[after..];
    let length = bytes.iter().take(LONGEST).position(ends).unwrap_or(bytes.len().min(LONGEST));
    let authority = &bytes[..length];
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..at].iter().position(|byte| *byte == b':');
    let user = after..after + colon.unwrap_or(at);
    if user.len() >= SHORTEST_TOKEN && is_random(text.get(user.clone())?) {
        return Some(user);
    }
    let password = after + colon? + 1..after + at;
    let is_stand_in = is_stand_in(text.get(password.clone())?);
    (!password.is_empty() && !is_stand_in).then_some(password)
}
