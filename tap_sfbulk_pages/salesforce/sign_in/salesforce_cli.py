"""The session of an org that the installed Salesforce CLI is logged in to.

`sf org display` prints the org's address and, in versions until May 2026, the access token; newer
ones redact it and print it in `sf org auth show-access-token` only (salesforcecli/plugin-org). Both
refresh the token first. With `--json` an error is an object with `name` and `message`, and the exit
code is 1.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import SettingsError, SignInError
from tap_sfbulk_pages.salesforce.addresses import HostAddress
from tap_sfbulk_pages.salesforce.org_id import parse_org_id
from tap_sfbulk_pages.salesforce.sign_in.session import Session
from tap_sfbulk_pages.watching import activity

if TYPE_CHECKING:
    from tap_sfbulk_pages.salesforce.transport import Transport

COMMAND = "sf"
# It starts in seconds; refreshing a token takes a call to Salesforce.
LONGEST_ANSWER_SECONDS = 120.0

_REDACTED = "[REDACTED]"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SalesforceCli:
    """An org that the CLI is logged in to.

    Attributes:
        org: Alias or user name, as `sf org list` shows them.
    """

    org: str

    @property
    def title(self) -> str:
        """What people call it."""
        return f"Salesforce CLI, org {self.org}"

    def connect(self, transport: Transport, *, max_tries: int) -> CliSessions:  # noqa: ARG002
        """Return the sessions of a run, without asking the CLI yet (see `session.SignIn`)."""
        return CliSessions(self.org)


class CliSessions:
    """Sessions from the CLI; one call of it serves all threads (see `session.Sessions`).

    Args:
        org: Alias or user name.
    """

    def __init__(self, org: str) -> None:
        self._org = org
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._failure = ""

    def session(self) -> Session:
        """Return the session, asking the CLI at the first call.

        Raises:
            SignInError: If the CLI has none, or only one that has ended.
        """
        with self._lock:
            self._check()
            if self._session is None:
                self._session = self._ask()
            return self._session

    def renew(self, dead: Session, reason: str) -> None:
        """Ask the CLI again, unless another thread has done so since `dead` was in use.

        Raises:
            SignInError: If the CLI returns the dead token again; no thread asks once more then.
        """
        with self._lock:
            self._check()
            if self._session is not dead:
                return
            logger.info("The session has ended; asking the Salesforce CLI again. %s", reason)
            fresh = self._ask()
            if fresh.access_token == dead.access_token:
                self._failure = (
                    f"Salesforce refuses the session of {self._org}, and the Salesforce CLI has "
                    f"no other. {reason} {self._advice}"
                )
            self._check()
            self._session = fresh
            if stream := activity.current():
                stream.note("The session had ended; the Salesforce CLI provided another.")

    def _check(self) -> None:
        if self._failure:
            raise SignInError(self._failure)

    def _ask(self) -> Session:
        shown = self._answer("org", "display")
        token = shown.get("accessToken")
        if not isinstance(token, str) or token.startswith(_REDACTED):
            token = self._answer("org", "auth", "show-access-token").get("accessToken")
        if not isinstance(token, str) or not token:
            raise SignInError(f"The Salesforce CLI returned no access token. {self._advice}")
        try:
            address = HostAddress.parse(str(shown.get("instanceUrl")), setting="its instanceUrl")
        except SettingsError as error:
            raise SignInError(f"The Salesforce CLI returned no usable address: {error}.") from error
        return Session(token, address, parse_org_id(shown.get("id")))

    def _answer(self, *words: str) -> dict[str, Any]:
        """Run a command of the CLI and return its `result`.

        Only the name and the message of an error are repeated: the rest of the output may contain
        the token.

        Raises:
            SignInError: If it cannot be run, or reports an error.
        """
        program = shutil.which(COMMAND)
        if program is None:
            raise SignInError(
                f"sf_cli_org needs the Salesforce CLI, and there is no command {COMMAND} on the "
                "PATH. Install it, or set another way to sign in."
            )
        called = f"{COMMAND} {' '.join(words)}"
        try:
            run = subprocess.run(  # noqa: S603 - the user's own CLI, and no shell
                [program, *words, "--target-org", self._org, "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=LONGEST_ANSWER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            # Not `from` the error, which contains the output.
            raise SignInError(
                f"{called} did not finish within {LONGEST_ANSWER_SECONDS:.0f} s."
            ) from None
        except OSError as error:
            raise SignInError(f"{called} cannot be run: {error}") from error
        answer = _parse_object(run.stdout) or _parse_object(run.stderr)
        result = answer.get("result")
        if run.returncode == 0 and isinstance(result, dict):
            return result
        said = f"{answer.get('name', '')}: {answer.get('message', '')}".strip(": ")
        raise SignInError(
            f"{called} failed with exit code {run.returncode}. {said or 'It gave no reason.'} "
            f"{self._advice}"
        )

    @property
    def _advice(self) -> str:
        return (
            f"Check it with `{COMMAND} org list`, and log in again with "
            f"`{COMMAND} org login web --alias {self._org}`."
        )


def _parse_object(output: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(output)
    except (RecursionError, ValueError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
