"""SOQL: parsed, checked as Salesforce checks it, and answered from columns of records.

May import `sobjects`; knows nothing of jobs, endpoints and HTTP.
"""
