//! How much chance there is in a text.

/// Bits per byte, from how often each byte occurs (Shannon's entropy).
pub(crate) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = text.len() as f64;
    let share = |count: &u32| f64::from(*count) / all;
    -counts.iter().filter(|count| **count > 0).map(|c| share(c) * share(c).log2()).sum::<f64>()
}

/// Whether a text could be a name in a program or a word: no digit, and letters of one case only.
pub(crate) fn is_wordlike(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let has_both_cases = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    !has(u8::is_ascii_digit) && !has_both_cases
}
