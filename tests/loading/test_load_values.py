"""Every value of every field type, in both databases, as the org has it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from salesforce_data import fields_of
from stored_values import by_id, expected_rows
from tap_process import config_for

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader

    from sfbulk_sandbox import SandboxServer

SOBJECT = "Everything__c"
# Holds the greatest double there is, 1.8E308, which no DECIMAL of 38 digits can.
DOUBLE = "Double__c"
_COLUMN_TYPES = {
    "boolean": ("boolean",),
    "int": ("bigint",),
    "long": ("bigint",),
    "date": ("date",),
    "datetime": ("timestamp with time zone",),
    "time": ("time", "time without time zone"),
}
_NUMBERS = ("double", "currency", "percent")


def test_every_value_of_every_type_is_what_the_org_has(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={SOBJECT: 200}, page_rows=40)
    config = config_for(server, SOBJECT)
    run = loader.succeed(config)
    assert f"Stream {SOBJECT}: Field {DOUBLE} holds" in run.stderr
    check_values(landed, server)
    types = landed.types(SOBJECT)
    for name, type_ in fields_of(server, SOBJECT).items():
        found = types[name].lower()
        if type_ in _NUMBERS and name != DOUBLE:
            assert found.startswith(("decimal(38,", "numeric(38,")), name
        else:
            assert found in _COLUMN_TYPES.get(type_, ("varchar", "character varying")), name
    assert landed.comments(SOBJECT)[DOUBLE] == "Double"
    # A number that a decimal would round stays as it is, now that the column is text.
    (new,) = server.org.upsert(SOBJECT, [{"Name": "new", DOUBLE: "4.9E-324"}])
    loader.succeed(config)
    check_values(landed, server)
    assert {row["Id"]: row[DOUBLE] for row in landed.rows(SOBJECT)}[new] == "4.9E-324"


def check_values(landed: Landed, server: SandboxServer) -> None:
    """Compare every value with the org's."""
    rows, expected = by_id(landed.rows(SOBJECT)), expected_rows(server, SOBJECT)
    assert len(rows) == len(expected) >= 200
    for row, other in zip(rows, expected, strict=True):
        number = row[DOUBLE]
        assert {**row, DOUBLE: None if number is None else Decimal(number)} == other
        # In Python, True is 1, and 1 is a Decimal's equal.
        assert {n: isinstance(v, bool) for n, v in row.items()} == {
            n: isinstance(v, bool) for n, v in other.items()
        }
