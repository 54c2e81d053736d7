"""SOQL queries as text, and the types of the columns that they return.

Imports `salesforce` for the describes of fields. Knows nothing of jobs.
"""
