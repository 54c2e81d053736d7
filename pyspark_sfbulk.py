"""Lets Spark find the format `sfbulk` by itself: it looks into every module named `pyspark_*`."""

from tap_sfbulk_pages.workers.spark_source import SFBulkDataSource as DefaultSource

__all__ = ["DefaultSource"]
