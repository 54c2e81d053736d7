"""Signing in: tokens, the authorization page, SOAP logins, and who the user is.

May import what `endpoints` may; knows nothing of the other calls.
"""
