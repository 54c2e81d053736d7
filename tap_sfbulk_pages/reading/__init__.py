"""One stream, read without losing a record: through a job, through ranges, or through REST.

Knows no SDK. A reading hands over pages; whoever takes a page has written it when the next one is
asked for, and only then is it marked done in the state. Imports everything below `org`.
"""
