"""Reads an object with aio-sf's bulk query, a JSON line a record.

`aio_sf_bulk.py URL SOQL`. The client hands over dictionaries of texts; here they become JSON.
"""

import asyncio
import json
import sys

from aio_sf import SalesforceClient, StaticTokenAuth
from aio_sf.exporter import bulk_query


async def main() -> None:
    """Read and write."""
    url, soql = sys.argv[1:]
    async with SalesforceClient(auth_strategy=StaticTokenAuth(url, "00D!benchmark")) as client:
        result = await bulk_query(client, soql, all_rows=True, batch_size=50_000)
        async for record in result:
            print(json.dumps(record))


if __name__ == "__main__":
    asyncio.run(main())
