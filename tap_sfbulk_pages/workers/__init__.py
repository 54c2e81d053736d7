"""The same pages for many machines: a job as partitions that tasks of any engine read.

Knows nothing about the Singer SDK and, except in `spark_*`, about any engine. Imports `reading` and
everything below it.
"""

from tap_sfbulk_pages.workers.options import JobOptions
from tap_sfbulk_pages.workers.partitions import JobRead, check_records, job_partitions

__all__ = ["JobOptions", "JobRead", "check_records", "job_partitions"]
