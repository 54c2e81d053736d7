"""`python -m tap_sfbulk_pages`."""

from tap_sfbulk_pages.singer.tap import TapSFBulkPages

TapSFBulkPages.cli()
