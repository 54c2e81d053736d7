"""All that knows the Singer SDK: the tap, its streams, the messages, the commands.

The only folder that imports `singer_sdk`. Imports `reading` and what is below it. `streams/` holds the streams, `inputs/` what users hand in.
"""
