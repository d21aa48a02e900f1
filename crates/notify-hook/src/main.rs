//! `arize-hook-codex-notify`: what Codex runs at the end of a turn. Exit code 0 whatever happens.

fn main() {
    #[cfg(windows)]
    processes::keep_streams();
    notify_hook::run(std::env::args_os().skip(1).collect(), std::env::vars_os());
}
