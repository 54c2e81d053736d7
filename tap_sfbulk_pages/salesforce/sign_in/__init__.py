"""Signing in: which way the settings choose, and one session for all threads.

A new flow goes into `flows`, and into `choice`, which picks one by the settings. Imports what
`salesforce` may.
"""
