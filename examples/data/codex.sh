#!/bin/sh
# Stands for `codex exec --json`: what Codex 0.171.0 wrote once.
exec cat "$(dirname "$0")/codex-exec.jsonl"
