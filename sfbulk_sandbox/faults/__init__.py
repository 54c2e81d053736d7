"""What can go wrong between a client and Salesforce, to be struck by a scenario."""
