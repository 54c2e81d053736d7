"""A bare HTTP client that knows nothing about Salesforce but its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import requests

    from sfbulk_sandbox import SandboxServer

SMALL = {
    "rows": {"Account": 25, "Contact": 40, "Opportunity": 10, "Case": 10, "Task": 10},
    "page_rows": 2,
}
ACCOUNTS = "SELECT Id, Name FROM Account"


class Client:
    """Calls one sandbox with one session.

    Args:
        server: A running sandbox.
        session: Used for all calls.
        version: API version of all paths that are not absolute.
    """

    def __init__(
        self, server: SandboxServer, session: requests.Session, version: str = "62.0"
    ) -> None:
        self.server = server
        self.session = session
        self.version = version
        session.headers["Authorization"] = "Bearer any"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call a full URL, a path from `/services` on, or what follows the version."""
        if path.startswith(("/services", "/_sandbox")):
            path = self.server.url + path
        elif not path.startswith("http"):
            path = f"{self.server.url}/services/data/v{self.version}{path}"
        return self.session.request(method, path, timeout=60, allow_redirects=False, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.call("POST", path, **options)

    def create_job(self, soql: str = ACCOUNTS, **fields: str) -> str:
        """Create a query job; return its path."""
        body = {"operation": "query", "query": soql, **fields}
        reply = self.post("/jobs/query", json=body)
        assert reply.status_code == 200, reply.text
        return f"/jobs/query/{reply.json()['id']}"

    def finished_job(self, soql: str = ACCOUNTS, **fields: str) -> str:
        """Create a query job and wait for its end; return its path."""
        path = self.create_job(soql, **fields)
        while self.get(path).json()["state"] != "JobComplete":
            pass
        return path


class StartClient(Protocol):
    """Starts a sandbox with small data and the given keys of a scenario; returns its client."""

    def __call__(self, **scenario: Any) -> Client: ...
