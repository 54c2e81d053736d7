"""SOQL: parsed, checked as Salesforce checks it, and answered from rows."""
