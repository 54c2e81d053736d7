"""The formats of BATCH files, the compressions that each takes, and whose records they can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._batch import BatchConfig

from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


def check_batch_config(config: Mapping[str, Any]) -> None:
    """Check the setting `batch_config`, if it is set.

    Args:
        config: The tap's, checked against its schema.

    Raises:
        SettingsError: As `compression_of`.
    """
    if config.get("batch_config"):
        compression_of(BatchConfig.from_dict(config["batch_config"]))


def check_unchanged(mapped: Iterable[str]) -> None:
    """Let no stream leave in files as it comes that is to be changed too.

    Args:
        mapped: The streams that stream maps or flattening change, where files are to be written.

    Raises:
        SettingsError: If there are any.
    """
    if names := ", ".join(mapped):
        files = "batch_config writes records as the result pages have them"
        raise SettingsError(f"{files}, without stream maps or flattening: leave one out ({names})")
