//! Words in lines that a shell reads.

/// Writes a word that a POSIX shell reads as just this text: in single quotes where it has other than
/// plain characters.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_path_as_it_is() {
        for (text, word) in [
            ("/home/ada/.codex/config.toml", "/home/ada/.codex/config.toml"),
            ("/a b/it's", r"'/a b/it'\''s'"),
            ("~x", "'~x'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
