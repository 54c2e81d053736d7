"""The same pages for many machines: a job as partitions that tasks of any engine read.

Free of the Singer SDK and, but for `spark_*`, of any engine. Imports `reading` and all below it.
"""

from tap_sfbulk_pages.workers.options import JobOptions
from tap_sfbulk_pages.workers.partitions import JobRead, check_records, job_partitions

__all__ = ["JobOptions", "JobRead", "check_records", "job_partitions"]
