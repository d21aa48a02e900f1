//! Passwords in URLs.

use std::ops::Range;

use crate::value::is_stand_in;

/// More bytes are not a host and who logs in to it.
const LONGEST: usize = 1024;

/// The password in `scheme://user:password@host`, where `after` is the byte behind `://`.
pub(crate) fn password_at(text: &str, after: usize) -> Option<Range<usize>> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'`<>\\".contains(byte);
    let bytes = &text.as_bytes()[after..];
    let length = bytes.iter().take(LONGEST).position(ends).unwrap_or(bytes.len().min(LONGEST));
    let authority = &bytes[..length];
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..at].iter().position(|byte| *byte == b':')?;
    let password = after + colon + 1..after + at;
    let is_stand_in = is_stand_in(text.get(password.clone())?);
    (!password.is_empty() && !is_stand_in).then_some(password)
}
