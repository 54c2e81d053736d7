"""One Salesforce org over HTTP: hosts, signed calls, retries, limits, describes.

Knows nothing of queries, jobs or streams. Imports the ground (`errors`, `quoting`, `words`),
and `watching.activity` to note what it does.
"""
