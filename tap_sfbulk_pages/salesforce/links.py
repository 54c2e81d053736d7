"""The org's address, and links made absolute without letting the token go anywhere else.

Salesforce returns links in three forms: absolute, from the root of the host
(`/services/data/v62.0/jobs/…`) and without the version (`/jobs/query/…`, what live clients see in
`resultPages` replies). The path and the query of a link are opaque and sent as they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, urlsplit

from tap_sfbulk_pages.errors import SettingsError, UntrustedLinkError

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class HostAddress:
    """Scheme, host and port that requests with a token or a password may go to.

    Attributes:
        origin: `https://acme.my.salesforce.com`, without a slash at the end.
    """

    origin: str

    @classmethod
    def parse(cls, url: str, *, setting: str) -> HostAddress:
        """Check an address from the settings or from a token reply.

        Args:
            url: `https://host[:port]`; a path is ignored. Plain `http` only on a loopback host.
            setting: What the address is called in an error.

        Raises:
            SettingsError: If it is no such address.
        """
        parts = _split(url.strip())
        if parts is None or parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise SettingsError(f"{setting} must be an address like https://acme.my.salesforce.com")
        if parts.username is not None or parts.password is not None:
            raise SettingsError(f"{setting} must not hold a user name or password")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise SettingsError(f"{setting} must start with https:// (plain http only on loopback)")
        return cls(f"{parts.scheme}://{parts.netloc.lower()}")

    def resolve(self, link: str, *, api_version: str) -> str:
        """Make a link from a reply absolute.

        Args:
            link: In any of the three forms.
            api_version: Version of the job that the link belongs to, as `62.0`.

        Raises:
            UntrustedLinkError: If it leads to another scheme, host or port.
        """
        parts = _split(link)
        if parts is None:
            raise UntrustedLinkError(f"Salesforce sent a link that is no address: {link[:200]!r}")
        if not parts.scheme and not parts.netloc and parts.path.startswith("/"):
            if parts.path.startswith("/services/data/"):
                return self.origin + link
            return f"{self.origin}/services/data/v{api_version}{link}"
        if self._is_home_of(link):
            return link
        raise UntrustedLinkError(
            f"Salesforce sent a link to {parts.scheme}://{parts.hostname or '?'}, which is not "
            f"{self.origin}. The session is not sent there. If the org has moved, set instance_url "
            "to its new address."
        )

    def _is_home_of(self, url: str) -> bool:
        there, here = urlsplit(url), urlsplit(self.origin)
        return (
            there.scheme == here.scheme
            and there.username is None
            and there.password is None
            and there.hostname == here.hostname
            and (there.port or _DEFAULT_PORTS[here.scheme])
            == (here.port or _DEFAULT_PORTS[here.scheme])
            and "\\" not in url
        )


def locator_of(link: str) -> str:
    """Name a result link for the state: its `locator` parameter, or the whole link without one.

    The locator itself is opaque (Bulk API 2.0 guide, "Get Results for a Query Job").
    """
    parts = _split(link)
    return parse_qs(parts.query).get("locator", [link])[0] if parts else link


def is_address(link: str) -> bool:
    """Tell whether a link can be taken apart at all."""
    return _split(link) is not None


def _split(url: str) -> SplitResult | None:
    # urlsplit would leave out line ends without a word.
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
