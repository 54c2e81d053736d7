"""Numbers of things, as a person would say them."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """Write a noun as its number asks for: `record`, `records`."""
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Write how many there are: `1 record`, `1,234 records`."""
    return f"{number:,} {plural(number, noun)}"
