"""A signal stops the run where the state is true."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.reading.stop_signal import RunStopped, StopSignal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stop_signal() -> Iterator[StopSignal]:
    """Let SIGTERM reach a stop signal, in this process."""
    stop_signal = StopSignal()
    before = signal.signal(signal.SIGTERM, stop_signal.handle)
    yield stop_signal
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_exit_codes(number: int, code: int) -> None:
    assert RunStopped(number).exit_code == code


def test_before_anything_is_written_it_ends_at_once(stop_signal: StopSignal) -> None:  # noqa: ARG001
    with pytest.raises(RunStopped):
        os.kill(os.getpid(), signal.SIGTERM)


def test_while_records_are_written_it_waits_for_a_safe_point(stop_signal: StopSignal) -> None:
    written = []
    with stop_signal.writing():
        stop_signal.check()
        os.kill(os.getpid(), signal.SIGTERM)
        written.append("rest of the page")
        with pytest.raises(RunStopped) as stopped:
            stop_signal.check()
    assert written
    assert stopped.value.signal_number == signal.SIGTERM


def test_it_ends_a_wait(stop_signal: StopSignal) -> None:
    with stop_signal.writing():
        later = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGTERM])
        later.start()
        with pytest.raises(RunStopped), stop_signal.waiting():
            time.sleep(30)


def test_no_wait_begins_after_it(stop_signal: StopSignal) -> None:
    with stop_signal.writing():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(RunStopped), stop_signal.waiting():
            pytest.fail("waited")


def test_after_a_wait_writing_goes_on_undisturbed(stop_signal: StopSignal) -> None:
    with stop_signal.writing():
        with stop_signal.waiting():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(RunStopped):
            stop_signal.check()


def test_a_second_one_ends_the_process(
    stop_signal: StopSignal, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with stop_signal.writing():
        os.kill(os.getpid(), signal.SIGTERM)
        assert codes == []
        os.kill(os.getpid(), signal.SIGTERM)
    assert codes == [143]


def test_it_cannot_be_caught_as_an_error() -> None:
    assert not issubclass(RunStopped, Exception)
