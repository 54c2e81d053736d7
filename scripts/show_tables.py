"""Show what has arrived in a DuckDB file: `show_tables.py FILE`, next to a running sandbox."""

from __future__ import annotations

import json
import os
import sys
from urllib.request import urlopen

import duckdb

BIGGEST_PIPELINES = """
    SELECT account.name AS account, account.billingcity AS city,
        count(*) AS opportunities, sum(opportunity.amount)::DECIMAL(18, 2) AS amount
    FROM salesforce.account
    JOIN salesforce.opportunity ON opportunity.accountid = account.id
    WHERE NOT account.isdeleted AND NOT opportunity.isdeleted
    GROUP BY ALL
    ORDER BY amount DESC
    LIMIT 5
"""

NEWEST_AGAIN = """\
Read was what has changed since, and again what had changed in the five minutes
before each bookmark, in case more became visible there.
"""


def show(path: str, sandbox: str) -> None:
    """Print the tables with their sizes, what this run has read, and some rows.

    Args:
        path: The DuckDB file.
        sandbox: Address of the sandbox, which knows its query jobs.
    """
    with urlopen(f"{sandbox}/_sandbox/jobs") as reply:  # noqa: S310 - plain http on loopback
        jobs = {job["object"]: job for job in json.load(reply)}
    with duckdb.connect(path, read_only=True) as database:
        counts = [
            (
                name,
                job["rows"],
                job["pages"],
                database.table(f"salesforce.{name}").count("*").fetchall()[0][0],
            )
            for name, job in sorted(jobs.items())
        ]
        database.execute(
            "CREATE TEMP TABLE run (stream TEXT, records_read INT, result_pages INT, in_table INT)"
        )
        database.executemany("INSERT INTO run VALUES (?, ?, ?, ?)", counts)
        print("What this run has read, and what the database holds:")
        database.table("run").show()
        if sum(read for _, read, _, _ in counts) < sum(held for *_, held in counts):
            print(NEWEST_AGAIN)
        print("The accounts with the biggest pipelines, from the database:")
        database.sql(BIGGEST_PIPELINES).show()


if __name__ == "__main__":
    show(sys.argv[1], os.environ["SFBULK_SANDBOX_URL"])
    print("Next: run scripts/demo again to read what has changed. The records are in")
    print(f"{sys.argv[1]}, schema salesforce. The README says how to read a real org.")
