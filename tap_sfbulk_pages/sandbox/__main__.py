"""Runs the sandbox as ``python -m tap_sfbulk_pages.sandbox``."""

from tap_sfbulk_pages.sandbox.cli import main

main(prog_name="sfbulk-sandbox")
