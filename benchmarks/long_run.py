"""An hour's work compressed: many streams, a fault every moment, kills, and not one record lost.

The tap reads the sandbox's objects with faults that strike all the time, is killed again and again,
and goes on from the last STATE. Records behind that STATE are thrown away, as by the worst of
targets. This is no benchmark and no part of the tests: it prints what came of it.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from results import Ratio, Result, parser, progress
from sandbox_process import Sandbox

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from typing_extensions import Self

_FAULTS: tuple[dict[str, Any], ...] = (
    {"place": "page", "kind": "reset"},
    {"place": "page", "kind": "reset", "fraction": 0.6},
    {"place": "page", "kind": "cut", "fraction": 0.5},
    {"place": "page", "kind": "broken_gzip"},
    {"place": "page", "kind": "short_page"},
    {"place": "page", "kind": "long_page"},
    {"place": "page", "kind": "wrong_count"},
    {"place": "page", "kind": "missing_column"},
    {"place": "page", "kind": "stall"},
    {"place": "page", "kind": "status", "status": 503, "times": 3},
    {"place": "page", "kind": "empty_body"},
    {"place": "page", "kind": "expire_tokens"},
    {"place": "list_pages", "kind": "reset"},
    {"place": "list_pages", "kind": "html"},
    {"place": "list_pages", "kind": "page_twice"},
    {"place": "list_pages", "kind": "page_missing"},
    {"place": "list_pages", "kind": "repeat_continuation"},
    {"place": "list_pages", "kind": "dead_continuation"},
    {"place": "list_pages", "kind": "job_gone"},
    {"place": "poll", "kind": "status", "status": 500, "times": 2},
    {"place": "poll", "kind": "job_failed"},
    {"place": "create", "kind": "cut", "fraction": 0.5},
    {"place": "token", "kind": "status", "status": 503},
)
_CALLS_BETWEEN_FAULTS = 20
_MOST_RUNS = 500
_LOOK_SECONDS = 0.1
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass
class Kept:
    """What came out of the runs, and what a target has of it.

    Attributes:
        written: RECORD messages that arrived.
        kept: Those that a STATE followed.
        keys: Keys of the latter by stream.
        state: The last STATE.
        runs: How many runs there were.
        failed_runs: Those that ended with an error of their own.
        kills: Those that were killed.
        faults: Faults that were put in force.
        peak_mb: The largest resident size of the tap.
    """

    written: int = 0
    kept: int = 0
    keys: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    state: dict[str, Any] | None = None
    runs: int = 0
    failed_runs: int = 0
    kills: int = 0
    faults: int = 0
    peak_mb: float = 0.0

    def read(self, output: IO[bytes]) -> None:
        """Take the messages of a run."""
        marks: dict[bytes, bytes] = {}
        pending: list[tuple[bytes, bytes]] = []
        for line in output:
            if not line.endswith(b"\n"):
                break
            kind = line[:20]
            if b"RECORD" in kind:
                self.written += 1
                stream = line.split(b'"', 8)[7]
                pending.append((stream, line.split(marks[stream], 1)[1].split(b'"', 1)[0]))
            elif b"STATE" in kind:
                self.state = json.loads(line)["value"]
                self.kept += len(pending)
                for stream, key in pending:
                    self.keys[stream].add(key)
                pending.clear()
            elif b"SCHEMA" in kind:
                message = json.loads(line)
                (name,) = message["key_properties"]
                # No value can hold this: a quote inside a text has a backslash before it.
                marks[message["stream"].encode()] = f'"{name}":"'.encode()

    @property
    def distinct(self) -> int:
        """How many records a target has."""
        return sum(map(len, self.keys.values()))


class Trouble:
    """Faults, and kills, while one run goes on; a thread as a context manager.

    Args:
        sandbox: Gets the faults.
        process: Is killed.
        kept: Counts.
        draw: Chooses.
        options: How often.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        process: subprocess.Popen[bytes],
        kept: Kept,
        draw: random.Random,
        options: Namespace,
    ) -> None:
        self._sandbox = sandbox
        self._process = process
        self._kept = kept
        self._draw = draw
        self._options = options
        self._requests_made = 0
        self.has_killed = False
        self._thread = threading.Thread(target=self._make)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error:
            self._process.kill()
        self._thread.join()

    def _make(self) -> None:
        begun = last_fault = time.monotonic()
        longest = 2 * self._options.kill_seconds
        kill_after = (
            self._draw.uniform(0, longest) if self._kept.kills < self._options.kills else None
        )
        while self._process.poll() is None:
            self._note_peak()
            now = time.monotonic()
            if kill_after is not None and now - begun > kill_after:
                self._process.send_signal(signal.SIGKILL)
                self._kept.kills += 1
                self.has_killed = True
                return
            if now - last_fault > self._options.fault_seconds:
                last_fault = now
                self._add_fault()
            time.sleep(_LOOK_SECONDS)

    def _add_fault(self) -> None:
        """Put a fault in force, unless the tap has asked for little since the one before.

        A call that waits to be made again would meet a new fault each time, and be given up.
        """
        requests_made = self._sandbox.admin("GET", "state")["usage"]["api_requests"]
        if requests_made - self._requests_made < _CALLS_BETWEEN_FAULTS:
            return
        self._requests_made = requests_made
        self._sandbox.admin("DELETE", "faults")
        self._sandbox.admin("POST", "faults", self._draw.choice(_FAULTS))
        self._kept.faults += 1

    def _note_peak(self) -> None:
        """Read the peak of the process itself: `wait4` would count this one's size too."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return
        if match := _PEAK.search(status):
            self._kept.peak_mb = max(self._kept.peak_mb, int(match[1]) * 1024 / 1e6)


def main() -> None:
    """Run it."""
    options = parser(__doc__)
    options.add_argument(
        "--orgs", type=int, default=2, help="read one after another, 23 streams each"
    )
    options.add_argument("--records", type=int, default=2_000_000, help="in all")
    options.add_argument("--page-rows", type=int, default=2_000)
    options.add_argument("--fault-seconds", type=float, default=2.0, help="between faults")
    options.add_argument("--kills", type=int, default=4, help="of the runs of each org")
    options.add_argument(
        "--kill-seconds", type=float, default=8.0, help="before a kill, on average"
    )
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    parameters = {name: value for name, value in vars(chosen).items() if name != "output"}
    result = Result("long_run", parameters)
    draw = random.Random(chosen.seed)  # noqa: S311 - the same faults each time
    rows = [_org(number + 1, draw, chosen) for number in range(chosen.orgs)]
    lost = sum(row["lost"] for row in rows)
    result.tables["Orgs"] = rows
    result.ratios = [
        Ratio("records lost", lost, 0.0, is_at_most=True),
        Ratio(
            "records repeated / expected",
            sum(row["repeated"] for row in rows) / sum(row["expected"] for row in rows),
        ),
        Ratio("peak MB", max(row["peak MB"] for row in rows), 300.0, is_at_most=True),
    ]
    result.save(chosen.output)
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    if lost:
        raise SystemExit(f"{lost} records are lost")


def _org(seed: int, draw: random.Random, options: Namespace) -> dict[str, Any]:
    """Read all streams of one org."""
    rows = _rows_of_streams(options.records // options.orgs)
    scenario = {"seed": seed, "rows": rows, "page_rows": options.page_rows, "latency_seconds": 0.02}
    kept = Kept()
    begun = time.monotonic()
    with Sandbox(scenario) as sandbox:
        while not _run(sandbox, rows, kept, draw, options):
            if kept.runs >= _MOST_RUNS:
                raise SystemExit(f"not done after {kept.runs} runs")
    expected = sum(rows.values())
    return {
        "org": seed,
        "streams": len(rows),
        "expected": expected,
        "written": kept.written,
        "thrown away": kept.written - kept.kept,
        "repeated": kept.kept - kept.distinct,
        "lost": expected - kept.distinct,
        "runs": kept.runs,
        "failed runs": kept.failed_runs,
        "kills": kept.kills,
        "faults": kept.faults,
        "seconds": round(time.monotonic() - begun, 1),
        "peak MB": round(kept.peak_mb, 1),
    }


def _rows_of_streams(records: int) -> dict[str, int]:
    """Share records out over the streams that a default catalog selects."""
    with Sandbox({}) as sandbox:
        subprocess.run(
            sandbox.tap(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        names = sorted(job["object"] for job in sandbox.admin("GET", "jobs"))
    return dict.fromkeys(names, records // len(names))


def _run(
    sandbox: Sandbox,
    objects: Iterable[str],
    kept: Kept,
    draw: random.Random,
    options: Namespace,
) -> bool:
    """Run the tap from the last state; True if it came to its end."""
    command = sandbox.tap(
        *objects,
        state=kept.state,
        access_token=None,
        client_id="long run",
        client_secret="any",  # noqa: S106 - the sandbox takes any  # pragma: allowlist secret
        request_timeout_seconds=3,
        lookback_seconds=0,
    )
    kept.runs += 1
    log = sandbox.folder / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process,
        Trouble(sandbox, process, kept, draw, options) as trouble,
    ):
        assert process.stdout  # noqa: S101 - a pipe was asked for
        kept.read(process.stdout)
    if process.returncode and not trouble.has_killed:
        kept.failed_runs += 1
        progress(log.read_text(encoding="utf-8").strip().splitlines()[-1])
    progress(
        f"run {kept.runs}: exit code {process.returncode}, {kept.distinct} records kept, "
        f"{kept.faults} faults, {kept.kills} kills"
    )
    return process.returncode == 0


if __name__ == "__main__":
    main()
