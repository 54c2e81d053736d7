"""What a run does, recorded by stream and shown: on a terminal, in a report, as spans.

Others call it when something happens; it calls nobody. Imports only `words`.
"""
