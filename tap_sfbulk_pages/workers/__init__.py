"""The same pages for many machines: a job as partitions that tasks of any engine read.

Free of the Singer SDK and, but for `spark_*`, of any engine. Imports `reading` and all below it.
"""
