"""Many small objects: whether a run takes as long as its slowest jobs or as long as their sum.

The sandbox has 23 objects that a query job can read, so that larger numbers are measured with a
double (`org_double.py`). At most ten jobs run at a time (`max_concurrent_jobs`).
"""

from __future__ import annotations

from measuring import Measured, row_of
from org_double import OrgDouble
from plots import lines
from results import Ratio, Result, Row, parser, progress
from sandbox_process import Sandbox

_JOBS, _JOB_SECONDS, _MOST_SECONDS = 30, 4.0, 15.0
_AT_A_TIME = 10


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument(
        "--objects", type=int, nargs="+", default=[1, 10, 100], help="1000 takes two minutes more"
    )
    options.add_argument("--records", type=int, default=100, help="of each object")
    options.add_argument("--job-seconds", type=float, default=1.0)
    chosen = options.parse_args()
    parameters = {name: value for name, value in vars(chosen).items() if name != "output"}
    result = Result("small_objects", parameters)
    rows = [_of_double(count, chosen.records, chosen.job_seconds) for count in chosen.objects]
    thirty = _of_double(_JOBS, chosen.records, _JOB_SECONDS)
    result.tables = {
        f"Objects whose jobs take {chosen.job_seconds:g} s": rows,
        f"Jobs that take {_JOB_SECONDS:g} s": [thirty, _of_sandbox()],
    }
    run_of_thirty = f"{_JOBS} jobs of {_JOB_SECONDS:g} s"
    seconds = thirty["wall s"]
    result.ratios = [
        Ratio(f"{run_of_thirty}: seconds", seconds, _MOST_SECONDS, is_at_most=True),
        Ratio(f"{run_of_thirty}: their sum / the run", _JOBS * _JOB_SECONDS / seconds),
        *(
            Ratio(
                f"{row['objects']} objects: the run / their jobs, {_AT_A_TIME} at a time",
                row["wall s"] / (-(-row["objects"] // _AT_A_TIME) * chosen.job_seconds),
            )
            for row in rows
        ),
    ]
    plot = result.save(chosen.output)
    lines(
        plot,
        f"Objects of {chosen.records} records, jobs of {chosen.job_seconds:g} s",
        ("objects", "seconds"),
        {
            "the run": [(row["objects"], row["wall s"]) for row in rows],
            "sum of the jobs": [
                (row["objects"], row["objects"] * chosen.job_seconds) for row in rows
            ],
        },
        logarithmic=True,
    )


def _of_double(objects: int, records: int, job_seconds: float) -> Row:
    """Read a double of an org."""
    progress(f"{objects} objects, jobs of {job_seconds:g} s")
    with OrgDouble(objects=objects, page_records=records, job_seconds=job_seconds) as double:
        usage = Measured(double.tap()).end()
        return {"objects": objects, **row_of("double", double.records, usage)}


def _of_sandbox() -> Row:
    """Read the sandbox's own objects."""
    progress(f"the sandbox's objects, jobs of {_JOB_SECONDS:g} s")
    with Sandbox({"running_seconds": _JOB_SECONDS}) as sandbox:
        usage = Measured(sandbox.tap()).end()
        jobs = sandbox.admin("GET", "jobs")
    records = sum(job["rows"] for job in jobs)
    return {"objects": len(jobs), **row_of("sandbox", records, usage)}


if __name__ == "__main__":
    main()
