"""What other Salesforce taps are given (settings, catalogs, states), understood or refused.

Imports what `singer` may.
"""
