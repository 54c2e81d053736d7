"""What users hand in, understood or refused: files in any encoding, settings, catalogs, states.

`moving_in/` holds what other Salesforce taps are given. Imports the ground and `settings`.
"""
