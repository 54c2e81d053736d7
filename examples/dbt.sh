#!/usr/bin/env bash
# Salesforce into dbt.duckdb, in the current folder, and dbt models made from its tables: those of
# fivetran/dbt_salesforce, and one of your own. Again: only what has changed is loaded.
# Needs: pip install '.[load]' here; and dbt in the PATH, from an environment of its own:
# pip install 'dbt-duckdb~=1.11.0' 'dbt-core~=1.11.0' (Python 3.10 to 3.13)
set -euo pipefail
command -v dbt >/dev/null || {
  echo "dbt is missing. Put the environment in the PATH that has it:" \
    "pip install 'dbt-duckdb~=1.11.0' 'dbt-core~=1.11.0'" >&2
  exit 127
}
examples=$(dirname "$0")
objects='["Account", "Contact", "Event", "Lead", "Opportunity", "OpportunityLineItem", "Product2", "Task", "User", "UserRole"]'
export TAP_SFBULK_PAGES_OBJECTS=${TAP_SFBULK_PAGES_OBJECTS:-$objects}

sfbulk-load --into duckdb:///dbt.duckdb --schema salesforce --config ENV

# In a copy, since dbt writes into the folder of its project.
mkdir -p dbt
cp -R "$examples/dbt/." dbt
cd dbt
if [[ ! -d dbt_packages ]] && ! dbt deps; then
  echo "The models of fivetran/dbt_salesforce cannot be fetched and are left out." >&2
  rm packages.yml
fi
exec dbt build
