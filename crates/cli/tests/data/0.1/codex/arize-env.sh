# Settings of arize-codex that win over config.yaml; `false` stops tracing.
export ARIZE_TRACE_ENABLED=true
