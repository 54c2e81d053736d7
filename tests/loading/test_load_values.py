"""Every value of every field type, in both databases, as the org has it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from salesforce_data import fields_of
from stored_values import by_id, expected_rows
from tap_process import config_for, select_fields

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap

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
    loader: Loader, landed: Landed, tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={SOBJECT: 200}, page_rows=40)
    config = config_for(server, SOBJECT)
    fields = [name for name in fields_of(server, SOBJECT) if name != DOUBLE]
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    select_fields(entry, fields)
    loader.succeed(config, catalog=catalog)
    rows, expected = by_id(landed.rows(SOBJECT)), expected_rows(server, SOBJECT, fields=fields)
    assert len(rows) == len(expected) == 200
    for row, other in zip(rows, expected, strict=True):
        assert row == other
        # In Python, True is 1, and 1 is a Decimal's equal.
        assert {n: isinstance(v, bool) for n, v in row.items()} == {
            n: isinstance(v, bool) for n, v in other.items()
        }
    types = landed.types(SOBJECT)
    for name, type_ in fields_of(server, SOBJECT).items():
        if name == DOUBLE:
            continue
        found = types[name].lower()
        if type_ in _NUMBERS:
            assert found.startswith(("decimal(38,", "numeric(38,")), name
            assert all(isinstance(row[name], Decimal) for row in rows if row[name] is not None)
        else:
            assert found in _COLUMN_TYPES.get(type_, ("varchar", "character varying")), name


def test_a_number_that_fits_no_decimal_fails_its_stream_with_the_name_of_the_field(
    loader: Loader, landed: Landed, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(rows={SOBJECT: 200, "Contact": 5}, page_rows=40)
    run = loader(config_for(server, SOBJECT, "Contact"))
    assert run.exit_code == 1
    assert f"Field {DOUBLE} holds" in run.stderr
    assert by_id(landed.rows("Contact")) == expected_rows(server, "Contact")
