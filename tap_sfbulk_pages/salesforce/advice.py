"""What Salesforce's usual refusals mean, and what to do about each.

Sign-in errors: Salesforce Help, "OAuth 2.0 Authorization Errors", and what live clients report.
Call errors: REST API guide, "Status Codes and Error Responses", and the SOAP API guide's exception
codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# The first entry whose words are in the code or in the text applies: the narrow ones come first.
_OF_SIGN_IN: Sequence[tuple[str, str]] = (
    (
        "no client credentials user enabled",
        "The app has no user to run as: set Run As in its policies, under Client Credentials Flow.",
    ),
    (
        "request not supported on this domain",
        (
            "The client credentials flow works at the org's own address only: set instance_url "
            "to its My Domain address, and no login_url."
        ),
    ),
    (
        "client credentials flow",
        "Tick Enable Client Credentials Flow in the app's OAuth settings.",
    ),
    (
        "user hasn't approved this consumer",
        (
            "The app is not approved for this user. In the app's policies set Permitted Users to "
            "'Admin approved users are pre-authorized', and add a permission set or profile that "
            "the user has."
        ),
    ),
    (
        "not admin approved",
        (
            "The app is not approved for this user: add a permission set or profile that the "
            "user has to the app's policies."
        ),
    ),
    (
        "not installed in this org",
        (
            "An administrator has to install the app in this org, or to approve it for the user: "
            "Setup, Connected Apps OAuth Usage or External Client App Manager."
        ),
    ),
    ("invalid_app_access", "The app does not allow this user: check the app's policies."),
    (
        "ip restricted or invalid login hours",
        (
            "This machine's IP address, or the hour, is not allowed. Add the address to the "
            "Login IP Ranges of the user's profile, or set IP Relaxation in the app's policies "
            "to 'Relax IP restrictions'; the profile's Login Hours count too."
        ),
    ),
    (
        "app_not_found",
        (
            "The org knows no such app for the audience of the JWT. Check client_id, and set "
            "jwt_audience (External Client Apps take only the org's My Domain address)."
        ),
    ),
    (
        "audience",
        (
            "The user signs in at another host. Set instance_url to the org's My Domain address; "
            "for a sandbox whose address does not show that it is one, also set "
            "is_sandbox or login_url."
        ),
    ),
    (
        "expired access/refresh token",
        (
            "The refresh token was revoked, has expired, or was replaced by a newer one that "
            "somebody else holds: authorise again and set the new refresh_token. It works only "
            "at the host that issued it (is_sandbox, login_url)."
        ),
    ),
    (
        "invalid assertion",
        ("private_key does not belong to the app's certificate, or this machine's clock is wrong."),
    ),
    (
        "password has expired",
        (
            "The user's password has expired: log in with a browser and set a new one. A user "
            "whose password never expires, or a flow without a password, avoids this."
        ),
    ),
    (
        "authentication failure",
        (
            "Check username, password and security_token, and that is_sandbox or login_url lead "
            "to the org. Newer orgs block this flow: Setup, OAuth and OpenID Connect Settings."
        ),
    ),
    (
        "invalid_client_id",
        (
            "Check client_id, and that the app is in this org: a sandbox has its own apps. "
            "A new app takes some minutes until it is known everywhere."
        ),
    ),
    ("invalid_client", "Check client_secret, which changes when somebody rotates it."),
    ("inactive_user", "The user is not active: Setup, Users."),
    ("inactive_org", "The org is locked, closed or suspended."),
    ("scope", "Give the app the OAuth scope 'Manage user data via APIs (api)'."),
    ("unsupported_grant_type", "The app does not offer this flow: switch it on in its settings."),
    ("rate_limit_exceeded", "Too many logins of this user in an hour: wait, then run again."),
)
TOO_LONG = "Narrow the query with filters, or choose fewer fields."
_SHARING = (
    "Salesforce checks the sharing of each record for this user, and gives up on a large object: "
    "give the user the permission View All Data, or narrow the object with filters."
)
_OF_CALLS: Sequence[tuple[str, str]] = (
    (
        "invalid_operation_with_expired_password",
        (
            "The user's password has expired: log in with a browser as that user and set a new "
            "one, or let it never expire."
        ),
    ),
    (
        "api_currently_disabled",
        "The user lacks the permission API Enabled: add it to a permission set of the user.",
    ),
    (
        "api_disabled_for_org",
        (
            "The org's edition has no API (Professional Edition needs it as an add-on), or the "
            "user lacks the permission API Enabled."
        ),
    ),
    (
        "operation_too_large",
        _SHARING,
    ),
    (
        "txn_security_metering_error",
        (
            "A transaction security policy of the org (Setup, Transaction Security Policies) did "
            "not finish in time: exempt the user from it, or run again later."
        ),
    ),
    ("query_timeout", TOO_LONG),
    (
        "query_too_complicated",
        "Formula fields make a query complicated: deselect some of them, or shorten the filter.",
    ),
    (
        "insufficient_access",
        (
            "The user lacks read access to what is asked for: add it to a permission set of the "
            "user, or deselect the stream."
        ),
    ),
    (
        "exceeded 100000 distinct",
        _SHARING,
    ),
    (
        "not valid for use with the rest api",
        (
            "The session may not use the API. Give the app the OAuth scope 'Manage user data via "
            "APIs (api)'. If the org has API Access Control, allow the app there; if the user's "
            "profile asks for High Assurance at login, use a user whose profile does not."
        ),
    ),
)
# For an address that has never answered.
SILENT_HOST = "If this persists, check instance_url: it must be the org's own address."
WRONG_HOST = (
    "That is not a server of Salesforce: check that instance_url and login_url are addresses of "
    "the org, such as https://acme.my.salesforce.com."
)
# What this machine's environment says about the way to Salesforce.
DEAD_PROXY = (
    "The environment names a proxy: check HTTPS_PROXY or HTTP_PROXY, or add the host to NO_PROXY."
)
WRONG_PROXY = "Check the address in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY."
UNKNOWN_CERTIFICATE = (
    "Nothing was sent. If your proxy or firewall signs certificates, set REQUESTS_CA_BUNDLE to "
    "a PEM file with its root certificate; else check instance_url and login_url."
)
MISSING_CERTIFICATES = (
    "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names that file: correct or unset the variable."
)


def advise_on_sign_in(error_code: str, said: str) -> str:
    """Return what to do about a refused sign-in.

    Args:
        error_code: The `error` of the reply; a reply without one is not Salesforce's.
        said: Its `error_description`.

    Returns:
        A sentence or more; empty if the refusal is not a usual one.
    """
    return _find(_OF_SIGN_IN, error_code, said) or ("" if error_code else WRONG_HOST)


def advise_on_call(error_code: str, said: str) -> str:
    """Return what to do about a refused call; empty if it is not about the user or the org."""
    return _find(_OF_CALLS, error_code, said)


def _find(known: Sequence[tuple[str, str]], error_code: str, said: str) -> str:
    text = f"{error_code} {said}".lower()
    return next((advice for words, advice in known if words in text), "")
