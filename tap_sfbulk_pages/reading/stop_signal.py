"""SIGTERM and SIGINT: the run stops where the state is true, and a second signal ends it at once.

Nothing is written from a signal handler. While the run waits, for a job or a page, a signal ends
the wait; while records are written, it is noticed at the next safe point.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class RunStopped(BaseException):
    """The run was told to stop.

    Attributes:
        signal_number: By which signal.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """The exit code that shells give such a process: 143 for SIGTERM, 130 for SIGINT."""
        return 128 + self.signal_number


class StopSignal:
    """Turns signals into `RunStopped` at safe points.

    Args:
        on_signal: Called with the number of the first signal, in its handler.
    """

    def __init__(self, on_signal: Callable[[int], None] = lambda _: None) -> None:
        self._on_signal = on_signal
        self._signal_number: int | None = None
        self._may_raise = True

    def handle(self, signal_number: int, _: FrameType | None) -> None:
        """Take a signal.

        Raises:
            RunStopped: If the run waits.
        """
        if self._signal_number is not None:
            os._exit(128 + signal_number)
        self._signal_number = signal_number
        self._on_signal(signal_number)
        if self._may_raise:
            raise RunStopped(signal_number)

    def check(self) -> None:
        """Stop here if a signal has come: a safe point.

        Raises:
            RunStopped: If one has.
        """
        if self._signal_number is not None:
            raise RunStopped(self._signal_number)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Put off stopping until the next safe point."""
        self._may_raise = False
        try:
            yield
        finally:
            self._may_raise = True

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal end what is inside, where nothing is written."""
        before = self._may_raise
        self._may_raise = True
        try:
            self.check()
            yield
        finally:
            self._may_raise = before
