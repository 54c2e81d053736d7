"""What the sandbox keeps while it runs: the org and its rows, sessions, query jobs, usage."""
