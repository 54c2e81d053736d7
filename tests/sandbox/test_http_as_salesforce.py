"""Programs that know no host but Salesforce's, and reach the sandbox through its proxy."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from programs import run_program

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = "https://login.salesforce.com"
TOKEN = f"{LOGIN}/services/oauth2/token"
APP = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "secret"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """Run a sandbox as Salesforce, for the programs of this process."""
    with SandboxServer({"rows": {"Account": 25}}, as_salesforce=True) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_client_of_salesforce_reaches_the_sandbox(server: SandboxServer) -> None:
    granted = requests.post(TOKEN, data=APP, timeout=60).json()
    assert granted["instance_url"] == "https://sfbulk-sandbox.my.salesforce.com"
    assert granted["id"].startswith(f"{LOGIN}/id/00D")
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    path = "/services/data/v62.0/query?q=SELECT count() FROM Account"
    for host in (granted["instance_url"], "https://acme--uat.sandbox.my.salesforce.com"):
        reply = requests.get(f"{host}{path}", headers=headers, timeout=60).json()
        assert reply["totalSize"] > 20
    hosts = [call.host for call in server.calls]
    assert hosts[:2] == [LOGIN, granted["instance_url"]]


@pytest.mark.parametrize(
    "host", ["example.com", "salesforce.com.example.com", "notsalesforce.com", "127.0.0.1"]
)
def test_no_other_host_is_reached(server: SandboxServer, host: str) -> None:
    proxies = {"https": server.environment["HTTPS_PROXY"]}
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            session.get(f"https://{host}/", proxies=proxies, timeout=60)
        with pytest.raises(requests.exceptions.ProxyError, match="403"):
            session.get("https://login.salesforce.com:8443/", proxies=proxies, timeout=60)
        plain = session.get(
            "http://login.salesforce.com/", proxies={"http": proxies["https"]}, timeout=60
        )
    assert plain.status_code == 403
    assert "Salesforce's hosts alone" in plain.text
    assert server.calls == []


def test_its_certificates_are_trusted_by_nobody_else(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name)
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(TOKEN, data=APP, timeout=60)
    assert server.calls == []


def test_faults_reach_clients_through_the_proxy(server: SandboxServer) -> None:
    server.add_fault(place="token", kind="reset")
    server.add_fault(place="token", kind="status", status=503)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(TOKEN, data=APP, timeout=60)
    assert requests.post(TOKEN, data=APP, timeout=60).status_code == 503
    assert requests.post(TOKEN, data=APP, timeout=60).status_code == 200


def test_it_is_for_this_machine_alone() -> None:
    with pytest.raises(ValueError, match=r"listens on 127\.0\.0\.1 alone, not on 0\.0\.0\.0"):
        SandboxServer(host="0.0.0.0", as_salesforce=True)  # noqa: S104 - what is refused


def test_run_lets_the_tap_discover_under_salesforces_own_address(tmp_path: Path) -> None:
    sandbox = [sys.executable, "-m", "sfbulk_sandbox", "run", "--as-salesforce", "--"]
    tap = [sys.executable, "-m", "tap_sfbulk_pages", "--config=ENV", "--discover"]
    run = run_program([*sandbox, *tap], tmp_path, {"TAP_SFBULK_PAGES_OBJECTS": '["Account"]'})
    assert run.returncode == 0, run.stderr
    assert [stream["stream"] for stream in json.loads(run.stdout)["streams"]] == ["Account"]
