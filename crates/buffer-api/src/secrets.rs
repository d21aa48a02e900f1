//! The secret of the service, what is derived of it, and how both ends prove that they know it.
//!
//! One secret per home, the token (`run/codex-buffer.token`). It permits everything, and programs of
//! other systems send it as it is, as a bearer. Our own client does not send it: any user of the
//! machine can take the port first.
//!
//! - A request may carry a nonce. The answer then proves, with a MAC of the nonce, that the service
//!   knows the token. The MAC covers the address that the service listens on, so that no process that
//!   listens at another one can pass the proof of the service on as its own.
//! - What the client then sends in place of the token is a MAC, too: of the number of the service's
//!   run and of the address. It is of no use with the next run, nor anywhere else.
//! - The write token stands in Codex's configuration, and Codex sends it to the process that has the port. It
//!   permits sending events, and the token cannot be computed from it.

use std::{fmt::Write, io};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Endpoint, Paths};

/// The header of a request with the nonce that the answer has to cover.
pub const NONCE_HEADER: &str = "x-arize-nonce";

/// The header of an answer that proves that the service knows the token.
pub const PROOF_HEADER: &str = "x-arize-proof";

/// The header of an answer that names the run of the service.
pub const INSTANCE_HEADER: &str = "x-arize-instance";

/// The header in which Codex's exporter has the write token: `Authorization` may be another
/// receiver's.
pub const TOKEN_HEADER: &str = "x-arize-token";

/// The length of a token or a number, in bytes before they are written as hexadecimal digits.
const SECRET_BYTES: usize = 32;

/// The longest nonce that is answered.
const LONGEST_NONCE: usize = 128;

/// The secret of the service, 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a text for a token; any text is one, to the service only its own.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A random one, which cannot be guessed.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness.
    pub fn random() -> io::Result<Self> {
        random().map(Self)
    }

    /// The text, which permits everything.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What permits sending events and nothing else.
    pub fn write_token(&self) -> String {
        self.mac(&["write"])
    }

    /// What the service proves with that it knows the token; none for what is no nonce.
    pub fn proof(&self, nonce: &str, instance: &str, endpoint: &Endpoint) -> Option<String> {
        let is_nonce = nonce.len() <= LONGEST_NONCE && nonce.bytes().all(|b| b.is_ascii_hexdigit());
        is_nonce.then(|| self.mac(&["service", nonce, instance, &endpoint.to_string()]))
    }

    /// What permits reading from one run of the service at one address.
    pub fn session(&self, instance: &str, endpoint: &Endpoint) -> String {
        self.mac(&["session", instance, &endpoint.to_string()])
    }

    fn mac(&self, parts: &[&str]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes())
            .unwrap_or_else(|_| unreachable!("an HMAC takes keys of every length"));
        for part in parts {
            mac.update(part.as_bytes());
            // No part holds one.
            mac.update(b"\n");
        }
        hex(&mac.finalize().into_bytes())
    }
}

/// Does not show the secret.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Paths {
    /// Reads the token; makes one where there is none that can be one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or not be written where that is needed.
    pub fn token_or_new(&self) -> io::Result<Token> {
        if let Some(token) = self.known_token()? {
            // A copy of the file may have other permissions. Nothing is written: the
            // disk may be full.
            #[cfg(unix)]
            std::fs::set_permissions(
                &self.token,
                std::os::unix::fs::PermissionsExt::from_mode(0o600),
            )?;
            return Ok(token);
        }
        let token = Token::random()?;
        self.keep_token(&token)?;
        Ok(token)
    }

    /// Reads the token; none where there is none that can be one.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn known_token(&self) -> io::Result<Option<Token>> {
        let is_whole = |text: &String| {
            text.len() == 2 * SECRET_BYTES && text.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        Ok(self.read_token()?.filter(is_whole).map(Token))
    }

    /// Makes a token the one of this home; a service that runs has to be started again.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn keep_token(&self, token: &Token) -> io::Result<()> {
        private_files::write(&self.token, format!("{}\n", token.0).as_bytes())
    }
}

/// A random number that cannot be guessed, as hexadecimal digits.
///
/// # Errors
///
/// When the system gives no randomness.
pub fn random() -> io::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Compares in a time that does not tell how much was right.
pub fn same(shown: &[u8], secret: &str) -> bool {
    let secret = secret.as_bytes();
    let differences = shown.iter().zip(secret).fold(0, |all, (a, b)| all | (a ^ b));
    shown.len() == secret.len() && differences == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_kept_and_a_broken_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        let first = paths.token_or_new().unwrap();
        assert_eq!(first.expose().len(), 64);
        assert_eq!(paths.token_or_new().unwrap(), first);
        std::fs::write(&paths.token, "short").unwrap();
        let second = paths.token_or_new().unwrap();
        assert_eq!(second.expose().len(), 64);
        assert_ne!(second, first);
        assert!(!format!("{second:?}").contains(second.expose()));
    }

    #[cfg(unix)]
    #[test]
    fn a_token_that_others_can_read_is_closed_again() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        paths.token_or_new().unwrap();
        std::fs::set_permissions(&paths.token, PermissionsExt::from_mode(0o644)).unwrap();
        paths.token_or_new().unwrap();
        let mode = std::fs::metadata(&paths.token).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn each_secret_is_another_and_holds_only_where_it_is_made_for() {
        let token = Token::new("t");
        let here = Endpoint::default();
        let there = Endpoint { port: 9, ..Endpoint::default() };
        let all = [
            token.expose().to_owned(),
            token.write_token(),
            token.session("1", &here),
            token.session("1", &there),
            token.session("2", &here),
            token.proof("ab", "1", &here).unwrap(),
            token.proof("ac", "1", &here).unwrap(),
            token.proof("ab", "2", &here).unwrap(),
            token.proof("ab", "1", &there).unwrap(),
            Token::new("u").write_token(),
        ];
        for (place, secret) in all.iter().enumerate() {
            assert!(!all[..place].contains(secret), "{place}");
        }
        assert_eq!(token.proof("a\nb", "1", &here), None, "parts cannot be moved about");
    }

    /// Codex's configuration holds it: a release that computes another one would refuse its events.
    #[test]
    fn the_write_token_stays_what_it_is() {
        let expected = "a503cd14663b5525440a206e997b069bec1d515c4586f72eaa9a2a4f35e04083";
        assert_eq!(Token::new("0".repeat(64)).write_token(), expected);
    }

    #[test]
    fn secrets_are_compared_in_full() {
        assert!(same(b"abcd", "abcd"));
        for shown in ["", "abc", "abcde", "abce", "xbcd"] {
            assert!(!same(shown.as_bytes(), "abcd"), "{shown}");
        }
    }
}
