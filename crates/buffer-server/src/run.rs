//! The life of the service: become the one instance, bind, open the store, serve, end.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use buffer_api::{
    Endpoint,
    process::{AcquireError, PortOwner, port_owner},
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
};

use crate::{
    clock::millis,
    config::{LogTarget, ServerConfig},
    forward::Forwarder,
    http::{self, App, Secrets, Shared},
    instance::Instance,
    log::Log,
    store::Store,
    sweep::{Change, sweep_forever},
    upgrade::{self, Program},
};

/// The most that requests in flight may take after the service was asked to end.
const GRACE: Duration = Duration::from_millis(700);

/// The most that the store's thread may take after that.
const STORE_GRACE: Duration = Duration::from_millis(200);

/// Says why the service did not serve.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The service of this home already runs, or the lock cannot be had.
    #[error("the service is not started")]
    Instance(#[source] AcquireError),
    /// Another process listens at the address.
    #[error("{endpoint} is taken by {owner}")]
    PortTaken {
        /// The address.
        endpoint: Endpoint,
        /// Who listens there.
        owner: PortOwner,
    },
    /// The address cannot be bound.
    #[error("{endpoint} cannot be bound")]
    Bind {
        /// The address.
        endpoint: Endpoint,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the service cannot be written.
    #[error("`{}` cannot be written", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no token.
    #[error("`{}` cannot be read or created", .path.display())]
    Token {
        /// The token's file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system does not give what a server needs.
    #[error("the system does not give what a server needs")]
    System(#[source] io::Error),
}

/// Serves until the process is asked to end.
///
/// Leaves the terminal that it was started from, if it logs to its file: closing that terminal
/// is not meant for the service.
///
/// # Errors
///
/// When it cannot become the one instance, cannot bind or cannot store.
pub fn run(config: &ServerConfig) -> Result<(), RunError> {
    if config.log == LogTarget::File {
        leave_terminal();
    }
    let mut listener = upgrade::inherited();
    let mut program = config.program.as_deref().and_then(Program::in_file);
    loop {
        let instance = match listener {
            None => Instance::acquire(&config.paths),
            Some(_) => acquire_again(config),
        };
        let instance = instance.map_err(RunError::Instance)?;
        let log = open_log(config)?;
        let runtime = runtime()?;
        // Before the address is announced: from then on others may ask the service to end.
        let end = runtime.block_on(async { asked_to_end(config.log) }).map_err(RunError::System)?;
        let way = (listener.take(), program.take());
        match serve(config, instance, log.clone(), runtime, end, way)? {
            End::Asked => return Ok(()),
            End::Replaced(Program { path, .. }, kept) => {
                let again = kept.try_clone().map_err(RunError::System)?;
                let error = upgrade::become_new(&path, kept);
                log.line(format_args!("`{}` is not run: {error}", path.display()));
                listener = Some(again);
            }
        }
    }
}

/// How serving ended.
enum End {
    Asked,
    /// There is a new version of the program, and senders connect to this socket.
    Replaced(Program, std::net::TcpListener),
}

/// Becomes the one instance again. Another one that was started between the old version and this one
/// ends at once, because the address is taken.
fn acquire_again(config: &ServerConfig) -> Result<Instance, AcquireError> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Instance::acquire(&config.paths) {
            Err(AcquireError::Held { .. }) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            acquired => return acquired,
        }
    }
}

/// Serves until `end` is ready, and has nothing to do with signals and terminals.
///
/// # Errors
///
/// Those of [`run`].
pub fn run_until(config: &ServerConfig, end: impl Future<Output = ()>) -> Result<(), RunError> {
    let instance = Instance::acquire(&config.paths).map_err(RunError::Instance)?;
    serve(config, instance, open_log(config)?, runtime()?, end, (None, None)).map(drop)
}

fn open_log(config: &ServerConfig) -> Result<Log, RunError> {
    let path = &config.paths.log;
    match config.log {
        LogTarget::Stderr => Ok(Log::to_stderr()),
        LogTarget::File => {
            Log::to_file(path).map_err(|source| RunError::File { path: path.clone(), source })
        }
    }
}

fn runtime() -> Result<Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The store's thread. More would wait for each other.
        .max_blocking_threads(1)
        .build()
        .map_err(RunError::System)
}

