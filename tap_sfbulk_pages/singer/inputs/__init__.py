"""The config, catalogs and states of a run as the Singer SDK takes them.

Imports `inputs` and `settings`.
"""
