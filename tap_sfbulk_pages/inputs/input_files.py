"""JSON files that users give: in any UTF encoding, as PowerShell writes them too, or an error.

No message repeats a part of a file, which may hold secrets.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tap_sfbulk_pages.configuration import parse_json
from tap_sfbulk_pages.errors import ExtractionError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO

_LONGEST_MARK = 4


def read_json(data: bytes, what: str) -> Any:
    """Read the JSON of a file.

    Args:
        data: The file.
        what: What it is and where, for messages.

    Raises:
        ExtractionError: If it is not JSON; it says where.
    """
    try:
        return parse_json(data.decode(_encoding_of(data)))
    except json.JSONDecodeError as error:
        place = f"at line {error.lineno}, column {error.colno}: {error.msg}"
        raise ExtractionError(f"The {what} is not JSON, {place}.") from None
    except UnicodeDecodeError as error:
        place = f"byte {error.start} does not belong to {error.encoding}"
        raise ExtractionError(f"The {what} is not JSON: {place}.") from None
    except RecursionError:
        raise ExtractionError(f"The {what} is nested too deeply.") from None
    except ValueError as error:
        raise ExtractionError(f"The {what} cannot be used: {error}.") from None


class Readable(Protocol):
    """What is read of a file."""

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes, or all."""


def open_as_utf_8(file: Readable) -> Readable:
    """Read a file of any UTF encoding as UTF-8 without a mark, in parts as they are asked for."""
    start = file.read(_LONGEST_MARK)
    # A file that ends here is decoded as whole as one that goes on.
    encoding = _encoding_of(start)
    whole = _Joined(start, file)
    if encoding == "utf-8":
        return whole
    if encoding == "utf-8-sig":
        whole.read(len(codecs.BOM_UTF8))
        return whole
    return codecs.EncodedFile(cast("IO[bytes]", whole), "utf-8", encoding)


def read_config(places: Iterable[str]) -> tuple[dict[str, Any], bool]:
    """Read the settings that `--config` gives.

    Args:
        places: Paths of files, of which the later ones win, and `ENV`.

    Returns:
        The settings, and whether those of the environment are asked for.

    Raises:
        ExtractionError: If a file cannot be read as an object of settings.
    """
    config: dict[str, Any] = {}
    has_environment = False
    for place in places:
        if place == "ENV":
            has_environment = True
            continue
        if place.lstrip().startswith("{"):
            raise SettingsError("--config takes the path of a file, or ENV, and not JSON itself")
        try:
            data = Path(place).read_bytes()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ExtractionError(f"The config {place} cannot be read: {why}.") from None
        settings = read_json(data, f"config {place}")
        if not isinstance(settings, dict):
            raise ExtractionError(f"The config {place} must hold a JSON object of settings.")
        config |= settings
    return config, has_environment


def _encoding_of(data: bytes) -> str:
    """Return the encoding, by the mark at the beginning or the zeros between ASCII characters."""
    return json.detect_encoding(data[:_LONGEST_MARK])


class _Joined:
    """A file whose beginning has been read already."""

    def __init__(self, start: bytes, file: Readable) -> None:
        self._start = start
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        if not self._start:
            return self._file.read(size)
        start = self._start if size < 0 else self._start[:size]
        self._start = self._start[len(start) :]
        return start + self._file.read(size - len(start) if size >= 0 else -1)
