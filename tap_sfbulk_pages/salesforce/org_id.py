"""The id of an org: what tells whether two sign-ins lead to the same one.

A host does not, since a My Domain can be renamed, and a refreshed sandbox is another org at the
same host.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from typing import Any

_ID = re.compile(r"(00D[0-9A-Za-z]{12})(?:[0-9A-Za-z]{3})?", re.ASCII)
# Of the token endpoint (Salesforce Help, "Identity URLs"): https://<host>/id/<org>/<user>.
_IDENTITY = re.compile(r".*/id/([0-9A-Za-z]+)/[0-9A-Za-z]+/?", re.ASCII)
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CHECKSUM_BITS = 5


def parse_org_id(value: object) -> str | None:
    """Read the id of an org.

    Args:
        value: Of 15 characters, or of 18.

    Returns:
        The id of 18 characters; None if it is none.
    """
    match = _ID.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    # The last three say which letters are capitals, for programs that do not tell them apart.
    short = match[1]
    fives = (short[place : place + _CHECKSUM_BITS] for place in range(0, len(short), 5))
    return short + "".join(
        _CHECKSUM[sum(letter.isupper() << place for place, letter in enumerate(five))]
        for five in fives
    )


def find_in_identity(url: object) -> str | None:
    """Find the org in the `id` of a reply of the token endpoint; None where it has none."""
    match = _IDENTITY.fullmatch(url) if isinstance(url, str) else None
    return parse_org_id(match[1]) if match else None


def find_in_token(token: str) -> str | None:
    """Find the org in an access token; None where it has none.

    An opaque token is the org's id, an exclamation mark, and a secret. A JWT-based one names the
    org as `tnk`, the tenant key, in its header: `core/…/<org>` (Salesforce Help, "JWT-Based Access
    Tokens"; SalesforceMobileSDK has one in its tests).
    """
    before, mark, _ = token.partition("!")
    if mark:
        return parse_org_id(before)
    encoded = token.partition(".")[0]
    try:
        header: Any = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (RecursionError, ValueError, binascii.Error):
        return None
    key = header.get("tnk") if isinstance(header, dict) else None
    return parse_org_id(key.rpartition("/")[2]) if isinstance(key, str) else None
