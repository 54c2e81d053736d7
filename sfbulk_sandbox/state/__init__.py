"""What the sandbox keeps while it runs: the org and its records, sessions, query jobs, usage.

May import `scenario`, `soql`, `sobjects` and what is beneath them; knows of no endpoint or fault.
"""
