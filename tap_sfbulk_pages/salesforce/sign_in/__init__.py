"""Signing in: which flow the settings choose, its token, and one session for all threads.

A new flow goes into `flows`, and into `choice`, which picks one by the settings. Imports what
`salesforce` may.
"""
