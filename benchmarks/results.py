"""What a benchmark found, and the file that it is kept in.

A result is a JSON file in `results/` and a plot in `plots/`. `report.py` makes the tables of the
README from the former.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Row = dict[str, Any]


def described_machine() -> dict[str, Any]:
    """Describe the machine, what runs on it, and the date."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        "polars": version("polars"),
        "singer_sdk": version("singer-sdk"),
        "tap": version("tap-sfbulk-pages"),
    }


@dataclass(frozen=True)
class Ratio:
    """Two numbers of the same run, one by the other.

    Attributes:
        what: Which ones.
        value: The quotient.
        target: What it shall be; None where nothing was aimed at.
        is_at_most: Whether the target bounds it from above, not from below.
    """

    what: str
    value: float
    target: float | None = None
    is_at_most: bool = False


@dataclass
class Result:
    """One run of a benchmark.

    Attributes:
        benchmark: Name of the script.
        parameters: Sizes and the like.
        machine: Where it ran (`described_machine`), asked before anything is measured.
        ratios: The findings that hold beyond this machine.
        tables: Titles, and what was measured, one row a case.
        notes: What a reader must know to judge the numbers.
    """

    benchmark: str
    parameters: dict[str, Any]
    machine: dict[str, Any] = field(default_factory=described_machine)
    ratios: list[Ratio] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> Path:
        """Write the result, and print its ratios.

        Args:
            folder: Gets the folders `results` and `plots`.

        Returns:
            Where the plot belongs.
        """
        path = folder / "results" / f"{self.benchmark}.json"
        plot = folder / "plots" / f"{self.benchmark}.svg"
        for each in (path, plot):
            each.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(_rounded(asdict(self)), indent=2, ensure_ascii=False)
        path.write_text(f"{content}\n", encoding="utf-8")
        for ratio in self.ratios:
            print(f"{ratio.value:10.2f}  {ratio.what}")
        print(f"{path} and {plot}")
        return plot


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser with the options that all benchmarks have."""
    made = argparse.ArgumentParser(
        description=(description or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--output", type=Path, default=HERE, help="gets results/ and plots/")
    return made


def progress(text: str) -> None:
    """Tell whoever waits what is being measured."""
    print(text, file=sys.stderr, flush=True)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _rounded(value: Any) -> Any:
    """Leave out the digits that mean nothing."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
