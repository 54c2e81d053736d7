"""Query jobs, the lists of their result pages, and the pages, received whole and counted.

Imports `salesforce` and `decoding`. Knows nothing of streams or states beyond `progress`,
which says which pages of a job are done.
"""
