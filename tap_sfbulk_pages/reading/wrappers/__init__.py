"""Readings around another one, which change its pages or add some of their own.

Each is a `reading.page.WrappedReading`; `reading.choice` says which are wrapped around what.
"""
