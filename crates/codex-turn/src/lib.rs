//! Decodes what Codex CLI leaves behind into turns.
