"""How time and memory grow with the number of pages, and what becomes of huge pages, jobs and orgs.

The pages come from a double (`org_double.py`) that costs little itself.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from pathlib import Path

from measuring import Measured, row_of
from org_double import OrgDouble
from plots import lines
from results import Ratio, Result, Row, parser, progress

_TITLE = "Pages of a job"
_HUGE_TITLE = "Huge ones"
_MOST_MB = 300.0
_HUGE_OBJECTS, _HUGE_FIELDS = 5_000, 200


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--pages", type=int, nargs="+", default=[1, 10, 100, 1000])
    options.add_argument("--page-records", type=int, default=5_000)
    options.add_argument(
        "--huge",
        action="store_true",
        help="instead a page of 2 GB, a job of 100,000 pages, an org of 5,000 objects",
    )
    options.add_argument("--part", type=float, default=1.0, help="of those sizes")
    chosen = options.parse_args()
    if chosen.huge:
        _huge(chosen.output, chosen.part)
    else:
        _growth(chosen.output, chosen.pages, chosen.page_records)


def _growth(output: Path, numbers: list[int], page_records: int) -> None:
    """Read jobs of more and more pages."""
    result = Result("growth", {"pages": numbers, "page_records": page_records})
    rows: list[Row] = []
    for pages in numbers:
        progress(f"{pages} pages")
        with OrgDouble(pages=pages, page_records=page_records) as double:
            usage = Measured(double.tap()).end()
            rows.append({"pages": pages, **row_of("growth", double.records, usage)})
    result.tables[_TITLE] = rows
    few, many = rows[-2:]
    more = (many["CPU s"] - few["CPU s"]) / (many["pages"] - few["pages"])
    before = (few["CPU s"] - rows[0]["CPU s"]) / (few["pages"] - rows[0]["pages"])
    sizes = f"{few['pages']} to {many['pages']}"
    result.ratios = [
        Ratio(f"CPU of a page, from {sizes} pages / up to {few['pages']}", more / before),
        Ratio(
            f"peak memory, {many['pages']} pages / {few['pages']}", many["peak MB"] / few["peak MB"]
        ),
        Ratio("peak MB", many["peak MB"], _MOST_MB, is_at_most=True),
    ]
    plot = result.save(output)
    lines(
        plot,
        f"From 1 to {many['pages']} pages of {page_records} records",
        ("pages", "seconds; MB"),
        {
            "wall s": [(row["pages"], row["wall s"]) for row in rows],
            "CPU s": [(row["pages"], row["CPU s"]) for row in rows],
            "peak MB": [(row["pages"], row["peak MB"]) for row in rows],
        },
        logarithmic=True,
    )


def _huge(output: Path, part: float) -> None:
    """Read what is far larger than usual, once."""
    result = Result("huge", {"part": part})
    page = OrgDouble(page_records=4_000, page_repeats=round(1_000 * part))
    job = OrgDouble(pages=round(100_000 * part), page_records=10)
    rows = [
        _read(page, f"a page of {2 * part:g} GB"),
        _read(job, f"a job of {100_000 * part:,.0f} pages"),
        *_huge_org(round(_HUGE_OBJECTS * part)),
    ]
    result.tables[_HUGE_TITLE] = rows
    result.ratios = [
        Ratio(f"{row['case']}: peak MB", row["peak MB"], _MOST_MB, is_at_most=True) for row in rows
    ]
    result.save(output)


def _read(double: OrgDouble, case: str) -> Row:
    progress(case)
    with double:
        return row_of(case, double.records, Measured(double.tap()).end())


def _huge_org(objects: int) -> list[Row]:
    """Discover an org of many rich objects, read one of them, and all of them."""
    records = 10
    size = f"{objects:,} objects of {_HUGE_FIELDS} fields"
    double = OrgDouble(objects=objects, fields=_HUGE_FIELDS, page_records=records)
    with double, tempfile.TemporaryDirectory() as folder:
        catalog, selected = Path(folder) / "catalog.json", Path(folder) / "selected.json"
        progress(f"discovery of {size}")
        with catalog.open("wb") as file:
            discovery = Measured(double.tap("--discover"), stdout=file).end()
        # In a process of its own, since this one must stay small.
        chooser = multiprocessing.get_context("spawn").Process(
            target=_select_first, args=(catalog, selected)
        )
        chooser.start()
        chooser.join()
        progress(f"one of {size}")
        one = Measured(double.tap(f"--catalog={selected}")).end()
        progress(f"all of {size}")
        everything = Measured(double.tap(f"--catalog={catalog}")).end()
    return [
        row_of(f"{size}: discovery", 0, discovery),
        row_of(f"{size}: one of them read", records, one),
        row_of(f"{size}: all of them read", objects * records, everything),
    ]


def _select_first(catalog: Path, selected: Path) -> None:
    """Leave only the first stream of a catalog selected."""
    content = json.loads(catalog.read_text(encoding="utf-8"))
    for stream in content["streams"][1:]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = False
    selected.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main()
