"""A session of the org, where a run gets one, and the simplest way: a token that is ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.quoting import keep_secret
from tap_sfbulk_pages.salesforce.org_id import find_in_token

if TYPE_CHECKING:
    from tap_sfbulk_pages.salesforce.addresses import HostAddress
    from tap_sfbulk_pages.salesforce.transport import Transport


def is_sendable(token: str) -> bool:
    """Return whether a token consists of characters that a header may contain."""
    return all("!" <= character <= "~" for character in token)


@dataclass(frozen=True)
class Session:
    """A session of the org.

    Attributes:
        access_token: The bearer token.
        address: The one host that it may be sent to.
        org_id: The org that it is of, with 18 characters; None if the sign-in does not tell.

    Raises:
        SignInError: If the token cannot be sent in a header. HTTP libraries quote what they refuse,
            so it must not get there.
    """

    access_token: str = field(repr=False)
    address: HostAddress
    org_id: str | None = None

    def __post_init__(self) -> None:
        """Check the token, and keep it out of all messages."""
        keep_secret(self.access_token)
        if not is_sendable(self.access_token):
            raise SignInError(
                "The access token that was issued contains a line end, a space or another "
                "character that cannot be sent."
            )


class Sessions(Protocol):
    """The sessions of one run; one sign-in serves all threads."""

    def session(self) -> Session:
        """Return the current session, signing in at the first call.

        Raises:
            SignInError: If there is none.
        """

    def renew(self, dead: Session, reason: str) -> None:
        """Replace a session that Salesforce has refused, unless another thread has done so.

        Raises:
            SignInError: If there is no other.
        """


class SignIn(Protocol):
    """The way to sign in that the settings choose."""

    @property
    def title(self) -> str:
        """What people call it."""

    def connect(self, transport: Transport, *, max_tries: int) -> Sessions:
        """Return the sessions of a run, without a request yet.

        Args:
            transport: The connections.
            max_tries: How often a sign-in that fails for the moment is tried.
        """


@dataclass(frozen=True)
class ReadyToken:
    """An access token from the settings, which cannot be renewed.

    Attributes:
        access_token: The bearer token.
        instance: Host of the org.
    """

    title: ClassVar[str] = "ready token"
    access_token: str = field(repr=False)
    instance: HostAddress

    def connect(self, transport: Transport, *, max_tries: int) -> Sessions:  # noqa: ARG002
        """Return the one session that there is (see `SignIn`)."""
        org_id = find_in_token(self.access_token)
        return _ReadySession(Session(self.access_token, self.instance, org_id))


class _ReadySession:
    def __init__(self, session: Session) -> None:
        self._session = session

    def session(self) -> Session:
        return self._session

    def renew(self, dead: Session, reason: str) -> None:  # noqa: ARG002 - there is only one
        raise SignInError(
            f"The access_token is not valid, or no longer: {reason} Set a new one, or a sign-in "
            "flow that can renew it."
        )
