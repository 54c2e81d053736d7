"""Salesforce into a database: records and the state that covers them, in one transaction.

The last step of the extractor, as a command (`sfbulk-load`). It takes pages from `reading/` as
Arrow record batches, or Singer messages from another process, and knows no Singer SDK. The drivers
of the databases come with the extra `load`. Imports `reading` and everything below it.
"""
