"""Faults in which the org is sound, and the app or the user is not admitted.

Salesforce's words: Salesforce Help, "OAuth 2.0 Authorization Errors", the SOAP API guide's
exception codes, and what live clients report.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from sfbulk_sandbox.fault_kind import PLACES, Place
from sfbulk_sandbox.faults.refusals import Refusal
from sfbulk_sandbox.salesforce_errors import OAuthError, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.exchange import Call, Reply

_SIGN_IN: Mapping[str, OAuthError] = {
    "no_run_as_user": OAuthError("invalid_grant", "no client credentials user enabled"),
    "wrong_domain": OAuthError("invalid_grant", "request not supported on this domain"),
    "wrong_audience": OAuthError("invalid_grant", "Audience validation failed"),
    "not_preapproved": OAuthError("invalid_grant", "user hasn't approved this consumer"),
    "not_approved": OAuthError(
        "invalid_app_access", "user is not admin approved to access this app"
    ),
    "not_installed": OAuthError(
        "invalid_grant", "External client app is not installed in this org"
    ),
    "ip_restricted": OAuthError("invalid_grant", "ip restricted or invalid login hours"),
    "inactive_user": OAuthError("inactive_user", "user is inactive"),
}
_USER: Mapping[str, SalesforceError] = {
    "expired_password": SalesforceError(
        HTTPStatus.FORBIDDEN,
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
        "The users password has expired, you must call SetPassword before attempting any other "
        "API operations",
    ),
    "api_disabled_for_user": SalesforceError(
        HTTPStatus.FORBIDDEN, "API_CURRENTLY_DISABLED", "API is disabled for this User"
    ),
    "api_disabled_for_org": SalesforceError(
        HTTPStatus.FORBIDDEN,
        "API_DISABLED_FOR_ORG",
        "The REST API is not enabled for this Organization.",
    ),
    "session_not_for_api": SalesforceError(
        HTTPStatus.UNAUTHORIZED,
        "INVALID_SESSION_ID",
        "This session is not valid for use with the REST API",
    ),
}


@dataclass(frozen=True)
class SignInRefused(Refusal):
    """The token endpoint refuses the app or the user, in Salesforce's words for the reason."""

    kind: ClassVar[str] = "sign_in_refused"
    places: ClassVar[tuple[Place, ...]] = ("token",)
    reason: Literal[
        "no_run_as_user",
        "wrong_domain",
        "wrong_audience",
        "not_preapproved",
        "not_approved",
        "not_installed",
        "ip_restricted",
        "inactive_user",
    ]

    @override
    def reply(self, _call: Call) -> Reply:
        return _SIGN_IN[self.reason].reply()


@dataclass(frozen=True)
class UserRefused(Refusal):
    """The session exists, but the user may not use the API with it."""

    kind: ClassVar[str] = "user_refused"
    places: ClassVar[tuple[Place, ...]] = tuple(place for place in PLACES if place != "token")
    reason: Literal[
        "expired_password", "api_disabled_for_user", "api_disabled_for_org", "session_not_for_api"
    ]

    @override
    def reply(self, _call: Call) -> Reply:
        return _USER[self.reason].reply()
