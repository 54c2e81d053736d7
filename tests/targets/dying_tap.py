"""The tap, or one that is killed with SIGKILL after `DIE_AFTER_STATES` STATE messages."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

_PIPE_BYTES = 4096


def main() -> None:
    """Hand on what the tap writes; keep a copy of what it has written before it dies."""
    command = [sys.executable, "-m", "tap_sfbulk_pages", *sys.argv[1:]]
    left = int(os.environ.get("DIE_AFTER_STATES", "0"))
    if not left or "--discover" in sys.argv:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tap:
        assert tap.stdout
        # A small pipe: the tap does not run far ahead of its reader.
        fcntl.fcntl(tap.stdout, getattr(fcntl, "F_SETPIPE_SZ", 1031), _PIPE_BYTES)
        with Path("written.jsonl").open("wb") as copy:
            for line in tap.stdout:
                sys.stdout.buffer.write(line)
                copy.write(line)
                left -= b"STATE" in line[:20]
                if not left:
                    break
        sys.stdout.flush()
        tap.kill()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
