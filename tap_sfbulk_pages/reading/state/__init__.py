"""What a stream keeps in the Singer state, and what it means to the next run.

`entry` alone knows the keys. Imports `jobs`, `soql` and `settings`; knows no reading.
"""
