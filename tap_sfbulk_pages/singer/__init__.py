"""All that knows the Singer SDK: the tap, its streams, the messages, the commands.

The only folder that imports `singer_sdk`. `streams/` holds the streams, `inputs/` what users hand
in. Imports `reading` and what is below it.
"""
