"""Reads an object with simple-salesforce's Bulk API 2.0 client, a JSON line a record.

`simple_salesforce_bulk2.py URL SOBJECT SOQL`. The client hands over CSV; what a pipeline would do
with it is done here: `csv.DictReader` and `json.dumps`.
"""

import csv
import io
import json
import sys

from simple_salesforce.api import Salesforce


def main() -> None:
    """Read and write."""
    url, sobject, soql = sys.argv[1:]
    salesforce = Salesforce(instance_url=url, session_id="00D!benchmark")
    for page in getattr(salesforce.bulk2, sobject).query_all(soql, max_records=50_000):
        for record in csv.DictReader(io.StringIO(page, newline="")):
            print(json.dumps(record))


if __name__ == "__main__":
    main()
