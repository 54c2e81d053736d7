"""What can go wrong between the tap and Salesforce, as types.

Every message is for the person who reads it at night: what happened, what Salesforce said and
what to do. The stream and the job are added where they are known. No message carries a token, a
password or the body of a request, and each is one line without control characters (`quoting`).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.quoting import quote

if TYPE_CHECKING:
    from collections.abc import Iterator


_RESOURCE_STATUSES = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
_LONGEST_MESSAGE = 20_000
REQUEST_LIMIT = "REQUEST_LIMIT_EXCEEDED"
# With status 403 for API calls, with 400 for query jobs and their volume.
DAILY_LIMITS = frozenset({REQUEST_LIMIT, "LIMIT_EXCEEDED"})
_CODES_OF_USER_OR_ORG = DAILY_LIMITS.union(
    {
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INVALID_SESSION_ID",
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
    }
)
# Code and words, in lower case, of refusals that concern only the Bulk API: "Entity 'X' is not
# supported by the Bulk API.", "Cannot serialize value for 'X' in CSV format" (live clients). Codes
# are compared without separators, since the guide spells them `InvalidEntity`.
_NOT_IN_BULK = (("invalidentity", "bulk api"), ("featurenotenabled", "in csv format"))
# MALFORMED_QUERY and EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION, as live clients met them.
_NEEDS_FILTER = (
    "implementation restriction",
    "filter on a reified column",
    "where clauses should contain",
)


def end_sentence(text: str) -> str:
    """End a text of another party as a sentence, so that what follows it stands apart."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


class ExtractionError(Exception):
    """Something that ends a stream, or the run, with a message for its user.

    Args:
        message: One line. What another party sent may be a part of it (see `quoting`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(quote(message, limit=_LONGEST_MESSAGE))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the constructor, whose arguments differ: workers send errors back."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[ExtractionError], arguments: tuple[Any, ...]) -> ExtractionError:
    return kind.__new__(kind, *arguments)


class SettingsError(ExtractionError):
    """Settings that cannot work, together or alone."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = tuple(map(quote, errors))

    def describe(self) -> str:
        """Return every error on a line of its own, as commands print them."""
        return "\n  ".join(["Wrong settings:", *self.errors])


@contextmanager
def collect_errors(errors: list[str], about: str = "") -> Iterator[None]:
    """Append the errors of a `SettingsError` to a list and go on.

    Args:
        errors: The list.
        about: Put before each error, such as `filters: Account: `.
    """
    try:
        yield
    except SettingsError as error:
        errors += [f"{about}{each}" for each in error.errors]


class SignInError(ExtractionError):
    """Salesforce issued no session, or ended one and issues no other."""


class ForbiddenValueError(ExtractionError):
    """A value in a record that contradicts the stream's key or its announced schema."""


class UntrustedLinkError(ExtractionError):
    """A link to another host than the org's own; the token must not go there."""


class UnreachableError(ExtractionError):
    """A server that cannot be reached as this machine is set up: certificates, proxies."""


class UnavailableError(ExtractionError):
    """A request that may succeed when it is sent again.

    Attributes:
        retry_after: How many seconds Salesforce asks to wait; None if it does not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusedError(ExtractionError):
    """An error reply that the same request would get again.

    Attributes:
        status: The HTTP status.
        error_code: Salesforce's `errorCode`; empty if the body has none.
        said: Salesforce's own message.
    """

    def __init__(self, message: str, *, status: int, error_code: str, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = quote(error_code)
        self.said = quote(said)

    @property
    def is_missing(self) -> bool:
        """Whether the resource does not exist, or no longer."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_about_the_resource(self) -> bool:
        """Whether it is about the one resource, not about the user or the org."""
        return self.status in _RESOURCE_STATUSES and self.error_code not in _CODES_OF_USER_OR_ORG

    @property
    def is_about_the_bulk_api(self) -> bool:
        """Whether another API of Salesforce may read what the Bulk API refuses."""
        code, said = self.error_code.lower().replace("_", ""), self.said.lower()
        return any(code == known and words in said for known, words in _NOT_IN_BULK)

    @property
    def asks_for_a_filter(self) -> bool:
        """Whether the object can be read only with a certain kind of condition."""
        return any(words in self.said.lower() for words in _NEEDS_FILTER)

    def with_advice(self, advice: str) -> RefusedError:
        """Return the same error followed by what to do about it."""
        return RefusedError(
            f"{end_sentence(str(self))} {advice}",
            status=self.status,
            error_code=self.error_code,
            said=self.said,
        )


class AllowanceError(ExtractionError):
    """A daily allowance of the org that is used up, or that the settings leave to others."""


class ResultPageError(ExtractionError):
    """A result page whose CSV cannot be read as the records of its query."""


class UnfitNumberError(ResultPageError):
    """A number that the decimal type of its field cannot hold.

    Attributes:
        field: Its name.
    """

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class ListingError(ExtractionError):
    """A list of result pages of an unknown form, or whose links form a circle."""


class QueryJobError(ExtractionError):
    """A query job that ended without its result."""


class QueryJobTooLongError(QueryJobError):
    """A query job that did not finish within the time, or the attempts, that it had."""


class QueryJobGoneError(QueryJobError):
    """A query job that no longer exists: deleted, or older than seven days."""


class ResultPagesNotOfferedError(ExtractionError):
    """An org that does not list the result pages of a job."""


class RecordCountError(ExtractionError):
    """A job whose pages do not add up to the number of records that Salesforce reports."""


class TemporaryFileError(ExtractionError):
    """A folder for temporary files that is full, or that cannot be written."""


@contextmanager
def explain_temporary_files() -> Iterator[None]:
    """Say which folder it is that takes no temporary file, and what to do.

    Raises:
        TemporaryFileError: For an `OSError` inside.
    """
    try:
        yield
    except OSError as error:
        # Without a usable folder, Python's own error lists those that it has tried.
        folder = tempfile.tempdir or os.environ.get("TMPDIR", "")
        raise TemporaryFileError(
            f"The folder for temporary files {folder} cannot be written: {error.strerror}. Free "
            "space in it, set TMPDIR to another folder, or raise max_page_memory_mb, so that "
            "fewer result pages wait on disk."
        ) from error


class StateError(ExtractionError):
    """A saved state that is broken, or that this tap cannot have written."""


class CatalogError(ExtractionError):
    """A catalog that contradicts itself or the org."""


class IncompleteRunError(ExtractionError):
    """A run that has not read every stream to its end.

    Args:
        lines: What has been read and what has not; the first says it in one sentence.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__(lines[0])
        self._lines = tuple(quote(line, limit=_LONGEST_MESSAGE) for line in lines)

    def __str__(self) -> str:
        return "\n  ".join(self._lines)


class LoadError(ExtractionError):
    """A database that cannot be reached, or cannot take the records."""
