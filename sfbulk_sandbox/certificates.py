"""Certificates of an authority that is made for one server alone."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable


class Authority:
    """A certificate authority whose own certificate lies in a temporary file."""

    def __init__(self) -> None:
        self._authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory(prefix="sfbulk-sandbox-")
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self.ca_file = Path(self._folder.name) / "ca.pem"
        """The certificate (PEM) that clients must trust."""
        self._authority.cert_pem.write_to_path(str(self.ca_file))

    def close(self) -> None:
        """Delete the file."""
        self._folder.cleanup()

    def make_context(self, *names: str) -> ssl.SSLContext:
        """Return the TLS settings of a server with these names; made once."""
        if names not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(*names).configure_cert(context)
            self._contexts[names] = context
        return self._contexts[names]

    def make_context_for(self, is_served: Callable[[str], bool], *names: str) -> ssl.SSLContext:
        """Return TLS settings that follow the name which a client asks for.

        Args:
            is_served: Whether a certificate for a name may be made.
            names: For clients that ask for no such name.
        """
        context = self.make_context(*names)

        def follow(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name is not None and is_served(name):
                connection.context = self.make_context(name)

        context.sni_callback = follow
        return context
