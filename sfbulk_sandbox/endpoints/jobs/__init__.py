"""Calls about jobs: query jobs and their results, ingest jobs, and the Bulk API before them.

May import what `endpoints` may.
"""
