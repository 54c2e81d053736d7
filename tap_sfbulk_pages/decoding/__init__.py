"""From the bytes of a result page to columns, records and lines of JSON.

Knows nothing of HTTP, jobs or streams: a page comes as blocks of CSV. Imports the ground only.
"""
