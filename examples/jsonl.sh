#!/usr/bin/env bash
# Salesforce into files of JSON lines, one for each stream, in the folder `jsonl`.
# Needs: pip install 'target-jsonl~=0.1.4', in an environment of its own.
set -euo pipefail
examples=$(dirname "$0")

mkdir -p jsonl
exec "$examples/load" jsonl.state target-jsonl --config "$examples/jsonl.json"
