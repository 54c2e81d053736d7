"""The keys that a stream's part of the Singer state can hold.

| key | holds |
|---|---|
| `replication_key`, `replication_key_value` | the SDK's own: the bookmark |
| `query_job` | a job that is being read: its id, API version, query, and the pages done |
| `rest_query` | in its place, a query through REST, and the cursor after the last page done |
| `ranges` | the parts of a huge object, each with its own `query_job` (`saved_ranges.py`) |
| `job_done` | an existing job that has been read to its end |
| `finished_job`, `finished_rest_query`, `finished_ranges` | what was read to its end last |
| `question` | what the bookmark covers (`coverage.py`) |
| `deleted_until` | until when deleted records have been written |
| `deletes_tracked_since` | since when they have been |
| `formulas_refreshed_at` | when the last full read of the formula fields began |
| `formula_refresh_began_at` | when the one under way began |
| `org` | the id of the org that the rest speaks of (`origin.py`) |
| `table_version` | that of the full read under way (`table_version.py`) |
| `last_table_version` | the greatest one so far |

A run can be killed, and a STATE message be written, between any two statements. So each change is
one assignment of a value that is complete and true by itself: two assignments, or a nested value
that is changed in place, could be saved half done, and the next run would skip what was not read.
"""

JOB = "query_job"
DONE = "job_done"
REST_QUERY = "rest_query"
RANGES = "ranges"
KEY = "replication_key"
VALUE = "replication_key_value"
QUESTION = "question"
FINISHED_JOB = "finished_job"
FINISHED_REST_QUERY = "finished_rest_query"
FINISHED_RANGES = "finished_ranges"
DELETED_UNTIL = "deleted_until"
TRACKED_SINCE = "deletes_tracked_since"
FORMULAS_REFRESHED_AT = "formulas_refreshed_at"
FORMULA_REFRESH_BEGAN_AT = "formula_refresh_began_at"
ORG = "org"
TABLE_VERSION = "table_version"
LAST_TABLE_VERSION = "last_table_version"
# All that a stream's part of the state can hold; `partitions` and its like are the Singer SDK's.
KNOWN_KEYS = frozenset(
    {
        JOB,
        DONE,
        REST_QUERY,
        RANGES,
        KEY,
        VALUE,
        QUESTION,
        FINISHED_JOB,
        FINISHED_REST_QUERY,
        FINISHED_RANGES,
        DELETED_UNTIL,
        TRACKED_SINCE,
        FORMULAS_REFRESHED_AT,
        FORMULA_REFRESH_BEGAN_AT,
        ORG,
        TABLE_VERSION,
        LAST_TABLE_VERSION,
        "partitions",
        "progress_markers",
        "replication_key_signpost",
        "starting_replication_value",
    }
)
