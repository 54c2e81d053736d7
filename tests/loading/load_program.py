"""The command `sfbulk-load` as tests start it: jobs are asked for sooner, transactions are smaller.

The sandbox's jobs are complete at once, so that only the pauses before asking would be left.
"""

from __future__ import annotations

import os

from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.loading import transactions
from tap_sfbulk_pages.loading.command import main

query_jobs.SHORTEST_POLL_SECONDS = 0.02
if records := os.environ.get("TEST_RECORDS_A_TRANSACTION"):
    transactions.RECORDS_A_TRANSACTION = int(records)

if __name__ == "__main__":
    main(prog_name="sfbulk-load")
