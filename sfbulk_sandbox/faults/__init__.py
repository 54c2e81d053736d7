"""The ways in which calls go wrong, as values that change pages, lists, replies or the state.

May import `state` and what is beneath it; which call a fault strikes is decided in `kinds`.
"""