fn serve(
    config: &ServerConfig,
    instance: Instance,
    log: Log,
    runtime: Runtime,
    end: impl Future<Output = ()>,
    (listener, program): (Option<std::net::TcpListener>, Option<Program>),
) -> Result<End, RunError> {
    let served = runtime.block_on(async {
        let listener = match listener {
            Some(listener) => listener,
            None => bind(&config.endpoint).await?.into_std().map_err(RunError::System)?,
        };
        listener.set_nonblocking(true).map_err(RunError::System)?;
        let kept = listener.try_clone().map_err(RunError::System)?;
        let listener = TcpListener::from_std(listener).map_err(RunError::System)?;
        let address = listener.local_addr().map_err(RunError::System)?;
        let (sender, changes) = mpsc::unbounded_channel();
        let heard = config.sweep.is_some().then(|| sender.clone());
        let app = prepare(config, &instance, address, log, heard)?;
        let mut background = JoinSet::new();
        background.spawn(app.clone().expire_forever());
        if let Some(sweep) = config.sweep.clone() {
            background.spawn(sweep_forever(app.clone(), sweep, sender, changes));
        }
        let mut replaced = None;
        let ends = async {
            match program {
                None => end.await,
                Some(program) => tokio::select! {
                    () = end => {}
                    () = program.clone().replaced(app.clone()) => {
                        app.hand_over();
                        replaced = Some(program);
                    }
                },
            }
        };
        serve_requests(listener, &app, ends).await;
        background.shutdown().await;
        app.log.line(match &replaced {
            None => "stopped",
            Some(_) => "the program was replaced: the new version goes on",
        });
        Ok(replaced.map_or(End::Asked, |program| End::Replaced(program, kept)))
    });
    // The database is closed, or given up, before the instance is.
    runtime.shutdown_timeout(STORE_GRACE);
    drop(instance);
    served
}

async fn bind(endpoint: &Endpoint) -> Result<TcpListener, RunError> {
    TcpListener::bind((endpoint.host, endpoint.port)).await.map_err(|source| {
        let endpoint = endpoint.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                let owner = port_owner(&endpoint);
                RunError::PortTaken { endpoint, owner }
            }
            _ => RunError::Bind { endpoint, source },
        }
    })
}

/// Opens the store and tells the world where the service is.
fn prepare(
    config: &ServerConfig,
    instance: &Instance,
    address: SocketAddr,
    log: Log,
    changes: Option<UnboundedSender<Change>>,
) -> Result<App, RunError> {
    let paths = &config.paths;
    let endpoint = Endpoint { host: address.ip(), port: address.port() };
    let token_error = |source| RunError::Token { path: paths.token.clone(), source };
    let token = paths.token_or_new().map_err(token_error)?;
    let secrets = Secrets::new(token, endpoint.clone()).map_err(RunError::System)?;
    let mut store = Store::open(&paths.database, config.limits, millis((config.wall_clock)()))
        .map_err(|error| RunError::Store(Box::new(error)))?;
    store.take_notices().iter().for_each(|notice| log.line(notice));
    if let Err(error) = instance.announce(&endpoint) {
        // On a full disk. Others find it at the address of the settings.
        let path = paths.pid_file.display();
        log.line(format_args!("`{path}` cannot be written: {error}"));
    }
    let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
    log.line(format_args!("started version {version} on {endpoint} (PID {pid})"));
    let forwarder = config.forward.clone().and_then(|forwarding| {
        let started = Forwarder::start(forwarding, log.clone());
        started.map_err(|error| log.line(format_args!("events are not passed on: {error}"))).ok()
    });
    Ok(Shared::new(store, secrets, config, log, changes, forwarder))
}

async fn serve_requests(listener: TcpListener, app: &App, end: impl Future<Output = ()>) {
    let serving = http::serve(listener, http::router(app.clone()), app.clone());
    let too_long = async {
        end.await;
        app.close();
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = serving => {}
        () = too_long => {}
    }
}

/// Ready when the process is asked to end. A closed terminal asks only a service that belongs to
/// one.
#[cfg(unix)]
fn asked_to_end(log: LogTarget) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Listening is what keeps it from ending the process.
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        let mut hung_up = async || loop {
            hangup.recv().await;
            if log == LogTarget::Stderr {
                break;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = hung_up() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked_to_end(_log: LogTarget) -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn leave_terminal() {
    // Fails for the leader of a process group, which the terminal does not end anyway.
    #[cfg(unix)]
    let _ = rustix::process::setsid();
}
