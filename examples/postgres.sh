#!/usr/bin/env bash
# Salesforce into the schema `salesforce` of a PostgreSQL database.
# Needs: pip install 'meltanolabs-target-postgres~=0.8.0', in an environment of its own, and
# TARGET_POSTGRES_HOST, _PORT, _USER, _PASSWORD and _DATABASE.
set -euo pipefail
examples=$(dirname "$0")

export TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA=salesforce
# The next run reads the last minutes again: merge by key.
export TARGET_POSTGRES_LOAD_METHOD=upsert
export TARGET_POSTGRES_USE_COPY=true
exec "$examples/load" postgres.state target-postgres --config ENV
