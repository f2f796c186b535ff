#!/bin/bash
# Time framecast and its peers in turn on one clip: run.sh FRAMECAST CLIP [REPEATS]
# One JSON line for each run goes to the error output, medians and ratios to the output.
set -euo pipefail
program=$1 clip=$2 repeats=${3:-3}
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.cache/peers-venv/bin/python
[ -x "$python" ] || "$here/setup.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

timed() { "$python" "$here/$@" | tee -a "$work/rows" >&2; }

while [ "$repeats" -gt 0 ]; do
    timed framecast_run.py "$program" "$clip" --out "$work/framecast.mkv"
    timed python_loop.py "$clip" "$work/loop.mp4"
    timed framecast_run.py "$program" "$clip"
    timed pyanime4k_peer.py "$clip"
    repeats=$((repeats - 1))
done
"$python" "$here/medians.py" <"$work/rows"
