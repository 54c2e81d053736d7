"""From the bytes of a result page to columns, records and lines of JSON.

Knows nothing about HTTP, jobs or streams: a page arrives as blocks of CSV. Imports only `errors`,
`datetimes` and `words`.
"""
