//! The prices of tokens: the built-in ones, overlaid with the user's own.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use pricing::{PriceTable, PriceTableError};

use crate::Paths;

/// The user's own prices cannot be read; the built-in ones hold.
#[derive(Debug, thiserror::Error)]
#[error("`{}`", path.display())]
pub struct PricesError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: PriceTableError,
}

/// The prices that hold for this user (`prices.json` in the harness home goes first), and what is wrong
/// with the user's own.
pub fn prices(paths: &Paths) -> (Cow<'static, PriceTable>, Option<PricesError>) {
    let builtin = PriceTable::builtin();
    let path = paths.harness_home.join("prices.json");
    let Ok(text) = fs::read_to_string(&path) else { return (Cow::Borrowed(builtin), None) };
    match PriceTable::parse(&text) {
        Ok(own) => (Cow::Owned(builtin.overlay(own)), None),
        Err(source) => (Cow::Borrowed(builtin), Some(PricesError { path, source })),
    }
}
