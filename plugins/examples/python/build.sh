#!/bin/sh
# Makes stated-repository.wasm of policy.py, or the file that is named.
set -eu
cd "$(dirname "$0")"
if [ ! -x .venv/bin/componentize-py ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
fi
# A policy gets no clock, randomness, files or network: with any of them left in, the host refuses it by name.
.venv/bin/componentize-py -d ../../../wit -w verifier componentize --stub-wasi policy -o "${1:-stated-repository.wasm}"
