#!/usr/bin/env bash
# What cron runs: first the programs and settings, which cron's bare environment lacks.
set -euo pipefail
cd "$(dirname "$0")"

export PATH=$PWD/tap/bin:$PWD/target/bin:$PATH
set -o allexport
source salesforce.env
set +o allexport
exec ./duckdb.sh
