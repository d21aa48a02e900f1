//! The buffer service: keeps Codex's OTLP log events per thread until they are collected.
