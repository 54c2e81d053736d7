"""The formats of BATCH files: what writes them, and the compressions that each takes."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from isal import igzip
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget

from tap_sfbulk_pages.configuration import find_alike
from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from tap_sfbulk_pages.singer.batch_storage import NewFile

# Buffers of a column are small; written together they cost one call.
_WRITE_BYTES = 1 << 20
# A text column with fewer different values among its first ones is written with a dictionary.
_SAMPLE, _FEW = 1000, 100

_COMPRESSIONS: Mapping[str, Mapping[str | None, str | None]] = {
    "arrow": {None: None, "none": None, "lz4": "lz4", "zstd": "zstd"},
    "parquet": {
        None: "snappy",
        "none": "none",
        "gzip": "gzip",
        "snappy": "snappy",
        "zstd": "zstd",
    },
    # What the message does not say, no target would expect.
    "jsonl": {None: None, "none": None, "gzip": "gzip"},
}

# What brings the library of an object store.
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
_EXTRAS |= dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure")


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
        SettingsError: As `compression_of`, or if the storage needs a library that is not installed.
    """
    if config.get("batch_config"):
        _check_names(config["batch_config"])
        batch_config = BatchConfig.from_dict(config["batch_config"])
        compression_of(batch_config)
        _check_storage(batch_config.storage.root)


def _check_names(given: Mapping[str, Any]) -> None:
    """Refuse what the SDK's classes have no place for.

    Raises:
        SettingsError: With what was probably meant.
    """
    places = {
        "batch_config": (given, BatchConfig),
        "batch_config.encoding": (given["encoding"], BaseBatchFileEncoding),
        "batch_config.storage": (given["storage"], StorageTarget),
    }
    errors = []
    for where, (values, kind) in places.items():
        known = {each.name for each in fields(kind)}
        for name in sorted(values.keys() - known):
            meant = find_alike(name, known)
            hint = f" ({meant} was probably meant)" if meant else ""
            errors.append(f"{where} has no {name}{hint}")
    if errors:
        raise SettingsError(*errors)


def _check_storage(root: str) -> None:
    """Refuse a storage that could not be reached later, when jobs have been made.

    Raises:
        SettingsError: If nothing that is installed reaches it.
    """
    protocol, separator, _ = root.partition("://")
    if not separator:
        return
    user, at, _ = root.removeprefix(f"{protocol}://").partition("@")
    # In Azure's addresses a container stands there.
    if at and ":" in user:
        # BATCH messages name the files.
        raise SettingsError(
            "batch_config.storage.root must not contain a password: set it in "
            "batch_config.storage.params"
        )
    import fsspec  # noqa: PLC0415 - only for files

    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        install = f"pip install 'tap-sfbulk-pages[{extra}]'" if extra else str(error)
        raise SettingsError(
            f"batch_config.storage.root: {protocol}:// needs a library that is not installed: "
            f"{install}"
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"batch_config.storage.root: {protocol}:// is not a known storage"
        ) from error


class FileWriter(Protocol):
    """Writes the records of a page to a file."""

    def write(self, parts: list[Any]) -> None:
        """Write record batches, or lines."""

    def close(self) -> None:
        """End the file."""


class LinesWriter:
    """Writes lines of JSON.

    Args:
        file: Where to.
        compression: `gzip`, or None.
    """

    def __init__(self, file: NewFile, *, compression: str | None) -> None:
        self._stream: Any = file.stream
        self._compressed: Any = None
        if compression == "gzip":
            self._compressed = igzip.IGzipFile(fileobj=file.stream, mode="wb", mtime=0)  # type: ignore[no-untyped-call]

    def write(self, parts: list[bytes]) -> None:
        """Write lines."""
        (self._compressed or self._stream).writelines(parts)

    def close(self) -> None:
        """End the file."""
        if self._compressed:
            self._compressed.close()


class ArrowWriter:
    """Writes the Arrow IPC file format.

    Args:
        file: Where to.
        schema: Of the batches.
        compression: Of their buffers; None for none.
    """

    def __init__(self, file: NewFile, *, schema: pa.Schema, compression: str | None) -> None:
        import pyarrow as pa  # noqa: PLC0415 - only for files of columns

        options = pa.ipc.IpcWriteOptions(compression=compression)
        if file.path:
            self._stream = pa.OSFile(file.path, "w")
        else:
            self._stream = pa.output_stream(pa.PythonFile(file.stream), buffer_size=_WRITE_BYTES)
        self._writer = pa.ipc.new_file(self._stream, schema, options=options)

    def write(self, parts: list[pa.RecordBatch]) -> None:
        """Write some."""
        for batch in parts:
            self._writer.write_batch(batch)

    def close(self) -> None:
        """End the file."""
        self._writer.close()
        self._stream.close()


class ParquetWriter:
    """Writes Parquet, a row group at each call.

    Args:
        file: Where to.
        schema: Of the batches.
        compression: Of the pages; None for none.
    """

    def __init__(self, file: NewFile, *, schema: pa.Schema, compression: str | None) -> None:
        self._target = file.path or file.stream
        self._schema = schema
        self._compression = compression
        self._writer: Any = None

    def write(self, parts: list[pa.RecordBatch]) -> None:
        """Write some; which columns have dictionaries is decided by the first of them."""
        import pyarrow as pa  # noqa: PLC0415 - only for files of columns
        from pyarrow import parquet  # noqa: PLC0415 - as above

        if self._writer is None:
            self._writer = parquet.ParquetWriter(
                self._target,
                self._schema,
                compression=self._compression,
                use_dictionary=_repetitive(parts[0]),
                # The least and the greatest text say little, and would take a fifth of the time.
                write_statistics=[
                    field.name for field in self._schema if str(field.type) != "string"
                ],
            )
        self._writer.write_table(pa.Table.from_batches(parts, self._schema))

    def close(self) -> None:
        """End the file."""
        self._writer.close()


def _repetitive(batch: pa.RecordBatch) -> list[str]:
    """Name the text columns with few different values."""
    return [
        field.name
        for field in batch.schema
        if str(field.type) == "string"
        and len(batch.column(field.name).slice(0, _SAMPLE).unique()) < _FEW
    ]


WRITERS: Mapping[str, Callable[..., FileWriter]] = {
    "arrow": ArrowWriter,
    "parquet": ParquetWriter,
    "jsonl": LinesWriter,
}
