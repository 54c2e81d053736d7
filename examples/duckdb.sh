#!/usr/bin/env bash
# Salesforce into target.duckdb, in the current folder. Again: only what has changed. Not into a file of
# sfbulk-load: this target needs an older DuckDB, which cannot read files of newer ones.
# Needs: pip install 'target-duckdb~=0.8.0' 'duckdb<1.3', in an environment of its own.
set -euo pipefail
examples=$(dirname "$0")

exec "$examples/load" duckdb.state target-duckdb --config "$examples/duckdb.json"
