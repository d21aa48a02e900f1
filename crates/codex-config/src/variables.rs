//! Every environment variable that is read, by name.

/// The user's home directory.
pub const HOME: &str = "HOME";
/// The user's home directory on Windows.
pub const USERPROFILE: &str = "USERPROFILE";
/// Codex's own directory; `~/.codex` when unset.
pub const CODEX_HOME: &str = "CODEX_HOME";

/// Turns tracing on or off; on when unset.
pub const ARIZE_TRACE_ENABLED: &str = "ARIZE_TRACE_ENABLED";
/// Prints spans instead of sending them.
pub const ARIZE_DRY_RUN: &str = "ARIZE_DRY_RUN";
/// Logs more.
pub const ARIZE_VERBOSE: &str = "ARIZE_VERBOSE";
/// Writes debug dumps below `state/codex/debug/`.
pub const ARIZE_TRACE_DEBUG: &str = "ARIZE_TRACE_DEBUG";
/// The log file.
pub const ARIZE_LOG_FILE: &str = "ARIZE_LOG_FILE";
/// The user id on every span.
pub const ARIZE_USER_ID: &str = "ARIZE_USER_ID";
/// The project that traces go to.
pub const ARIZE_PROJECT_NAME: &str = "ARIZE_PROJECT_NAME";
/// The port of the buffer service.
pub const ARIZE_CODEX_BUFFER_PORT: &str = "ARIZE_CODEX_BUFFER_PORT";
/// Whether prompts are recorded.
pub const ARIZE_LOG_PROMPTS: &str = "ARIZE_LOG_PROMPTS";
/// Whether tool arguments are recorded.
pub const ARIZE_LOG_TOOL_DETAILS: &str = "ARIZE_LOG_TOOL_DETAILS";
/// Whether tool output is recorded.
pub const ARIZE_LOG_TOOL_CONTENT: &str = "ARIZE_LOG_TOOL_CONTENT";
/// The shape of the span tree, `agent` or `turn`.
pub const ARIZE_SPAN_LAYOUT: &str = "ARIZE_SPAN_LAYOUT";

/// The caller's trace context, as W3C names it.
pub const TRACEPARENT: &str = "TRACEPARENT";

/// The API key of Arize AX.
pub const ARIZE_API_KEY: &str = "ARIZE_API_KEY";
/// The space id of Arize AX.
pub const ARIZE_SPACE_ID: &str = "ARIZE_SPACE_ID";

/// The base URL of Phoenix.
pub const PHOENIX_ENDPOINT: &str = "PHOENIX_ENDPOINT";
/// The base URL of Phoenix, by the name Phoenix's own client uses.
pub const PHOENIX_COLLECTOR_ENDPOINT: &str = "PHOENIX_COLLECTOR_ENDPOINT";
/// The API key of Phoenix.
pub const PHOENIX_API_KEY: &str = "PHOENIX_API_KEY";
/// Extra headers for Phoenix: `name=value,name=value`, percent-encoded.
pub const PHOENIX_CLIENT_HEADERS: &str = "PHOENIX_CLIENT_HEADERS";
/// The project, by the name Phoenix's own client uses.
pub const PHOENIX_PROJECT: &str = "PHOENIX_PROJECT";
/// The project, by the older name Phoenix's own client uses.
pub const PHOENIX_PROJECT_NAME: &str = "PHOENIX_PROJECT_NAME";
