"""The formats of BATCH files, and the compressions that each takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers._batch import BatchConfig

_COMPRESSIONS: Mapping[str, Mapping[str | None, str | None]] = {
    "arrow": {None: "uncompressed", "none": "uncompressed", "lz4": "lz4", "zstd": "zstd"},
    "parquet": {
        None: "snappy",
        "none": "uncompressed",
        "gzip": "gzip",
        "snappy": "snappy",
        "zstd": "zstd",
    },
    # What the message does not tell, no target would expect.
    "jsonl": {None: None, "none": None, "gzip": "gzip"},
}


def compression_of(config: BatchConfig) -> str | None:
    """Choose the compression of a format.

    Raises:
        SettingsError: If the format does not know the one that is set, or is not known itself.
    """
    encoding = config.encoding
    if encoding.format not in _COMPRESSIONS:
        formats = ", ".join(_COMPRESSIONS)
        raise SettingsError(f"batch_config: format must be one of {formats}, not {encoding.format}")
    known = _COMPRESSIONS[encoding.format]
    if encoding.compression not in known:
        names = ", ".join(name for name in known if name)
        raise SettingsError(
            f"batch_config: {encoding.format} takes the compressions {names}, not "
            f"{encoding.compression}"
        )
    return known[encoding.compression]
