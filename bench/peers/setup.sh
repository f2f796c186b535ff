#!/bin/sh
# Make the virtual environment of the peer programs: .cache/peers-venv in the repository.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../.cache/peers-venv
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
