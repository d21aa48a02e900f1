//! Trace and span ids that are a function of what they name, so that sending again sends the same bytes.

use std::fmt;

use sha2::{Digest, Sha256};

/// 16 bytes that name a trace; never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes that name a span; never all zero. Phoenix wants them unique across the whole server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The id of the trace that these parts name.
    pub fn derive(parts: &[&str]) -> Self {
        Self(never_zero(digest("trace", parts)))
    }

    /// Reads 32 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        parse_hex(hex).map(Self)
    }
}

impl SpanId {
    /// The id of the span that these parts name.
    pub fn derive(parts: &[&str]) -> Self {
        Self(never_zero(digest("span", parts)))
    }

    /// Reads 16 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        parse_hex(hex).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

/// Each part is preceded by its length, so that no two lists of parts look alike.
fn digest(kind: &str, parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in std::iter::once(&kind).chain(parts) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn never_zero<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    let mut id = [0; N];
    id.copy_from_slice(&digest[..N]);
    if id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (bytes != [0; N]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_depend_on_every_part() {
        assert_eq!(
            TraceId::derive(&["thread", "turn"]).to_string(),
            TraceId::derive(&["thread", "turn"]).to_string()
        );
        assert_ne!(TraceId::derive(&["ab", "c"]), TraceId::derive(&["a", "bc"]));
        assert_ne!(
            SpanId::derive(&["thread", "turn", "call_1"]),
            SpanId::derive(&["thread", "turn", "call_2"])
        );
    }

    #[test]
    fn hex_goes_both_ways() {
        let id = TraceId::derive(&["x"]);
        assert_eq!(TraceId::from_hex(&id.to_string()), Some(id));
        assert_eq!(TraceId::from_hex("00000000000000000000000000000000"), None);
        assert_eq!(SpanId::from_hex("xyz"), None);
    }
}
