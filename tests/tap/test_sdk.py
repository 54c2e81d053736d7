"""The Singer SDK's own tests of taps."""

from __future__ import annotations

import atexit

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sfbulk_sandbox import SandboxServer
from tap_sfbulk_pages.singer.tap import TapSFBulkPages

OBJECTS = ["Account", "AppDefinition", "Empty__c", "Everything__c", "LoginHistory"]

# The SDK builds the tap while this module is imported, before any fixture.
_SERVER = SandboxServer(
    {
        "rows": {"Account": 20, "Everything__c": 60},
        "page_rows": 25,
        "data_until": "2026-01-01T00:00:00Z",
    }
)
_SERVER.__enter__()
atexit.register(_SERVER.__exit__, None, None, None)

TestTapSFBulkPages = get_tap_test_class(
    TapSFBulkPages,
    config={
        "instance_url": _SERVER.url,
        "client_id": "app",
        "client_secret": "secret",
        "objects": OBJECTS,
    },
    suite_config=SuiteConfig(max_records_limit=60, ignore_no_records_for_streams=["Empty__c"]),
    parse_env_config=False,
)
