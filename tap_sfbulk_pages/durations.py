"""How a length of time is written for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write a duration: `4.2 s`, `3:05`, `2:03:05`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
