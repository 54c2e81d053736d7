"""The states of a query job (Bulk API 2.0 guide, "Get Information About a Query Job")."""

QUEUED = "UploadComplete"
RUNNING = "InProgress"
COMPLETE = "JobComplete"
FAILED = "Failed"
ABORTED = "Aborted"

UNFINISHED = frozenset({QUEUED, RUNNING})
