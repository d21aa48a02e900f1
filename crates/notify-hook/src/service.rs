//! The buffer service, which has to run before the next turn.

use buffer_api::Endpoint;
use buffer_api::process::Service;
use program_log::chain;

use crate::reconcile::Context;

/// Brings the programs up to date after a package manager updated those that setup copied. The service
/// becomes its new version with the next events, and this hook with the next turn.
pub(crate) fn refresh_programs(context: &Context<'_>) {
    let bin = &context.paths.bin_dir;
    let this = std::env::current_exe();
    // Where it runs from elsewhere, others see to its programs.
    if !this.is_ok_and(|this| this.parent() == Some(bin)) {
        return;
    }
    match machine::programs::refresh(context.paths) {
        Ok(None) => {}
        Ok(Some(origin)) => {
            let (bin, origin) = (bin.display(), origin.display());
            context.log.info(format_args!("updated the programs in `{bin}` from `{origin}`"));
        }
        Err(error) => {
            let error = chain(&error);
            context.log.warn(format_args!("the programs are not updated: {error}"));
        }
    }
}

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
