"""Singer tap for Salesforce Bulk API 2.0 query jobs and their parallel result pages."""
