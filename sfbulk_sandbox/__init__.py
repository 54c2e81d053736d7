"""A local stand-in for the Salesforce endpoints that Bulk API 2.0 query clients use."""
