"""Salesforce's hosts: which answer API calls, which only logins, and which are for browsers.

My Domain hosts end in `my.salesforce.com` (Government Cloud Plus too), `my.salesforce.mil`
(Government Cloud Plus - Defense) or `my.sfcrmproducts.cn` (Salesforce on Alibaba Cloud). The pages
of Lightning and of Setup have hosts beside them (Salesforce Help, "My Domain URL Formats"; the
Salesforce CLI knows the same ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.salesforce.links import HostAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIN = HostAddress("https://login.salesforce.com")
LOGIN_OF_SANDBOXES = HostAddress("https://test.salesforce.com")

# What the host of a page ends in, and the host of its org.
_PAGES: Mapping[str, str] = {
    ".lightning.force.com": ".my.salesforce.com",
    ".my.salesforce-setup.com": ".my.salesforce.com",
    ".lightning.crmforce.mil": ".my.salesforce.mil",
    ".lightning.sfcrmapps.cn": ".my.sfcrmproducts.cn",
    ".setup.sfcrmproducts.cn": ".my.sfcrmproducts.cn",
}
# Clouds that login.salesforce.com does not belong to.
_CLOUDS_APART = (".salesforce.mil", ".sfcrmproducts.cn")


def org_address(url: str, *, setting: str) -> HostAddress:
    """Read the address of an org: one that answers API calls.

    Args:
        url: From the settings.
        setting: What the address is called in an error.

    Raises:
        SettingsError: If it is none; the error names the right one where that can be told.
    """
    address = login_address(url, setting=setting)
    if address in (LOGIN, LOGIN_OF_SANDBOXES):
        raise SettingsError(
            f"{setting} must be the org's own address, like "
            f"https://acme.my.salesforce.com; {address.origin} is where users of every "
            "org sign in (login_url)"
        )
    return address


def login_address(url: str, *, setting: str) -> HostAddress:
    """Read the address of a host that has a token endpoint (see `org_address`)."""
    address = HostAddress.parse(url, setting=setting)
    for ending, right in _PAGES.items():
        if address.origin.endswith(ending):
            raise SettingsError(
                f"{setting} is the address of pages for browsers, which answers no API "
                f"call: set it to {address.origin.removesuffix(ending)}{right}"
            )
    return address


def audience(login: HostAddress, *, is_sandbox: bool) -> str:
    """Tell the audience of a JWT that is sent to a token endpoint.

    It is the login host, also where the org's My Domain host stands in for it (Salesforce Help,
    "OAuth 2.0 JWT Bearer Flow"). An org of a cloud apart signs in at its My Domain host alone.
    """
    if login in (LOGIN, LOGIN_OF_SANDBOXES) or login.origin.endswith(_CLOUDS_APART):
        return login.origin
    is_sandbox = is_sandbox or ".sandbox.my." in login.origin
    return (LOGIN_OF_SANDBOXES if is_sandbox else LOGIN).origin
