"""Which way to sign in the settings choose; none, or two, is an error that names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.quoting import keep_secret
from tap_sfbulk_pages.salesforce.addresses import (
    LOGIN,
    LOGIN_OF_SANDBOXES,
    login_address,
    org_address,
)
from tap_sfbulk_pages.salesforce.sign_in.flows import (
    ClientCredentials,
    Flow,
    JwtBearer,
    RefreshToken,
    UsernamePassword,
)
from tap_sfbulk_pages.salesforce.sign_in.refresh_tokens import RefreshTokenStore
from tap_sfbulk_pages.salesforce.sign_in.salesforce_cli import SalesforceCli
from tap_sfbulk_pages.salesforce.sign_in.session import ReadyToken, is_sendable
from tap_sfbulk_pages.salesforce.sign_in.token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.salesforce.addresses import HostAddress
    from tap_sfbulk_pages.salesforce.sign_in.session import SignIn

# Which settings choose which flow, beside `client_id`.
_FLOWS: Mapping[type[Flow], set[str]] = {
    RefreshToken: {"refresh_token"},
    JwtBearer: {"username", "private_key"},
    UsernamePassword: {"client_secret", "username", "password"},
    ClientCredentials: {"client_secret"},
}
_OPTIONAL: Mapping[type[Flow], set[str]] = {
    RefreshToken: {"client_secret"},
    JwtBearer: {"private_key_passphrase", "jwt_audience"},
    UsernamePassword: {"security_token"},
}
_SIGN_IN_SETTINGS = (
    "access_token",
    "client_id",
    "client_secret",
    "refresh_token",
    "username",
    "private_key",
    "private_key_path",
    "private_key_passphrase",
    "jwt_audience",
    "password",
    "security_token",
)
_ONE_LINE = (
    "client_id",
    "client_secret",
    "refresh_token",
    "username",
    "private_key_passphrase",
    "jwt_audience",
    "password",
    "security_token",
    "sf_cli_org",
)
# Far longer than the paths of files are, and shorter than a key of 2,048 bits in base64.
_LONGEST_PATH = 1_000
_ADDRESSES = ("instance_url", "login_url")
# All that `choose_sign_in` looks at.
SIGN_IN_SETTINGS = frozenset(
    {*_SIGN_IN_SETTINGS, *_ADDRESSES, "is_sandbox", "sf_cli_org", "state_folder"}
)
# Clouds that login.salesforce.com does not serve.
_SEPARATE_CLOUDS = (".salesforce.mil", ".sfcrmproducts.cn")


def choose_sign_in(given: Mapping[str, Any]) -> SignIn:
    """Choose the one way to sign in.

    Args:
        given: The settings that are set, and defaults.

    Raises:
        SettingsError: If the settings fit no way, or two, or an address is not valid.
    """
    _check_characters(given)
    instance = _read_instance(given)
    login = _choose_login(given, instance)
    names = {name for name in _SIGN_IN_SETTINGS if name in given}
    if "sf_cli_org" in given:
        others = names | {name for name in _ADDRESSES if name in given}
        if others:
            raise SettingsError(
                "sf_cli_org takes the session and the address from the Salesforce CLI: "
                f"remove it, or {_join(others)}"
            )
        return SalesforceCli(given["sf_cli_org"])
    if "access_token" in names:
        if names != {"access_token"}:
            raise SettingsError(f"{_join(names)} are two ways to sign in: keep one")
        if instance is None:
            raise SettingsError("access_token needs instance_url")
        if not is_sendable(given["access_token"]):
            raise SettingsError(
                "access_token contains a line end, a space or another character that no token has: "
                "check the file or secret store that it comes from"
            )
        return ReadyToken(given["access_token"], instance)
    flow = _choose_flow(names)
    if flow is ClientCredentials and login in (LOGIN, LOGIN_OF_SANDBOXES):
        raise SettingsError(
            "the client credentials flow works only at the org's own host: set "
            "instance_url to its My Domain address, and no login_url"
        )
    return TokenEndpoint(_make_flow(flow, given, instance, login), login, instance)


def _check_characters(given: Mapping[str, Any]) -> None:
    """Refuse line ends and the like, which come from files and secret stores.

    Raises:
        SettingsError: If a setting contains one; its value is not repeated.
    """
    errors = [
        f"{name} contains a line end or another control character: check the file or secret store "
        "that it comes from"
        for name in _ONE_LINE
        if not str(given.get(name, "")).isprintable()
    ]
    if errors:
        raise SettingsError(*errors)


def _read_instance(given: Mapping[str, Any]) -> HostAddress | None:
    if "instance_url" not in given:
        return None
    return org_address(given["instance_url"], setting="instance_url")


def _choose_login(given: Mapping[str, Any], instance: HostAddress | None) -> HostAddress:
    if "login_url" in given:
        return login_address(given["login_url"], setting="login_url")
    if instance:
        return instance
    return LOGIN_OF_SANDBOXES if given.get("is_sandbox") else LOGIN


def _choose_flow(names: set[str]) -> type[Flow]:
    if {"private_key", "private_key_path"} <= names:
        raise SettingsError("private_key and private_key_path are both set: keep one")
    asked = {"private_key" if name == "private_key_path" else name for name in names}
    if not asked:
        raise SettingsError(
            "no way to sign in is set: set access_token, or client_id with client_secret, "
            "refresh_token, username and private_key, or username and password, or "
            "sf_cli_org"
        )
    for flow, needed in _FLOWS.items():
        whole = needed | {"client_id"}
        if whole <= asked <= whole | _OPTIONAL.get(flow, set()):
            return flow
    if asked <= {"username", "password", "security_token"}:
        raise SettingsError(
            f"{_join(names)} alone are the SOAP login, which newer orgs and API "
            "versions do not have: create an External Client App and set instance_url, "
            "client_id and client_secret (client credentials)"
        )
    together = "together are" if len(names) > 1 else "alone is"
    raise SettingsError(
        f"{_join(names)} {together} not a way to sign in. A flow needs client_id and: "
        + "; or ".join(f"{_join(needed)} ({flow.title})" for flow, needed in _FLOWS.items())
    )


def _make_flow(
    flow: type[Flow], given: Mapping[str, Any], instance: HostAddress | None, login: HostAddress
) -> Flow:
    client_id = given["client_id"]
    if flow is RefreshToken:
        store = RefreshTokenStore(given["refresh_token"], _choose_state_folder(given))
        return RefreshToken(client_id, given.get("client_secret"), store)
    if flow is JwtBearer:
        return JwtBearer(
            client_id,
            given["username"],
            _read_private_key(given),
            given.get("private_key_passphrase"),
            *_choose_audiences(given, instance, login),
        )
    if flow is UsernamePassword:
        return UsernamePassword(
            client_id,
            given["client_secret"],
            given["username"],
            given["password"],
            given.get("security_token", ""),
        )
    return ClientCredentials(client_id, given["client_secret"])


def _choose_state_folder(given: Mapping[str, Any]) -> Path:
    if "state_folder" in given:
        return Path(given["state_folder"]).expanduser()
    # Only this flow needs it, and every start of a command or a worker would pay for the import.
    from platformdirs import user_state_path  # noqa: PLC0415

    return user_state_path("tap-sfbulk-pages")


def _choose_audiences(
    given: Mapping[str, Any], instance: HostAddress | None, login: HostAddress
) -> tuple[str, str | None]:
    """Return the audience of a JWT, and the one to try if the app is not known for it.

    It is the login host, even if the request goes to the org's My Domain host (Salesforce Help,
    "OAuth 2.0 JWT Bearer Flow"). An org of a separate cloud signs in only at its My Domain host,
    and External Client Apps take only that since Spring '26 (as live clients report).
    """
    if "jwt_audience" in given:
        return given["jwt_audience"], None
    home = login if instance is None else instance
    if login in (LOGIN, LOGIN_OF_SANDBOXES) or login.origin.endswith(_SEPARATE_CLOUDS):
        audience = login
    else:
        is_sandbox = given.get("is_sandbox") or ".sandbox.my." in login.origin
        audience = LOGIN_OF_SANDBOXES if is_sandbox else LOGIN
    return audience.origin, None if home == audience else home.origin


def _read_private_key(given: Mapping[str, Any]) -> str:
    if "private_key" in given:
        # Environment variables often contain the line ends of a PEM file as \n.
        key = str(given["private_key"]).replace("\\n", "\n")
        keep_secret(key)
        return key
    path = str(given["private_key_path"])
    if "PRIVATE KEY" in path or not path.isprintable() or len(path) > _LONGEST_PATH:
        keep_secret(path)
        raise SettingsError(
            "private_key_path must be the path of a file, and seems to contain the key itself: set "
            "private_key instead"
        )
    try:
        key = Path(path).read_text(encoding="ascii")
    except OSError as error:
        raise SettingsError(f"private_key_path: {path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise SettingsError(f"private_key_path: {path} is not a PEM file") from None
    keep_secret(key)
    return key


def _join(names: set[str]) -> str:
    return ", ".join(sorted(names))
