"""A tap or a target that is killed with SIGKILL after a number of STATE messages.

A program of its own: `dying_program.py tap|target STATES COMMAND...`. The states are those that a
tap has written, or that a target has been given.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

_PIPE_BYTES = 4096


def main() -> None:
    """Pass on what the tap writes, or what the target reads, and then kill it."""
    role, states, *command = sys.argv[1:]
    if role == "tap":
        with subprocess.Popen(command, stdout=subprocess.PIPE) as tap:
            assert tap.stdout
            hand_on(tap.stdout, sys.stdout.buffer, int(states), narrow=tap.stdout)
            tap.kill()
    else:
        with subprocess.Popen(command, stdin=subprocess.PIPE) as target:
            assert target.stdin
            hand_on(sys.stdin.buffer, target.stdin, int(states), narrow=target.stdin)
            target.kill()
    os.kill(os.getpid(), signal.SIGKILL)


def hand_on(source: IO[bytes], drain: IO[bytes], states: int, *, narrow: IO[bytes]) -> None:
    """Hand on so many STATE messages and what stands between them; keep a copy of it.

    The pipe named `narrow` holds little: who writes to it does not run far ahead of its reader.
    """
    fcntl.fcntl(narrow, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PIPE_BYTES)
    with Path("passed.jsonl").open("wb") as copy:
        for line in source:
            drain.write(line)
            copy.write(line)
            states -= b"STATE" in line[:20]
            if not states:
                break
    drain.flush()


if __name__ == "__main__":
    main()
