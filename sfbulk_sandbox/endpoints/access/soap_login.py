"""The SOAP ``login()`` call, by which older clients sign in (SOAP API Developer Guide, "login()").

Salesforce has taken it out of API version 65.0 and later.
"""

from __future__ import annotations

import re
from html import escape, unescape
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk_sandbox.endpoints.access.sign_in import check_user
from sfbulk_sandbox.exchange import Call, Reply
from sfbulk_sandbox.salesforce_errors import OAuthError
from sfbulk_sandbox.state.sessions import SESSION_SECONDS

if TYPE_CHECKING:
    from sfbulk_sandbox.state.state import State

_LAST_VERSION = 64.0
_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>\
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns="urn:partner.soap.sforce.com">\
<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"""
_FAULT = """<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}\
</faultstring><detail><sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}\
</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail>\
</soapenv:Fault>"""
_RESULT = """<loginResponse><result><metadataServerUrl>{origin}/services/Soap/m/{version}/{org}\
</metadataServerUrl><passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
<serverUrl>{origin}/services/Soap/u/{version}/{org}</serverUrl><sessionId>{session}</sessionId>\
<userId>{user}</userId><userInfo><organizationId>{org}</organizationId><sessionSecondsValid>\
{seconds}</sessionSecondsValid><userId>{user}</userId></userInfo></result></loginResponse>"""


async def log_in(state: State, call: Call, soap_version: str) -> Reply:
    """Answer ``POST /services/Soap/u/XX.X`` with a session id and the server's address."""
    if float(soap_version) > _LAST_VERSION:
        return _fault("UNSUPPORTED_API_VERSION", "SOAP API login() isn't available in this version")
    text = call.body.decode("utf-8", "replace")
    try:
        check_user(
            state.scenario.credentials,
            _find_element(text, "username"),
            _find_element(text, "password"),
        )
    except OAuthError:
        message = "Invalid username, password, security token; or user locked out."
        return _fault("INVALID_LOGIN", message)
    body = _RESULT.format(
        origin=escape(call.instance_url),
        version=soap_version,
        org=state.org.user.organization_id,
        user=state.org.user.id,
        session=state.sessions.open(),
        seconds=SESSION_SECONDS,
    )
    return _xml(HTTPStatus.OK, body)


def _find_element(text: str, name: str) -> str:
    """Return the text of the first element of that name, whatever its prefix.

    A pattern instead of an XML parser: parsers expand entities, and the text comes from outside.
    """
    match = re.search(rf"<(?:\w+:)?{name}>([^<]*)</", text)
    return unescape(match[1]) if match else ""


def _fault(code: str, message: str) -> Reply:
    body = _FAULT.format(code=code, message=escape(message))
    return _xml(HTTPStatus.INTERNAL_SERVER_ERROR, body)


def _xml(status: int, body: str) -> Reply:
    return Reply(status, _ENVELOPE.format(body=body).encode(), "text/xml;charset=UTF-8")
