"""Faults that spoil the body of a reply, while the HTTP message itself is whole."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from sfbulk_sandbox.fault_kind import FaultKind, Place

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Reply

_GZIP_TRAILER = 8


class BodyFault(FaultKind):
    """A reply that is corrupted after the request has been carried out."""

    def change(self, reply: Reply) -> Reply:
        """Return the corrupted reply; its body may be compressed, as its headers say."""
        raise NotImplementedError


@dataclass(frozen=True)
class EmptyBody(BodyFault):
    """The usual status and headers, but no body."""

    kind: ClassVar[str] = "empty_body"

    @override
    def change(self, reply: Reply) -> Reply:
        headers = {k: v for k, v in reply.headers.items() if k != "Content-Encoding"}
        return replace(reply, body=b"", headers=headers)


@dataclass(frozen=True)
class BrokenGzip(BodyFault):
    """Compressed data that ends early, or has a wrong checksum or content."""

    kind: ClassVar[str] = "broken_gzip"
    how: Literal["truncated", "checksum", "inside"] = "truncated"

    @override
    def change(self, reply: Reply) -> Reply:
        body = bytearray(reply.body if _compressed(reply) else gzip.compress(reply.body, 1))
        if self.how == "truncated":
            del body[-_GZIP_TRAILER - 1 - len(body) // 4 :]
        elif self.how == "checksum":
            body[-_GZIP_TRAILER] ^= 0xFF
        else:
            middle = len(body) // 2
            body[middle : middle + 8] = b"\xff" * 8
        return replace(reply, body=bytes(body)).with_headers({"Content-Encoding": "gzip"})


@dataclass(frozen=True)
class WrongCharset(BodyFault):
    """Text in another charset than the announced one.

    With ``what: label``, the body stays UTF-8 and another charset is announced. With ``what:
    bytes``, UTF-8 is announced, but the body is in that charset, with a character that is not valid
    UTF-8.
    """

    kind: ClassVar[str] = "wrong_charset"
    charset: str = "ISO-8859-1"
    what: Literal["label", "bytes"] = "label"

    @override
    def change(self, reply: Reply) -> Reply:
        media_type = (reply.content_type or "text/plain").partition(";")[0]
        if self.what == "label":
            return replace(reply, content_type=f"{media_type};charset={self.charset}")
        before, quote, after = _plain(reply).decode("utf-8").rpartition('"')
        body = f"{before}é{quote}{after}".encode(self.charset, "replace")
        if _compressed(reply):
            body = gzip.compress(body, 1)
        return replace(reply, body=body, content_type=f"{media_type};charset=UTF-8")


@dataclass(frozen=True)
class DuplicateTotal(BodyFault):
    """Job info that has ``numberRecordsProcessed`` twice, with different values."""

    kind: ClassVar[str] = "duplicate_total"
    places: ClassVar[tuple[Place, ...]] = ("poll",)
    by: int = 1

    @override
    def change(self, reply: Reply) -> Reply:
        def twice(match: re.Match[bytes]) -> bytes:
            other = b"%d" % (int(match[2]) + self.by)
            return match[0] + b",\n  " + match[1] + other

        pattern = rb'("numberRecordsProcessed" : )(\d+)'
        body = re.sub(pattern, twice, _plain(reply))
        if _compressed(reply):
            body = gzip.compress(body, 1)
        return replace(reply, body=body)


@dataclass(frozen=True)
class WrongTotalSize(BodyFault):
    """A REST query whose ``totalSize`` differs from the number of records."""

    kind: ClassVar[str] = "wrong_total_size"
    places: ClassVar[tuple[Place, ...]] = ("query",)
    by: int = 1

    @override
    def change(self, reply: Reply) -> Reply:
        def other(match: re.Match[bytes]) -> bytes:
            return match[1] + b"%d" % (int(match[2]) + self.by)

        body = re.sub(rb'("totalSize":)(\d+)', other, _plain(reply))
        if _compressed(reply):
            body = gzip.compress(body, 1)
        return replace(reply, body=body)


def _compressed(reply: Reply) -> bool:
    return reply.headers.get("Content-Encoding") == "gzip"


def _plain(reply: Reply) -> bytes:
    return gzip.decompress(reply.body) if _compressed(reply) else reply.body
