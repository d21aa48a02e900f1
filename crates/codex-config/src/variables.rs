//! Every environment variable that is read, by name.

/// The user's home directory.
pub const HOME: &str = "HOME";
/// The user's home directory on Windows.
pub const USERPROFILE: &str = "USERPROFILE";
/// The one of them that names the user's home on this system.
pub const USER_HOME: &str = if cfg!(windows) { USERPROFILE } else { HOME };
/// Codex's own directory; `~/.codex` when unset.
pub const CODEX_HOME: &str = "CODEX_HOME";
/// The root of everything of ours; `~/.arize/harness` when unset.
pub const ARIZE_HARNESS_HOME: &str = "ARIZE_HARNESS_HOME";
/// The user's login shell.
pub const SHELL: &str = "SHELL";
/// The directory with the profiles of zsh; the home directory when unset.
pub const ZDOTDIR: &str = "ZDOTDIR";
/// The directory with the settings of fish and PowerShell; `~/.config` when unset.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";

/// The real `codex`, where it is not the first one on the `PATH`.
pub const ARIZE_CODEX_BIN: &str = "ARIZE_CODEX_BIN";

/// How many seconds the proxy waits for the turns of a Codex that has ended; 0 for not at all.
pub const ARIZE_CODEX_WAIT: &str = "ARIZE_CODEX_WAIT";

/// Set for the program that the hook starts for the user, to what marks the payload: a hook
/// that this program starts in turn does not start it again.
pub const ARIZE_CHAINED_NOTIFY: &str = "ARIZE_CHAINED_NOTIFY";

/// Turns tracing on or off; on when unset.
pub const ARIZE_TRACE_ENABLED: &str = "ARIZE_TRACE_ENABLED";
/// Prints spans instead of sending them.
pub const ARIZE_DRY_RUN: &str = "ARIZE_DRY_RUN";
/// Writes each step of a run to the log, too.
pub const ARIZE_VERBOSE: &str = "ARIZE_VERBOSE";
/// Writes debug dumps below `state/codex/debug/`.
pub const ARIZE_TRACE_DEBUG: &str = "ARIZE_TRACE_DEBUG";
/// The log file.
pub const ARIZE_LOG_FILE: &str = "ARIZE_LOG_FILE";
/// The user id on every span.
pub const ARIZE_USER_ID: &str = "ARIZE_USER_ID";
/// The tags of every turn, with commas between them.
pub const ARIZE_TAGS: &str = "ARIZE_TAGS";
/// The project that traces go to.
pub const ARIZE_PROJECT_NAME: &str = "ARIZE_PROJECT_NAME";
/// The port of the buffer service.
pub const ARIZE_CODEX_BUFFER_PORT: &str = "ARIZE_CODEX_BUFFER_PORT";
/// Whether there are contents at all, `all` or `none`.
pub const ARIZE_LOG_CONTENT: &str = "ARIZE_LOG_CONTENT";
/// Whether prompts are recorded.
pub const ARIZE_LOG_PROMPTS: &str = "ARIZE_LOG_PROMPTS";
/// Whether tool arguments are recorded.
pub const ARIZE_LOG_TOOL_DETAILS: &str = "ARIZE_LOG_TOOL_DETAILS";
/// Whether tool output is recorded.
pub const ARIZE_LOG_TOOL_CONTENT: &str = "ARIZE_LOG_TOOL_CONTENT";
/// The shape of the span tree, `agent` or `turn`.
pub const ARIZE_SPAN_LAYOUT: &str = "ARIZE_SPAN_LAYOUT";
/// Which tool calls are errors, `exit_code` or `codex`.
pub const ARIZE_TOOL_ERRORS: &str = "ARIZE_TOOL_ERRORS";

/// The caller's trace context, as W3C names it.
pub const TRACEPARENT: &str = "TRACEPARENT";

/// The API key of Arize AX.
pub const ARIZE_API_KEY: &str = "ARIZE_API_KEY";
/// The space id of Arize AX.
pub const ARIZE_SPACE_ID: &str = "ARIZE_SPACE_ID";

/// The receiver of Arize AX, `HOST:PORT` or a URL.
pub const ARIZE_OTLP_ENDPOINT: &str = "ARIZE_OTLP_ENDPOINT";
/// The same, by the name Arize's own client uses.
pub const ARIZE_COLLECTOR_ENDPOINT: &str = "ARIZE_COLLECTOR_ENDPOINT";
/// What kind of program a project of Arize AX is of.
pub const ARIZE_PROJECT_TYPE: &str = "ARIZE_PROJECT_TYPE";

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

