"""What a stream keeps in the Singer state, and what it means to the next run.

`keys` names what there is, `saved_reads` has what is being read, `entry` the rest. Imports `jobs`,
`soql` and `settings`; knows no reading.
"""
