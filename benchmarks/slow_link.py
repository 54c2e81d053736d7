"""Pages behind a slow link: how near the tap comes to what its connections can carry together."""

from __future__ import annotations

import time

import requests
from measuring import Measured
from plots import lines
from results import Ratio, Result, Row, parser, progress
from sandbox_process import TOKEN, Sandbox

_OBJECT, _EMPTY_OBJECT = "Account", "Empty__c"
_TITLE = "Throughput by parallel downloads"
_PARALLEL = (1, 5, 10, 20)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--rate", type=int, default=250_000, help="bytes a second a connection")
    options.add_argument("--latency", type=float, default=0.05, help="seconds before each reply")
    options.add_argument("--page-rows", type=int, default=5_000)
    options.add_argument("--rounds", type=int, default=5, help="pages for each connection")
    chosen = options.parse_args()
    parameters = {name: value for name, value in vars(chosen).items() if name != "output"}
    result = Result("slow_link", parameters)
    rows: list[Row] = []
    for parallel in _PARALLEL:
        progress(f"{parallel} parallel downloads")
        pages = parallel * chosen.rounds
        scenario = {"rows": {_OBJECT: pages * chosen.page_rows}, "page_rows": chosen.page_rows}
        with Sandbox(scenario) as sandbox:
            rows.append(_row(sandbox, parallel, chosen.rate, chosen.latency))
            plain_share = _plain_share(sandbox, chosen.rate)
        share = rows[-1]["share of the link"]
        result.ratios.append(Ratio(f"{parallel} downloads / {parallel} x rate", share, 0.9))
    result.tables[_TITLE] = rows
    result.notes = [
        (
            "Throughput is the bytes of the pages by the time of the run, less that of a run over "
            "an empty object, which describes, asks for its job and lists its pages as well."
        ),
        f"A plain client that gets one page is given {plain_share:.2f} of the rate.",
    ]
    plot = result.save(chosen.output)
    rate = chosen.rate / 1e6
    lines(
        plot,
        "Downloads over a slow link",
        ("parallel downloads", "MB a second"),
        {
            "measured": [(row["parallel"], row["MB per s"]) for row in rows],
            "parallel x rate": [(row["parallel"], row["parallel"] * rate) for row in rows],
        },
    )


def _row(sandbox: Sandbox, parallel: int, rate: int, latency: float) -> Row:
    """Read all pages once fast, so that the sandbox has made them, and once over the slow link."""
    state, empty_state = sandbox.warmed_state(_OBJECT), sandbox.warmed_state(_EMPTY_OBJECT)
    sandbox.admin("PATCH", "scenario", {"bytes_per_second": rate, "latency_seconds": latency})
    empty = Measured(sandbox.tap(_EMPTY_OBJECT, state=empty_state)).end()
    sandbox.admin("DELETE", "calls")
    usage = Measured(sandbox.tap(_OBJECT, state=state, max_parallel_downloads=parallel)).end()
    pages = [call for call in sandbox.admin("GET", "calls") if call["place"] == "page"]
    megabytes = sum(page["bytes"] for page in pages) / 1e6
    seconds = usage.wall_seconds - empty.wall_seconds
    return {
        "parallel": parallel,
        "pages": len(pages),
        "MB": megabytes,
        "seconds": seconds,
        "MB per s": megabytes / seconds,
        "share of the link": megabytes / seconds / (parallel * rate / 1e6),
        "CPU s": usage.cpu_seconds,
        "peak MB": usage.peak_mb,
    }


def _plain_share(sandbox: Sandbox, rate: int) -> float:
    """Measure how fast the sandbox sends one page to a client that does nothing else."""
    job = next(job for job in sandbox.admin("GET", "jobs") if job["object"] == _OBJECT)
    begun = time.perf_counter()
    reply = requests.get(
        f"{sandbox.url}/services/data/v{job['apiVersion']:.1f}/jobs/query/{job['id']}/results",
        params={"locator": job["locators"][0]},
        headers={"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"},
        stream=True,
        timeout=600,
    )
    size = len(reply.raw.read(decode_content=False))
    return size / (time.perf_counter() - begun) / rate


if __name__ == "__main__":
    main()