/// Hides what goes into each step.
pub const OPENINFERENCE_HIDE_INPUTS: &str = "OPENINFERENCE_HIDE_INPUTS";
/// Hides what comes out of each step.
pub const OPENINFERENCE_HIDE_OUTPUTS: &str = "OPENINFERENCE_HIDE_OUTPUTS";
/// Hides messages to the model.
pub const OPENINFERENCE_HIDE_INPUT_MESSAGES: &str = "OPENINFERENCE_HIDE_INPUT_MESSAGES";
/// Hides messages of the model.
pub const OPENINFERENCE_HIDE_OUTPUT_MESSAGES: &str = "OPENINFERENCE_HIDE_OUTPUT_MESSAGES";
/// Hides images in messages to the model.
pub const OPENINFERENCE_HIDE_INPUT_IMAGES: &str = "OPENINFERENCE_HIDE_INPUT_IMAGES";
/// Hides texts in messages to the model.
pub const OPENINFERENCE_HIDE_INPUT_TEXT: &str = "OPENINFERENCE_HIDE_INPUT_TEXT";
/// Hides texts in messages of the model.
pub const OPENINFERENCE_HIDE_OUTPUT_TEXT: &str = "OPENINFERENCE_HIDE_OUTPUT_TEXT";
/// Hides prompts.
pub const OPENINFERENCE_HIDE_PROMPTS: &str = "OPENINFERENCE_HIDE_PROMPTS";
/// Hides prompts: what Phoenix's own documentation calls the variable.
pub const OPENINFERENCE_HIDE_LLM_PROMPTS: &str = "OPENINFERENCE_HIDE_LLM_PROMPTS";
/// Hides what the model answered.
pub const OPENINFERENCE_HIDE_CHOICES: &str = "OPENINFERENCE_HIDE_CHOICES";
/// Hides settings of requests.
pub const OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS: &str =
    "OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS";
/// The longest image in base64 that stays in a text.
pub const OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH: &str = "OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH";

/// Selects the target `otlp` where the file names no target.
pub const CODEX_OTLP_ENABLE: &str = "CODEX_OTLP_ENABLE";
/// The base URL of a receiver of OTLP.
pub const CODEX_OTLP_ENDPOINT: &str = "CODEX_OTLP_ENDPOINT";
/// Headers for it: `name=value,name=value`, percent-encoded.
pub const CODEX_OTLP_HEADERS: &str = "CODEX_OTLP_HEADERS";
/// The client certificate for it, a PEM file.
pub const CODEX_OTLP_CERTFILE: &str = "CODEX_OTLP_CERTFILE";
/// The key of the client certificate, a PEM file.
pub const CODEX_OTLP_KEYFILE: &str = "CODEX_OTLP_KEYFILE";
/// The certificate authorities to trust, a PEM file.
pub const CODEX_OTLP_CACERTFILE: &str = "CODEX_OTLP_CACERTFILE";

/// Attributes of the program that sends telemetry: `name=value,name=value`, percent-encoded.
pub const OTEL_RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The base URL of a receiver of OTLP, for all programs.
pub const OTEL_EXPORTER_OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The address for traces, used as it is.
pub const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The address for metrics, used as it is.
pub const OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
/// Headers: `name=value,name=value`, percent-encoded.
pub const OTEL_EXPORTER_OTLP_HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
/// The same, for metrics.
pub const OTEL_EXPORTER_OTLP_METRICS_HEADERS: &str = "OTEL_EXPORTER_OTLP_METRICS_HEADERS";
/// The protocol, such as `http/protobuf`.
pub const OTEL_EXPORTER_OTLP_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
/// The compression, such as `gzip`.
pub const OTEL_EXPORTER_OTLP_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: &str = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION";
/// The time that one batch may take, in milliseconds.
pub const OTEL_EXPORTER_OTLP_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
/// The certificate authorities to trust, a PEM file.
pub const OTEL_EXPORTER_OTLP_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE";
/// The client certificate, a PEM file.
pub const OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: &str =
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE";
/// The key of the client certificate, a PEM file.
pub const OTEL_EXPORTER_OTLP_CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";
/// The same, for traces only.
pub const OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY";

/// The base URL of MLflow's tracking server.
pub const MLFLOW_TRACKING_URI: &str = "MLFLOW_TRACKING_URI";
/// The number of the experiment that traces go to.
pub const MLFLOW_EXPERIMENT_ID: &str = "MLFLOW_EXPERIMENT_ID";
/// The name of the experiment that traces go to.
pub const MLFLOW_EXPERIMENT_NAME: &str = "MLFLOW_EXPERIMENT_NAME";
/// The user that MLflow knows us as.
pub const MLFLOW_TRACKING_USERNAME: &str = "MLFLOW_TRACKING_USERNAME";
/// The user's password.
pub const MLFLOW_TRACKING_PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
/// The certificate authorities to trust for MLflow, a PEM file.
pub const MLFLOW_TRACKING_SERVER_CERT_PATH: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";
/// The client certificate for MLflow and its key, in one PEM file.
pub const MLFLOW_TRACKING_CLIENT_CERT_PATH: &str = "MLFLOW_TRACKING_CLIENT_CERT_PATH";
/// The bearer token for MLflow.
pub const MLFLOW_TRACKING_TOKEN: &str = "MLFLOW_TRACKING_TOKEN";

/// The certificate authorities to trust, a PEM file, as OpenSSL and others read it.
pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// Folders with more of them.
pub const SSL_CERT_DIR: &str = "SSL_CERT_DIR";

/// The proxy for `https://` addresses.
pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
/// The same, which wins.
pub const HTTPS_PROXY_SMALL: &str = "https_proxy";
/// The proxy for `http://` addresses.
pub const HTTP_PROXY: &str = "HTTP_PROXY";
/// The same, which wins.
pub const HTTP_PROXY_SMALL: &str = "http_proxy";
/// The proxy for addresses that have none of their own.
pub const ALL_PROXY: &str = "ALL_PROXY";
/// The same, which wins.
pub const ALL_PROXY_SMALL: &str = "all_proxy";
/// Names, addresses and networks that need no proxy.
pub const NO_PROXY: &str = "NO_PROXY";
/// The same, which wins.
pub const NO_PROXY_SMALL: &str = "no_proxy";
