"""What a run does, noted by stream, and shown: on a terminal, in a report, as spans.

Imports the ground only; it is told what happens and asks nobody.
"""
