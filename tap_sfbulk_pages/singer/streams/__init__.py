"""The streams as the SDK sees them, how they are found, and how a run makes one when it is due.

Imports `singer.run`, the BATCH modules of `singer`, and `reading` with all below it.
"""
