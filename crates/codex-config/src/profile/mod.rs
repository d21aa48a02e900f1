//! A block in the profiles of shells that puts our folder first in `PATH`: text in, text out.
//!
//! The block stands between two comments, by which it is found again. Everything outside of it is
//! not ours and never touched; so is a text in which the comments do not pair up.

mod block;
mod files;

pub use block::{ProfileError, Shell, insert, remove, remove_python_system};
pub use files::{Platform, Profile, profiles};
