"""Bodies of some kilobytes that inflate to hundreds of megabytes."""

from __future__ import annotations

import struct
import zlib

_MEGABYTE = 1 << 20


def swelling(
    piece: bytes, *, before: bytes = b"", after: bytes = b"", megabytes: int = 400
) -> bytes:
    """Return some kilobytes of gzip that inflate to a piece again and again."""
    text = piece * (_MEGABYTE // len(piece))
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # What is packed between two full flushes refers to nothing before, so it can be repeated.
    first = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(after) + packer.flush()
    checksum = zlib.crc32(before)
    for _ in range(megabytes):
        checksum = zlib.crc32(text, checksum)
    checksum = zlib.crc32(after, checksum)
    length = len(before) + len(text) * megabytes + len(after)
    head = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    return head + first + block * megabytes + last + struct.pack("<LL", checksum, length)
