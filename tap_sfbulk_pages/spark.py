"""The Spark data source `sfbulk`, under the name that users import; it lives in `workers/`."""

from tap_sfbulk_pages.workers.options import check_total, create_job
from tap_sfbulk_pages.workers.spark_source import SFBulkDataSource

__all__ = ["SFBulkDataSource", "check_total", "create_job"]
