"""Result pages to measure with, and the types of their fields.

`pages.py FOLDER RECORDS` writes them, a process of its own so that those who measure stay small.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _BOOLEAN = {"type": ["string", "null"]}, {"type": ["boolean", "null"]}
# As the tap announces a currency of two places.
_NUMBER = {"type": ["number", "null"], "precision": 38, "scale": 22}
_DATE, _DATETIME = {**_TEXT, "format": "date"}, {**_TEXT, "format": "date-time"}
FIELDS_OF_20_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "Id": _TEXT,
    "Name": _TEXT,
    "AccountId": _TEXT,
    "OwnerId": _TEXT,
    "StageName": _TEXT,
    "Type": _TEXT,
    "LeadSource": _TEXT,
    "ForecastCategory": _TEXT,
    "NextStep": _TEXT,
    "Description": _TEXT,
    "Amount": _NUMBER,
    "Probability": _NUMBER,
    "ExpectedRevenue": _NUMBER,
    "FiscalYear": {"type": ["integer", "null"]},
    "IsClosed": _BOOLEAN,
    "IsWon": _BOOLEAN,
    "IsDeleted": _BOOLEAN,
    "CloseDate": _DATE,
    "CreatedDate": _DATETIME,
    "SystemModstamp": _DATETIME,
}
_STAGES = ("Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost", "Id. Decision Makers")
_WORDS = ("renewal", "on", "hold", "until", "März", "budget,", '"final"', "offer", "sent\nagain")
_DAYS, _MONTHS, _YEAR = 28, 12, 2026


def page_of_20_columns(records: int, *, seed: int = 1) -> bytes:
    """Make a page of opportunities, about 510 bytes a record.

    Args:
        records: How many.
        seed: The same one makes the same page.

    Returns:
        CSV as Salesforce writes it.
    """
    draw = random.Random(seed)  # noqa: S311 - the same page each time
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(FIELDS_OF_20_COLUMNS)
    writer.writerows(_opportunity(draw, number) for number in range(records))
    return text.getvalue().encode()


def _opportunity(draw: random.Random, number: int) -> list[object]:
    amount = draw.random() * 10**8
    day = f"{_YEAR}-{draw.randint(1, _MONTHS):02}-{draw.randint(1, _DAYS):02}"
    moment = f"{day}T{draw.randrange(24):02}:{draw.randrange(60):02}:07.000Z"
    stage = draw.choice(_STAGES)
    return [
        f"0065g{number:010}AAC",
        f"{draw.choice(_WORDS).title()} {number} for Müller & Söhne",
        f"0015g{draw.randrange(10**9):010}AAC",
        f"0055g{draw.randrange(100):010}AAC",
        stage,
        draw.choice(("Existing Customer - Upgrade", "New Customer", "")),
        draw.choice(("Web", "Phone Inquiry", "")),
        "Pipeline",
        "" if draw.random() < 0.5 else " ".join(draw.choices(_WORDS, k=5)),  # noqa: PLR2004
        " ".join(draw.choices(_WORDS, k=27)),
        # As Java writes doubles.
        f"{amount / 10**7:.8f}E7" if amount > 10**7 else f"{amount:.2f}",
        f"{draw.randrange(101)}.0",
        f"{amount / 3:.2f}",
        str(_YEAR),
        str(stage.startswith("Closed")).lower(),
        str(stage == "Closed Won").lower(),
        "false",
        day,
        moment,
        moment,
    ]


def page_of_accounts(records: int) -> tuple[bytes, Mapping[str, Mapping[str, Any]]]:
    """Make a page of the sandbox's accounts: 45 columns, about 525 bytes a record."""
    with SandboxServer({"rows": {"Account": records}}) as server:
        described = server.org.describe("Account")
        if described is None:
            raise RuntimeError("the sandbox does not show accounts")
        fields = {
            field["name"]: _schema(field["type"])
            for field in described["fields"]
            if field["type"] not in ("address", "location")
        }
        soql = f"SELECT {', '.join(fields)} FROM Account"  # noqa: S608 - SOQL only reads
        result = server.org.query(soql, include_deleted=True, bulk=True)
        return result.csv(0, len(result)), fields


def _schema(salesforce_type: str) -> Mapping[str, Any]:
    schemas: dict[str, Mapping[str, Any]]
    schemas = {"int": {"type": ["integer", "null"]}, "boolean": _BOOLEAN, "date": _DATE}
    schemas |= {"datetime": _DATETIME}
    schemas |= dict.fromkeys(("double", "currency", "percent"), _NUMBER)
    return schemas.get(salesforce_type, _TEXT)


def write(folder: Path, records: int) -> None:
    """Write both pages, each beside a file with its types."""
    pages = {
        "20 columns": (page_of_20_columns(records), FIELDS_OF_20_COLUMNS),
        "45 columns": page_of_accounts(records),
    }
    for name, (text, fields) in pages.items():
        (folder / f"{name}.csv").write_bytes(text)
        (folder / f"{name}.json").write_text(json.dumps(fields), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
