"""What became of each stream of a run, told at its end."""

from __future__ import annotations

from dataclasses import dataclass, field


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
        """Tell what was and what was not read, a line for each failure."""
        count = len(self.read) + len(self.failed) + len(self.not_begun)
        lines = [f"{len(self.failed)} of {count} streams could not be read to their end:"]
        lines += [f"{name}: {reason}" for name, reason in self.failed.items()]
        if self.not_begun:
            lines.append(f"Not begun: {', '.join(self.not_begun)}")
        lines.append(f"Read to their end: {', '.join(self.read) or 'none'}")
        return "\n  ".join(lines)
