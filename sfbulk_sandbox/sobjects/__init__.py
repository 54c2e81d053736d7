"""The sObjects of the sandbox's org: their fields, their describes, their generated records.

Imports nothing else of the sandbox.
"""
