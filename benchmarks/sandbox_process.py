"""A sandbox in a process of its own, and the tap's command line for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

TAP = [sys.executable, "-m", "tap_sfbulk_pages"]
TOKEN = "00D!benchmark"  # noqa: S105 - the sandbox takes any
_TIMEOUT_SECONDS = 600


class Sandbox:
    """Runs `sfbulk-sandbox serve`, as a context manager.

    Args:
        scenario: Keys and values of a scenario.
        tls: Speak https.

    Attributes:
        url: Address of the org.
        ca_file: With `tls`, the certificate that clients must trust.
        folder: For files of the run; it goes with the sandbox.
    """

    def __init__(self, scenario: Mapping[str, Any], *, tls: bool = False) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sfbulk-benchmark-")
        self.folder = Path(self._temporary.name)
        self._scenario = scenario
        self._tls = tls
        self._commands = 0
        self.url = ""
        self.ca_file = ""

    def __enter__(self) -> Self:
        scenario = self.write("scenario.json", self._scenario)
        command = [sys.executable, "-m", "sfbulk_sandbox", "serve", "--port=0"]
        tls = ["--tls"] if self._tls else []
        self._process = subprocess.Popen(
            [*command, f"--scenario={scenario}", *tls], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        line = self._process.stdout.readline()
        self.url, self.ca_file = re.findall(r"(https?://\S+)(?: \(CA certificate: (.+)\))?", line)[
            0
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
        self._temporary.cleanup()

    def write(self, name: str, content: object) -> Path:
        """Write a JSON file."""
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def admin(self, method: str, path: str, content: object = None) -> Any:
        """Call an endpoint under `/_sandbox/`."""
        reply = requests.request(
            method,
            f"{self.url}/_sandbox/{path}",
            json=content,
            verify=self.ca_file or True,
            timeout=_TIMEOUT_SECONDS,
        )
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def tap(
        self,
        *objects: str,
        catalog: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> list[str]:
        """Write the tap's files, and return its command."""
        config = tap_config(self.url, *objects, **settings)
        self._commands += 1
        given = {"config": config, "catalog": catalog, "state": state}
        files = [
            f"--{name}={self.write(f'{name}-{self._commands}.json', content)}"
            for name, content in given.items()
            if content
        ]
        return [*TAP, *files]

    def warmed_state(self, *objects: str, **settings: Any) -> dict[str, Any]:
        """Read objects once, so that the sandbox has made their pages.

        Args:
            objects: Their names.
            settings: Further ones of the tap.

        Returns:
            A state whose jobs are made and of which no page is done: a run that is given it reads
            the same pages.
        """
        bookmarks: dict[str, Any] = {}
        command = self.tap(*objects, **settings)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout  # noqa: S101 - a pipe was asked for
            for line in process.stdout:
                if b'"STATE"' in line[:20]:
                    for name, bookmark in json.loads(line)["value"]["bookmarks"].items():
                        if "query_job" in bookmark:
                            bookmarks.setdefault(name, bookmark)
        if process.returncode:
            raise RuntimeError(f"the run that warms up the sandbox failed ({process.returncode})")
        return {"bookmarks": bookmarks}


def tap_config(url: str, *objects: str, **settings: Any) -> dict[str, Any]:
    """Make settings of the tap."""
    return {"instance_url": url, "access_token": TOKEN, "objects": list(objects), **settings}
