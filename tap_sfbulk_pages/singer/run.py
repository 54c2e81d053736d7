"""The tap as its streams see it: what they share while they are read."""

from __future__ import annotations

import sys
from abc import abstractmethod
from functools import cached_property

from singer_sdk import Tap

from tap_sfbulk_pages.org import Org
from tap_sfbulk_pages.reading.stop_signal import StopSignal
from tap_sfbulk_pages.settings import Settings
from tap_sfbulk_pages.singer.standard_output import take_stdout
from tap_sfbulk_pages.watching.activity import RunActivity


class RunningTap(Tap):
    """A tap with one org, one account of what is done, and one way out for finished lines.

    Streams and the modules that make them know this class; only the command knows the tap itself.
    """

    @cached_property
    def stop_signal(self) -> StopSignal:
        """What SIGTERM and SIGINT do to this run."""
        output = take_stdout()
        return StopSignal(output.stop) if output else StopSignal()

    @cached_property
    def activity(self) -> RunActivity:
        """What this run does."""
        return RunActivity()

    @cached_property
    def org(self) -> Org:
        """The org that the settings name, which the command has checked."""
        return Org(Settings.parse(self.config))

    @abstractmethod
    def tend(self) -> None:
        """Look after the jobs that run ahead, without waiting."""

    def safe_point(self) -> None:
        """Look, between two blocks of records, for a signal and at the jobs ahead.

        Raises:
            RunStopped: If the run was told to stop.
        """
        self.stop_signal.check()
        self.tend()

    def write_lines(self, lines: bytes) -> None:
        """Write finished messages to stdout, after those that the SDK has written."""
        sys.stdout.flush()
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()
