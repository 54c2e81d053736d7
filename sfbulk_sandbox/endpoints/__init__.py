"""The resources that are served, each a function from a call and the state to a reply."""
