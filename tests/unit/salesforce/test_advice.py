"""Each usual refusal says what to do."""

from __future__ import annotations

import pytest

from tap_sfbulk_pages.salesforce.advice import advise_on_call, advise_on_sign_in


@pytest.mark.parametrize(
    ("error_code", "said", "advice"),
    [
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "client credentials flow not enabled", "Enable Client Credentials Flow"),
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorized"),
        ("invalid_app_access", "user is not admin approved to access this app", "app's policies"),
        ("invalid_grant", "External client app is not installed in this org", "install the app"),
        ("invalid_grant", "ip restricted or invalid login hours", "Login IP"),
        ("invalid_grant", "Audience validation failed", "is_sandbox"),
        ("invalid_grant", "expired access/refresh token", "authorise again"),
        ("invalid_grant", "authentication failure - Invalid Password", "security_token"),
        ("invalid_grant", "invalid assertion", "private_key"),
        ("invalid_client_id", "client identifier invalid", "client_id"),
        ("invalid_client", "invalid client credentials", "client_secret"),
        ("unsupported_grant_type", "grant type not supported", "switch it on"),
        ("inactive_user", "", "not active"),
        ("", "'Page not found'", "instance_url"),
    ],
)
def test_a_refused_sign_in(error_code: str, said: str, advice: str) -> None:
    assert advice in advise_on_sign_in(error_code, said)


@pytest.mark.parametrize(
    ("error_code", "said", "advice"),
    [
        ("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired", "new one"),
        ("API_CURRENTLY_DISABLED", "API is disabled for this User", "API Enabled"),
        ("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", "edition"),
        (
            "INVALID_SESSION_ID",
            "This session is not valid for use with the REST API",
            "OAuth scope",
        ),
        ("OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's", "View All Data"),
        ("", "exceeded 100000 distinct who/what's", "View All Data"),
        ("TXN_SECURITY_METERING_ERROR", "", "transaction security policy"),
        ("QUERY_TIMEOUT", "Your query request was running for too long.", "Narrow the query"),
        ("QUERY_TOO_COMPLICATED", "Query is either selecting too many fields", "Formula fields"),
        ("INSUFFICIENT_ACCESS", "insufficient access rights", "permission set"),
    ],
)
def test_a_refused_call(error_code: str, said: str, advice: str) -> None:
    assert advice in advise_on_call(error_code, said)


@pytest.mark.parametrize("refusal", [("INVALID_SESSION_ID", "Session expired"), ("NOT_FOUND", "")])
def test_other_refusals_are_left_to_speak_for_themselves(refusal: tuple[str, str]) -> None:
    assert advise_on_call(*refusal) == ""
    assert advise_on_sign_in("invalid_grant", "new words") == ""
