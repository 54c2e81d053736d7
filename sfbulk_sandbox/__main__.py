"""Runs the sandbox as ``python -m sfbulk_sandbox``."""

from sfbulk_sandbox.cli import main

main(prog_name="sfbulk-sandbox")
