"""`python -m tap_sfbulk_pages`."""

from tap_sfbulk_pages.tap import TapSFBulkPages

TapSFBulkPages.cli()
