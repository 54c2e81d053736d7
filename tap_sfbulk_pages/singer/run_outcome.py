"""What became of each stream of a run, told at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from tap_sfbulk_pages.words import counted


@dataclass
class RunOutcome:
    """The streams of a run.

    Attributes:
        read: Those read to their end.
        failed: Those that were not, and why.
        not_begun: Those that were left for a later run.
    """

    read: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    not_begun: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every stream was read to its end."""
        return not self.failed and not self.not_begun

    def summary(self) -> str:
        """Tell what was and what was not read; the failures stand last, where they are seen."""
        count = len(self.read) + len(self.failed) + len(self.not_begun)
        unread = count - len(self.read)
        verb, end = ("was", "its end") if unread == 1 else ("were", "their end")
        lines = [f"{unread} of {counted(count, 'stream')} {verb} not read to {end}."]
        if self.read:
            lines.append(f"Read: {', '.join(self.read)}")
        if self.not_begun:
            lines.append(f"Not begun: {', '.join(self.not_begun)}")
        lines += [f"Failed: {name}: {reason}" for name, reason in self.failed.items()]
        return "\n  ".join(lines)
