"""Faults in what job info says of a query job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from sfbulk_sandbox.fault_kind import FaultKind, Place


class InfoFault(FaultKind):
    """A fault in the body of job info."""

    places: ClassVar[tuple[Place, ...]] = ("poll",)

    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return the spoilt body."""
        raise NotImplementedError


@dataclass(frozen=True)
class WrongTotal(InfoFault):
    """A total that differs from the number of rows."""

    kind: ClassVar[str] = "wrong_total"
    by: int = 1

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        if "numberRecordsProcessed" not in info:
            return info
        return {**info, "numberRecordsProcessed": info["numberRecordsProcessed"] + self.by}


@dataclass(frozen=True)
class MissingTotal(InfoFault):
    """A finished job without ``numberRecordsProcessed``."""

    kind: ClassVar[str] = "missing_total"

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in info.items() if k != "numberRecordsProcessed"}


@dataclass(frozen=True)
class UnknownState(InfoFault):
    """An undocumented job state."""

    kind: ClassVar[str] = "unknown_state"
    state: str = "Suspended"

    @override
    def change(self, info: dict[str, Any]) -> dict[str, Any]:
        return {**info, "state": self.state}
