//! The buffer service, which has to run before the next turn.

use buffer_api::Endpoint;
use buffer_api::process::Service;
use program_log::chain;

use crate::reconcile::Context;

/// Starts the buffer service for the next turn where nothing listens at its address.
pub(crate) fn ensure_buffer(context: &Context<'_>) {
    let Some(client) = &context.buffer else { return };
    if client.has_answered() || !client.health().is_err_and(|error| error.is_refused()) {
        return;
    }
    let program = std::env::current_exe().map(|hook| hook.with_file_name("arize-codex-buffer"));
    let collector = &context.settings.collector;
    let (Ok(program), Ok(endpoint)) = (program, Endpoint::new(&collector.host, collector.port))
    else {
        return;
    };
    if !program.exists() {
        context.log.verbose(format_args!("no buffer service at `{}`", program.display()));
        return;
    }
    let paths = buffer_api::Paths::under(&context.paths.harness_home);
    match buffer_api::process::ensure(&Service { program, endpoint, paths }) {
        Ok(running) => context
            .log
            .info(format_args!("started the buffer service (pid {})", running.health.pid)),
        Err(error) => {
            let error = chain(&error);
            context.log.warn(format_args!("the buffer service does not start: {error}"));
        }
    }
}
