"""The tap's settings as users see them: names, types, defaults and meanings.

The README's table, `meltano.yml` and the reference in docs/ are made from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "instance_url",
        th.StringType,
        title="Instance URL",
        description="My Domain address of the org, e.g. `https://acme.my.salesforce.com`. "
        "Plain `http` only on a loopback host.",
    ),
    th.Property(
        "login_url",
        th.StringType,
        title="Login URL",
        description="Host of the token endpoint. Default: `instance_url` if set, else "
        "`https://login.salesforce.com` (`https://test.salesforce.com` with `is_sandbox`).",
    ),
    th.Property(
        "is_sandbox",
        th.BooleanType,
        default=False,
        title="Sandbox org",
        description="Sign in at `https://test.salesforce.com` where no address is set.",
    ),
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="A ready token; needs `instance_url`. It cannot be renewed.",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Consumer key",
        description="Consumer key of the Connected App or External Client App.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Consumer secret",
        description="Consumer secret. With `client_id` alone: the client credentials flow.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="Refresh-token flow. A token that Salesforce replaces is kept in the user's "
        "state folder.",
    ),
    th.Property(
        "username",
        th.StringType,
        title="User name",
        description="For the JWT bearer flow and the username-password flow.",
    ),
    th.Property(
        "private_key",
        th.StringType,
        secret=True,
        title="Private key",
        description="JWT bearer flow: the app's private key in PEM form.",
    ),
    th.Property(
        "private_key_path",
        th.StringType,
        title="Private key file",
        description="JWT bearer flow: path of the file with the private key.",
    ),
    th.Property(
        "password",
        th.StringType,
        secret=True,
        title="Password",
        description="Username-password flow (blocked by default in newer orgs).",
    ),
    th.Property(
        "security_token",
        th.StringType,
        secret=True,
        title="Security token",
        description="Username-password flow: added to the password.",
    ),
    th.Property(
        "sf_cli_org",
        th.StringType,
        title="Org of the Salesforce CLI",
        description="Alias or user name of an org that the installed Salesforce CLI is logged in "
        "to; it gives the session and the address.",
    ),
    th.Property(
        "api_version",
        th.StringType,
        title="API version",
        description="`62.0` or `v62.0`; at least 58.0. Default: the newest that the org offers "
        "and the tap was tested with.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType(nullable=True),
        title="Start date",
        description="Lower bound for incremental streams without a bookmark. Unset: everything.",
    ),
    th.Property(
        "objects",
        th.ArrayType(th.StringType),
        title="Objects",
        description="Names or globs of the sObjects to offer, e.g. `Account`, `*__c`; with `!` in "
        "front they exclude. Default: every queryable one.",
    ),
    th.Property(
        "queries",
        th.ArrayType(
            th.ObjectType(
                th.Property("name", th.StringType, required=True),
                th.Property("soql", th.StringType, required=True),
                th.Property("primary_keys", th.ArrayType(th.StringType)),
                th.Property("replication_key", th.StringType),
                th.Property("include_deleted", th.BooleanType),
                additional_properties=False,
            )
        ),
        title="Queries",
        description="Streams from SOQL of your own: `name`, `soql` and, if wanted, "
        "`primary_keys`, `replication_key`, `include_deleted` for each.",
    ),
    th.Property(
        "jobs",
        th.ArrayType(
            th.ObjectType(
                th.Property("name", th.StringType, required=True),
                th.Property("id", th.StringType, required=True),
                th.Property("primary_keys", th.ArrayType(th.StringType)),
                additional_properties=False,
            )
        ),
        title="Jobs",
        description="Streams from query jobs that exist already: `name`, `id` and, if wanted, "
        "`primary_keys` for each. Nothing is made or deleted.",
    ),
    th.Property(
        "filters",
        th.ObjectType(additional_properties=th.StringType),
        title="Filters",
        description="A SOQL condition for each object, added with AND.",
    ),
    th.Property(
        "include_deleted",
        th.BooleanType,
        default=True,
        title="Include deleted",
        description="Use `queryAll`: soft-deleted and archived rows too, with `IsDeleted`.",
    ),
    th.Property(
        "track_hard_deletes",
        th.BooleanType,
        default=False,
        title="Track hard deletes",
        description="Write a record with `_sdc_deleted_at` for each record that was deleted since "
        "the last run, for good too.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0),
        default=300,
        title="Lookback",
        description="How far behind a finished job's bookmark the next job starts, in seconds: "
        "rows become visible after their stamp.",
    ),
    th.Property(
        "refresh_formula_fields",
        th.StringType,
        title="Refresh formula fields",
        description="Period, such as `P7D`, after which an incremental stream with selected "
        "formula fields is read in full again: their changes leave no stamp. Unset: never.",
    ),
    th.Property(
        "max_parallel_downloads",
        th.IntegerType(minimum=1),
        default=5,
        title="Parallel downloads",
        description="Result pages in flight, over all streams.",
    ),
    th.Property(
        "max_concurrent_jobs",
        th.IntegerType(minimum=1),
        default=10,
        title="Concurrent jobs",
        description="Query jobs kept running at Salesforce ahead of the download.",
    ),
    th.Property(
        "max_page_memory_mb",
        th.IntegerType(minimum=1),
        default=64,
        title="Page memory",
        description="Bound on page data held in memory, in MB; the rest waits on disk.",
    ),
    th.Property(
        "split_jobs",
        th.BooleanType,
        default=True,
        title="Split jobs",
        description="Cut huge objects into ranges that run as jobs of their own, and jobs that are "
        "not done in time.",
    ),
    th.Property(
        "job_timeout_seconds",
        th.IntegerType(minimum=1),
        default=86_400,
        title="Job timeout",
        description="One job's longest run, in seconds, before it is aborted and reported.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.NumberType(exclusive_minimum=0),
        default=60,
        title="Request timeout",
        description="Silence on one connection, in seconds, before the request is tried again.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=1),
        default=8,
        title="Tries",
        description="Tries of one request.",
    ),
    th.Property(
        "quota_percent_total",
        th.NumberType(minimum=0, maximum=100),
        default=80,
        title="Share of daily calls, in all",
        description="Stop cleanly before more than this share of the org's daily API calls is "
        "used, by whomever.",
    ),
    th.Property(
        "quota_percent_per_run",
        th.NumberType(minimum=0, maximum=100),
        default=25,
        title="Share of daily calls, this run",
        description="Stop cleanly before this run has used more than this share of the org's "
        "daily API calls.",
    ),
    th.Property(
        "delete_finished_jobs",
        th.BooleanType,
        default=False,
        title="Delete finished jobs",
        description="Delete a job of ours once its stream is done.",
    ),
    th.Property(
        "report_path",
        th.StringType,
        title="Run report",
        description="Where to write a page (HTML) that shows what the run did, and when.",
    ),
    th.Property(
        "fallback_to_rest",
        th.BooleanType,
        default=True,
        title="Fall back to REST",
        description="Read objects that the Bulk API refuses through the REST query resource.",
    ),
    th.Property(
        "small_objects_through_rest",
        th.BooleanType,
        default=False,
        title="Small objects through REST",
        description="Read objects of at most 2,000 records through the REST query resource: one "
        "call, where a query job takes four and more.",
    ),
    th.Property(
        "include_blobs",
        th.BooleanType,
        default=False,
        title="Include binary fields",
        description="Read binary fields, such as `Attachment.Body`, as base64: a call for each "
        "record.",
    ),
    th.Property(
        "max_blob_mb",
        th.NumberType(exclusive_minimum=0),
        default=10,
        title="Largest binary value",
        description="A binary value of more megabytes is null, with a warning that names its "
        "record.",
    ),
    # The SDK's own definition of this setting admits no `arrow`.
    th.Property(
        "batch_config",
        th.ObjectType(
            th.Property(
                "encoding",
                th.ObjectType(
                    th.Property(
                        "format",
                        th.StringType,
                        required=True,
                        allowed_values=["arrow", "parquet", "jsonl"],
                        description="Arrow IPC files, Parquet or JSON lines.",
                    ),
                    th.Property(
                        "compression",
                        th.StringType,
                        description="`none`; `gzip` (jsonl, parquet), `snappy` (parquet), `zstd` "
                        "(parquet, arrow), `lz4` (arrow).",
                    ),
                ),
                required=True,
            ),
            th.Property(
                "storage",
                th.ObjectType(
                    th.Property(
                        "root",
                        th.StringType,
                        required=True,
                        description="Folder or storage address, e.g. `file:///data/batches`.",
                    ),
                    th.Property("prefix", th.StringType, description="Put before file names."),
                    th.Property(
                        "params", th.ObjectType(), description="Options of the storage's library."
                    ),
                ),
                required=True,
            ),
        ),
        title="Batches",
        description="Write BATCH messages, whose files come straight from the result pages, "
        "instead of RECORD messages.",
    ),
).to_dict()

DEFAULTS: Mapping[str, Any] = {
    name: schema["default"] for name, schema in SCHEMA["properties"].items() if "default" in schema
}
# Texts that stand for booleans, as environment variables and other taps' settings hold them.
BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
