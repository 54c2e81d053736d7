"""Addresses that a token may go to, and links made absolute without letting it go elsewhere.

Some of Salesforce's hosts answer API calls, some only sign users in, and some are for browsers. My
Domain hosts end in `my.salesforce.com` (Government Cloud Plus too), `my.salesforce.mil` (Government
Cloud Plus - Defense) or `my.sfcrmproducts.cn` (Salesforce on Alibaba Cloud). The pages of Lightning
and of Setup have hosts beside them (Salesforce Help, "My Domain URL Formats"; the Salesforce CLI
knows the same ones).

Salesforce returns links in three forms: absolute, from the root of the host
(`/services/data/v62.0/jobs/…`) and without the version (`/jobs/query/…`, what live clients see in
`resultPages` replies). The path and the query of a link are opaque and sent as they came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from tap_sfbulk_pages.errors import SettingsError, UntrustedLinkError
from tap_sfbulk_pages.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_LINK = 200
_DEFAULT_PORTS = {"https": 443, "http": 80}
# How the host of a page ends, and how the host of its org ends.
_PAGES: Mapping[str, str] = {
    ".lightning.force.com": ".my.salesforce.com",
    ".my.salesforce-setup.com": ".my.salesforce.com",
    ".lightning.crmforce.mil": ".my.salesforce.mil",
    ".lightning.sfcrmapps.cn": ".my.sfcrmproducts.cn",
    ".setup.sfcrmproducts.cn": ".my.sfcrmproducts.cn",
}


@dataclass(frozen=True)
class HostAddress:
    """Scheme, host and port that requests with a token or a password may go to.

    Attributes:
        origin: `https://acme.my.salesforce.com`, without a slash at the end.
    """

    origin: str

    @classmethod
    def parse(cls, url: str, *, setting: str) -> HostAddress:
        """Read an address from the settings or from a token reply.

        Args:
            url: `https://host[:port]`; a path is ignored. Plain `http` only on a loopback host.
            setting: Its name for an error.

        Raises:
            SettingsError: If it is not such an address.
        """
        # Libraries disagree about a backslash, and might connect to another host.
        parts = None if "\\" in url else _split(url.strip())
        host = parts.hostname or "" if parts else ""
        if parts is None or parts.scheme not in _DEFAULT_PORTS or not _is_host(host):
            raise SettingsError(f"{setting} must be an address like https://acme.my.salesforce.com")
        if parts.username is not None or parts.password is not None:
            raise SettingsError(f"{setting} must not contain a user name or password")
        if parts.scheme == "http" and not is_loopback(host):
            raise SettingsError(
                f"{setting} must start with https:// (plain http works only on a loopback host)"
            )
        return cls(f"{parts.scheme}://{parts.netloc.lower()}")

    def resolve(self, link: str, *, api_version: str) -> str:
        """Return the absolute form of a link from a reply.

        Args:
            link: In any of the three forms.
            api_version: Version of the job that the link belongs to, as `62.0`.

        Raises:
            UntrustedLinkError: If it has another scheme, host or port.
        """
        parts = _split(link)
        if parts is None:
            shown = quote(link, limit=_LONGEST_LINK)
            raise UntrustedLinkError(f"Salesforce sent a link that is not an address: {shown!r}")
        if not parts.scheme and not parts.netloc and parts.path.startswith("/"):
            if parts.path.startswith("/services/data/"):
                return self.origin + link
            return f"{self.origin}/services/data/v{api_version}{link}"
        if self._is_home_of(link):
            return link
        raise UntrustedLinkError(
            f"Salesforce sent a link to {parts.scheme}://{parts.hostname or '?'}, not to "
            f"{self.origin}. The access token is not sent there. If the org has moved, set "
            "instance_url to its new address."
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


LOGIN = HostAddress("https://login.salesforce.com")
LOGIN_OF_SANDBOXES = HostAddress("https://test.salesforce.com")


def org_address(url: str, *, setting: str) -> HostAddress:
    """Read the address of an org, which answers API calls.

    Args:
        url: From the settings.
        setting: Its name for an error.

    Raises:
        SettingsError: If it is not one; the error names the right address if that is clear.
    """
    address = login_address(url, setting=setting)
    if address in (LOGIN, LOGIN_OF_SANDBOXES):
        raise SettingsError(
            f"{setting} must be the org's own address, like "
            f"https://acme.my.salesforce.com; {address.origin} is where users of all "
            "orgs sign in (login_url)"
        )
    return address


def login_address(url: str, *, setting: str) -> HostAddress:
    """Read the address of a host that has a token endpoint (see `org_address`)."""
    address = HostAddress.parse(url, setting=setting)
    for ending, right in _PAGES.items():
        if address.origin.endswith(ending):
            raise SettingsError(
                f"{setting} is an address for browsers and answers no API "
                f"calls: set it to {address.origin.removesuffix(ending)}{right}"
            )
    return address


def locator_of(link: str) -> str:
    """Return the name of a result link in the state: its `locator`, else the whole link.

    The locator itself is opaque (Bulk API 2.0 guide, "Get Results for a Query Job").
    """
    parts = _split(link)
    return parse_qs(parts.query).get("locator", [link])[0] if parts else link


def strip_host(link: str) -> str:
    """Return a saved link to the REST API without its host, which may have been renamed since.

    Any other link is returned as it is.
    """
    parts = _split(link)
    if parts is None or not parts.netloc or not parts.path.startswith("/services/data/"):
        return link
    return urlunsplit(("", "", parts.path, parts.query, ""))


def is_address(link: str) -> bool:
    """Return whether a link can be parsed at all."""
    return _split(link) is not None


def _split(url: str) -> SplitResult | None:
    # urlsplit would drop line ends silently.
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is not a number
    except ValueError:
        return None
    return parts


def _is_host(name: str) -> bool:
    if re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        return True
    try:
        return ip_address(name).version == 6  # noqa: PLR2004 - IPv6, in brackets in a URL
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
