#!/bin/bash
# Builds the tests and the benchmarks that need a GPU, and prints each as NAME=PATH, for TOOLS of bundle.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --release --locked --no-run --test interop --test kernels --bench gpu_bandwidth --bench network_loop --message-format=json |
    python3 -c '
import json, sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] in ("interop", "kernels", "gpu_bandwidth", "network_loop"):
        print(message["target"]["name"] + "=" + message["executable"])
'
