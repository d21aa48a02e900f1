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

/// Writes a word of a command that a person, or Codex, gives to the shell of this system. On Windows
/// that is PowerShell; what is plain, `cmd` reads as well.
pub fn command_word(text: &str) -> String {
    if cfg!(windows) { powershell_word(text) } else { shell_word(text) }
}

fn powershell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || r"_-./\:".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Writes a program as the first word of such a command.
pub fn command_program(path: &str) -> String {
    let word = command_word(path);
    // Alone, PowerShell takes what is in quotes for a text to print.
    if cfg!(windows) && word.starts_with('\'') { format!("& {word}") } else { word }
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

    #[test]
    fn powershell_reads_a_path_as_it_is() {
        for (text, word) in [
            (r"C:\Users\ada\x.exe", r"C:\Users\ada\x.exe"),
            (r"C:\Users\Ada O'Hara\x.exe", r"'C:\Users\Ada O''Hara\x.exe'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(powershell_word(text), word);
        }
    }
}
