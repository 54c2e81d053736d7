"""The example with dbt: its own model, and fivetran/dbt_salesforce where it is available.

That package comes from hub.getdbt.com. `SFBULK_DBT_PACKAGES` names a folder that holds it, and what
it needs, as `dbt deps` leaves them in `dbt_packages`.
"""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from programs import run_program
from salesforce_data import expected_records
from target_programs import ROOT

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from target_programs import TargetPrograms

    from sfbulk_sandbox import SandboxServer

OBJECTS = (
    *("Account", "Contact", "Event", "Lead", "Opportunity", "OpportunityLineItem"),
    *("Product2", "Task", "User", "UserRole"),
)


def pipelines(server: SandboxServer) -> dict[str, tuple[int, Decimal | None]]:
    """Find out by hand what the model `account_pipelines` holds."""
    counts: defaultdict[str | None, int] = defaultdict(int)
    amounts: dict[str | None, Decimal] = {}
    for each in expected_records(server, "Opportunity", include_deleted=False):
        account, amount = each["AccountId"], each["Amount"]
        counts[account] += 1
        if amount is not None:
            amounts[account] = amounts.get(account, Decimal(0)) + Decimal(amount)
    accounts = expected_records(server, "Account", include_deleted=False)
    return {each["Id"]: (counts[each["Id"]], amounts.get(each["Id"])) for each in accounts}


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="dbt-core 1.11 is for Python up to 3.13")
def test_dbt_builds_its_models_from_the_landed_tables(
    programs: TargetPrograms, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows=dict.fromkeys(OBJECTS, 30), page_rows=30)
    if packages := os.environ.get("SFBULK_DBT_PACKAGES"):
        (tmp_path / "dbt").mkdir()
        (tmp_path / "dbt" / "dbt_packages").symlink_to(Path(packages).absolute())
    folders = [Path(sys.executable).parent, programs.path("dbt").parent, os.environ["PATH"]]
    variables = {
        "PATH": os.pathsep.join(map(str, folders)),
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "00D!token",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
    }
    run = run_program([ROOT / "examples/dbt.sh"], tmp_path, variables)
    assert run.returncode == 0, f"{run.stdout[-2000:]}\n{run.stderr[-2000:]}"
    with duckdb.connect(str(tmp_path / "dbt.duckdb"), read_only=True) as connection:
        built = connection.execute(
            "SELECT account_id, opportunities, amount FROM models.account_pipelines"
        ).fetchall()
        query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'models'"
        tables = {name for (name,) in connection.execute(query).fetchall()}
    assert {id_: (count, amount) for id_, count, amount in built} == pipelines(server)
    done = re.search(r"Done\. PASS=(\d+) WARN=(\d+) ERROR=(\d+) SKIP=(\d+)", run.stdout)
    assert done
    if "cannot be fetched and are left out" in run.stderr:
        assert done.groups() == ("3", "0", "0", "0")
        pytest.skip("fivetran/dbt_salesforce cannot be fetched; the example's own model was built")
    assert {"salesforce__opportunity_enhanced", "salesforce__sales_snapshot"} <= tables
    # The models and tests of the package, and those of the example.
    assert int(done[1]) >= 19 + 32 + 3
    assert done.groups()[1:] == ("0", "0", "0")
