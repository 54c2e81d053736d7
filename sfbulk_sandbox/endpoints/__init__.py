"""One module for each group of Salesforce resources: from a `Call` and the `State` to a `Reply`.

May import `faults`, `state` and what is beneath them; knows nothing of HTTP servers and routes.
"""
