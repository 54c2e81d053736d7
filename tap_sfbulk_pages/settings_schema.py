"""The tap's settings as users see them: names, types, defaults and descriptions.

Plain data, so that workers can read it without the Singer SDK. The README's table, `meltano.yml`
and the reference in docs/ are generated from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def _type(type_: str, **facts: Any) -> dict[str, Any]:
    """Return the JSON schema of a value that must not be null."""
    return {"type": [type_], **facts}


def _setting(type_: str, **facts: Any) -> dict[str, Any]:
    """Return the JSON schema of a value that may be null, which is the same as leaving it out.

    The keys `secret` (kept out of every message) and `writeOnly` are the Singer SDK's.
    """
    secret = {"writeOnly": True} if facts.get("secret") else {}
    return {"type": [type_, "null"], **facts, **secret}


_PROPERTIES: dict[str, Any] = {
    "instance_url": _setting(
        "string",
        title="Instance URL",
        description="My Domain address of the org, e.g. `https://acme.my.salesforce.com`. "
        "Plain `http` only on a loopback host.",
    ),
    "login_url": _setting(
        "string",
        title="Login URL",
        description="Host of the token endpoint. Default: `instance_url` if set, else "
        "`https://login.salesforce.com` (`https://test.salesforce.com` with `is_sandbox`).",
    ),
    "is_sandbox": _setting(
        "boolean",
        default=False,
        title="Sandbox org",
        description="Sign in at `https://test.salesforce.com` if no address is set.",
    ),
    "access_token": _setting(
        "string",
        secret=True,
        title="Access token",
        description="A ready token; requires `instance_url`. It cannot be renewed.",
    ),
    "client_id": _setting(
        "string",
        title="Consumer key",
        description="Consumer key of the Connected App or External Client App.",
    ),
    "client_secret": _setting(
        "string",
        secret=True,
        title="Consumer secret",
        description="Consumer secret. With `client_id` alone: the client credentials flow.",
    ),
    "refresh_token": _setting(
        "string",
        secret=True,
        title="Refresh token",
        description="Refresh-token flow. If Salesforce replaces the token, the new one is kept in "
        "`state_folder`.",
    ),
    "state_folder": _setting(
        "string",
        title="State folder",
        description="Refresh-token flow: folder in which refresh tokens that Salesforce replaces "
        "are saved, readable only by the user. It must be writable, kept between runs and shared "
        "by all that use the token. Default: the user's state folder.",
    ),
    "username": _setting(
        "string",
        title="User name",
        description="For the JWT bearer flow and the username-password flow.",
    ),
    "private_key": _setting(
        "string",
        secret=True,
        title="Private key",
        description="JWT bearer flow: the app's private key in PEM form.",
    ),
    "private_key_path": _setting(
        "string",
        title="Private key file",
        description="JWT bearer flow: path of the private key file.",
    ),
    "private_key_passphrase": _setting(
        "string",
        secret=True,
        title="Passphrase of the private key",
        description="JWT bearer flow: passphrase of an encrypted private key.",
    ),
    "jwt_audience": _setting(
        "string",
        title="Audience of the JWT",
        description="JWT bearer flow: audience of the assertion. Default: "
        "`https://login.salesforce.com` or `https://test.salesforce.com`, or the org's host in "
        "clouds that do not use them; if Salesforce answers `app_not_found`, as for External "
        "Client Apps, the org's My Domain address is tried once.",
    ),
    "password": _setting(
        "string",
        secret=True,
        title="Password",
        description="Username-password flow (blocked by default in newer orgs).",
    ),
    "security_token": _setting(
        "string",
        secret=True,
        title="Security token",
        description="Username-password flow: added to the password.",
    ),
    "sf_cli_org": _setting(
        "string",
        title="Org of the Salesforce CLI",
        description="Alias or user name of an org that the installed Salesforce CLI is logged in "
        "to. The CLI supplies the session and the address.",
    ),
    "api_version": _setting(
        "string",
        title="API version",
        description="`62.0` or `v62.0`; at least 58.0. Default: the newest version that the org "
        "offers and the tap was tested with.",
    ),
    "start_date": _setting(
        "string",
        format="date-time",
        title="Start date",
        description="Lower bound for incremental streams without a bookmark. Unset: everything.",
    ),
    "objects": _setting(
        "array",
        items=_type("string"),
        title="Objects",
        description="Names or globs of the sObjects to offer, e.g. `Account`, `*__c`; a leading "
        "`!` excludes. Default: every queryable sObject.",
    ),
    "queries": _setting(
        "array",
        items=_type(
            "object",
            properties={
                "name": _type("string"),
                "soql": _type("string"),
                "primary_keys": _setting("array", items=_type("string")),
                "replication_key": _setting("string"),
                "include_deleted": _setting("boolean"),
            },
            required=["name", "soql"],
            additionalProperties=False,
        ),
        title="Queries",
        description="Streams from your own SOQL: for each, `name`, `soql` and optionally "
        "`primary_keys`, `replication_key`, `include_deleted`.",
    ),
    "jobs": _setting(
        "array",
        items=_type(
            "object",
            properties={
                "name": _type("string"),
                "id": _type("string"),
                "primary_keys": _setting("array", items=_type("string")),
            },
            required=["name", "id"],
            additionalProperties=False,
        ),
        title="Jobs",
        description="Streams from existing query jobs: for each, `name`, `id` and optionally "
        "`primary_keys`. Nothing is created or deleted.",
    ),
    "filters": _setting(
        "object",
        properties={},
        additionalProperties=_type("string"),
        title="Filters",
        description="A SOQL condition for each object, added with AND.",
    ),
    "include_deleted": _setting(
        "boolean",
        default=True,
        title="Include deleted",
        description="Use `queryAll`, which also returns soft-deleted and archived rows, with "
        "`IsDeleted`.",
    ),
    "track_hard_deletes": _setting(
        "boolean",
        default=False,
        title="Track hard deletes",
        description="Write a record with `_sdc_deleted_at` for each record that was deleted since "
        "the last run, even permanently.",
    ),
    "lookback_seconds": _setting(
        "integer",
        minimum=0,
        default=300,
        title="Lookback",
        description="How many seconds before a finished job's bookmark the next job starts, "
        "because rows become visible a little after their timestamp.",
    ),
    "on_wider_query": _setting(
        "string",
        enum=["reread", "go_on", None],
        default="reread",
        title="On a wider query",
        description="When the question of an incremental stream has become wider since its "
        "bookmark (filter, SOQL, `include_deleted` switched on, `start_date` moved back, another "
        "replication key): `reread` reads it from the beginning once, `go_on` warns and reads "
        "changes only.",
    ),
    "backfill_new_fields": _setting(
        "boolean",
        default=False,
        title="Backfill new fields",
        description="Read an incremental stream in full once when it has fields that its bookmark "
        "does not cover. Without it a line in the log says that older records lack them.",
    ),
    "refresh_formula_fields": _setting(
        "string",
        title="Refresh formula fields",
        description="Period, such as `P7D`, after which an incremental stream with selected "
        "formula fields is read in full again, since their changes move no timestamp. Unset: "
        "never.",
    ),
    "max_parallel_downloads": _setting(
        "integer",
        minimum=1,
        default=5,
        title="Parallel downloads",
        description="Result pages downloaded at a time, over all streams.",
    ),
    "max_concurrent_jobs": _setting(
        "integer",
        minimum=1,
        default=10,
        title="Concurrent jobs",
        description="Query jobs kept running at Salesforce ahead of the download.",
    ),
    "max_page_memory_mb": _setting(
        "integer",
        minimum=1,
        default=64,
        title="Page memory",
        description="Limit for page data in memory, in MB; the rest waits on disk.",
    ),
    "split_jobs": _setting(
        "boolean",
        default=True,
        title="Split jobs",
        description="Cut huge objects, and jobs that are not done in time, into ranges that run as "
        "separate jobs.",
    ),
    "job_timeout_seconds": _setting(
        "integer",
        minimum=1,
        default=86_400,
        title="Job timeout",
        description="How long one job may run, in seconds, before it is aborted and reported.",
    ),
    "request_timeout_seconds": _setting(
        "number",
        exclusiveMinimum=0,
        maximum=86_400,
        default=60,
        title="Request timeout",
        description="How long a connection may be silent, in seconds, before the request is "
        "retried.",
    ),
    "max_retries": _setting(
        "integer", minimum=1, default=8, title="Tries", description="How often a request is tried."
    ),
    "quota_percent_total": _setting(
        "number",
        minimum=0,
        maximum=100,
        default=80,
        title="Share of daily calls, in all",
        description="Stop cleanly before more than this share of the org's daily API calls is "
        "used, no matter by whom.",
    ),
    "quota_percent_per_run": _setting(
        "number",
        minimum=0,
        maximum=100,
        default=25,
        title="Share of daily calls, this run",
        description="Stop cleanly before this run has used more than this share of the org's "
        "daily API calls.",
    ),
    "delete_finished_jobs": _setting(
        "boolean",
        default=False,
        title="Delete finished jobs",
        description="Delete a query job that this tap created once its stream is done.",
    ),
    "report_path": _setting(
        "string",
        title="Run report",
        description="Where to write an HTML page that shows what the run did, and when.",
    ),
    "fallback_to_rest": _setting(
        "boolean",
        default=True,
        title="Fall back to REST",
        description="Read objects that the Bulk API refuses through the REST query resource.",
    ),
    "small_objects_through_rest": _setting(
        "boolean",
        default=False,
        title="Small objects through REST",
        description="Read objects of at most 2,000 records through the REST query resource: one "
        "call, while a query job takes four or more.",
    ),
    "include_blobs": _setting(
        "boolean",
        default=False,
        title="Include binary fields",
        description="Read binary fields, such as `Attachment.Body`, as base64, with one call per "
        "record.",
    ),
    "max_blob_mb": _setting(
        "number",
        exclusiveMinimum=0,
        default=10,
        title="Largest binary value",
        description="A binary value of more megabytes becomes null, with a warning that names its "
        "record.",
    ),
    "batch_file_mb": _setting(
        "number",
        exclusiveMinimum=0,
        default=64,
        title="Size of BATCH files",
        description="A BATCH file is complete when it holds as many megabytes of a result page's "
        "text; a page of more becomes several files.",
    ),
    "batch_config": _setting(
        "object",
        properties={
            "encoding": _type(
                "object",
                properties={
                    "format": _type(
                        "string",
                        enum=["arrow", "parquet", "jsonl"],
                        description="Arrow IPC files, Parquet or JSON lines.",
                    ),
                    "compression": _setting(
                        "string",
                        description="`none`; `gzip` (jsonl, parquet), `snappy` (parquet), "
                        "`zstd` (parquet, arrow), `lz4` (arrow).",
                    ),
                },
                required=["format"],
            ),
            "storage": _type(
                "object",
                properties={
                    "root": _type(
                        "string",
                        description="Folder or storage URL, e.g. `file:///data/batches`.",
                    ),
                    "prefix": _setting("string", description="Prefix of file names."),
                    "params": _setting(
                        "object", properties={}, description="Options for the storage library."
                    ),
                },
                required=["root"],
            ),
        },
        required=["encoding", "storage"],
        title="Batches",
        description="Write BATCH messages, with files made straight from the result pages, instead "
        "of RECORD messages.",
    ),
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": _PROPERTIES,
}
SECRETS = frozenset(name for name, schema in SCHEMA["properties"].items() if schema.get("secret"))
DEFAULTS: Mapping[str, Any] = {
    name: schema["default"] for name, schema in SCHEMA["properties"].items() if "default" in schema
}
# Texts that stand for booleans, as environment variables and other taps' settings hold them.
BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
# The settings of the Singer SDK that are none here: workers have no use for them.
OF_SINGER_SDK = frozenset(
    {
        "stream_maps",
        "stream_map_config",
        "faker_config",
        "flattening_enabled",
        "flattening_max_depth",
        "flattening_max_key_length",
        "flattening_separator",
        "emit_activate_version_messages",
        "use_singer_decimal",
    }
)
