#!/bin/bash
# Formatting, lints, documentation and tests, in this order. `make test` does the set-up first.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is installed beside ONNX Runtime must not change results; tests of providers name them themselves.
export FRAMECAST_PROVIDERS=

step() {
    echo "== $*"
    "$@"
}

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step cargo clippy --locked --all-targets --no-default-features -- -D warnings
step cargo clippy --locked --all-targets --all-features -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --locked --no-deps
if cargo nextest --version >/dev/null 2>&1; then
    step cargo nextest run --locked --no-fail-fast
else
    step cargo test --locked --no-fail-fast --lib --bins --tests
fi
step cargo test --locked --doc
# Only that the training code parses: running it needs PyTorch.
PYTHONPYCACHEPREFIX=target/pycache step python3 -m compileall -q training bench
