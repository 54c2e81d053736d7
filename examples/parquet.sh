#!/usr/bin/env bash
# Salesforce into Parquet files in the folder `parquet`, straight from the columns of the result
# pages. The files are the result, so what stands in for a target only passes the states on.
# Needs: jq.
set -euo pipefail
examples=$(dirname "$0")

export TAP_SFBULK_PAGES_BATCH_CONFIG='{
  "encoding": {"format": "parquet", "compression": "zstd"},
  "storage": {"root": "file://'$PWD'/parquet"}
}'
mkdir -p parquet
exec "$examples/load" parquet.state jq --compact-output 'select(.type == "STATE").value'
