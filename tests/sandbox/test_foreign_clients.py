"""Clients that others wrote read the sandbox, told little more than its address."""

from __future__ import annotations

import asyncio
import csv
import importlib
import io
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from foreign_installs import install_node
from programs import run_program
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.login import SalesforceLogin

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SOQL = "SELECT Id, Name, Owner.Name FROM Account"
SCENARIO = {
    "rows": {"Account": 2300},
    "page_rows": 100,
    "polls_until_complete": 3,
    "credentials": {
        "client_id": "app",
        "client_secret": "secret",
        "username": "ann@example.com",
        "password": "pass",
        "security_token": "word",
        "access_token": "ready",
    },
}
NODE_CLIENT = """
const { BulkAPI2 } = require("node-sf-bulk2");
const [instanceUrl, query] = process.argv.slice(2);
(async () => {
  const client = new BulkAPI2({ instanceUrl, accessToken: "ready", apiVersion: "62.0" });
  const job = await client.submitBulkQueryJob({ operation: "query", query });
  let info;
  do { info = await client.getBulkQueryJobInfo(job.id); } while (info.state !== "JobComplete");
  const listed = await client.getBulkQueryResultPages(job.id);
  const pages = [];
  for (const chunk of listed.resultChunks) {
    const reply = await client.getResultPage(chunk.resultLink);
    pages.push({ text: reply.data, rows: reply.headers["sforce-numberofrecords"] });
  }
  const walked = [];
  let locator;
  do {
    const reply = await client.getBulkQueryResults(job.id, locator, 1000);
    walked.push(reply.data);
    locator = reply.headers["sforce-locator"];
  } while (locator !== "null");
  const jobs = await client.getAllBulkQueryJobInfo({ jobType: "V2Query" });
  await client.deleteBulkQueryJob(job.id);
  console.log(JSON.stringify({ info, listed, pages, walked, jobs: jobs.records.length }));
})();
"""


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SCENARIO) as server:
        yield server


@pytest.fixture(scope="module")
def tls_server() -> Iterator[SandboxServer]:
    with SandboxServer(SCENARIO, tls=True) as server:
        yield server


@pytest.fixture
def session(tls_server: SandboxServer) -> Iterator[requests.Session]:
    """A session that trusts the sandbox's certificate, whatever the environment says."""
    with requests.Session() as session:
        session.verify = str(tls_server.ca_file)
        session.trust_env = False
        yield session


@pytest.fixture
def salesforce(tls_server: SandboxServer, session: requests.Session) -> Any:
    """simple-salesforce, which speaks https only; its types do not tell sObjects from methods."""
    return Salesforce(instance_url=tls_server.url, session_id="ready", session=session)


def expected_rows(server: SandboxServer, soql: str = SOQL) -> list[dict[str, str]]:
    """Return the rows straight from the org, null as an empty text."""
    result = server.org.query(soql, include_deleted=False, bulk=True)
    return rows_of(result.csv(0, len(result)).decode())


def rows_of(*pages: str) -> list[dict[str, str]]:
    return [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]


def test_simple_salesforce_bulk2_query(salesforce: Any, tls_server: SandboxServer) -> None:
    pages = list(salesforce.bulk2.Account.query(SOQL, max_records=700, wait=0))
    expected = expected_rows(tls_server)
    assert len(expected) > 2000
    assert len(pages) == (len(expected) + 699) // 700
    assert rows_of(*pages) == expected


def test_simple_salesforce_bulk2_query_all(salesforce: Any, tls_server: SandboxServer) -> None:
    pages = list(salesforce.bulk2.Account.query_all(SOQL, wait=0))
    assert len(rows_of(*pages)) == tls_server.org.count("Account") > len(expected_rows(tls_server))


def test_simple_salesforce_bulk2_download(
    salesforce: Any, tls_server: SandboxServer, tmp_path: Path
) -> None:
    files = salesforce.bulk2.Account.download(SOQL, path=str(tmp_path), max_records=1000, wait=0)
    texts = [Path(each["file"]).read_bytes().decode() for each in files]
    assert rows_of(*texts) == expected_rows(tls_server)


def test_simple_salesforce_hears_why_a_query_is_refused(salesforce: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Nothing'"):
        list(salesforce.bulk2.Account.query("SELECT Nothing FROM Account", wait=0))


def test_simple_salesforce_rest_query(salesforce: Any, tls_server: SandboxServer) -> None:
    reply = salesforce.query_all(SOQL)
    expected = expected_rows(tls_server)
    assert reply["totalSize"] == len(reply["records"]) == len(expected)
    for record, row in zip(reply["records"], expected, strict=True):
        assert record["Id"] == row["Id"]
        assert record["Name"] == row["Name"]
        assert (record["Owner"] or {}).get("Name", "") == row["Owner.Name"]
    everything = salesforce.query_all(SOQL, include_deleted=True)["totalSize"]
    assert everything == tls_server.org.count("Account")


def test_simple_salesforce_writes_records(salesforce: Any) -> None:
    made = salesforce.Account.create({"Name": "simple", "AnnualRevenue": 1.5})
    record_id = made["id"]
    assert salesforce.Account.get(record_id)["AnnualRevenue"] == 1.5
    assert salesforce.Account.update(record_id, {"Name": "changed"}) == 204
    assert salesforce.Invoice__c.upsert("External_Id__c/simple", {"Status__c": "Paid"}) == 201
    invoice = salesforce.Invoice__c.get_by_custom_id("External_Id__c", "simple")
    assert invoice["Status__c"] == "Paid"
    day = timedelta(days=1)
    now = datetime.now(timezone.utc).replace(microsecond=0)
    assert record_id in salesforce.Account.updated(now - day, now + day)["ids"]
    assert salesforce.Account.delete(record_id) == 204
    deleted = salesforce.Account.deleted(now - day, now + day)["deletedRecords"]
    assert record_id in {record["id"] for record in deleted}
    with pytest.raises(SalesforceResourceNotFound, match="ENTITY_IS_DELETED"):
        salesforce.Account.get(record_id)


def test_simple_salesforce_bulk2_insert(salesforce: Any) -> None:
    records = [{"Name": f"bulk {number}"} for number in range(20)]
    (job,) = salesforce.bulk2.Account.insert(records=records)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (20, 0)
    found = salesforce.query("SELECT count() FROM Account WHERE Name LIKE 'bulk %'")
    assert found["totalSize"] == 20


def test_simple_salesforce_describe_and_limits(salesforce: Any) -> None:
    names = {sobject["name"] for sobject in salesforce.describe()["sobjects"]}
    assert {"Account", "Contact"} <= names
    fields = {field["name"] for field in salesforce.Account.describe()["fields"]}
    assert {"Id", "Name", "SystemModstamp"} <= fields
    assert salesforce.limits()["DailyApiRequests"]["Max"] == 100_000
    assert salesforce.api_usage["api-usage"].total == 100_000


def test_simple_salesforce_login(tls_server: SandboxServer, session: requests.Session) -> None:
    def log_in(security_token: str) -> tuple[str, str]:
        return SalesforceLogin(
            username="ann@example.com",
            password="pass",
            security_token=security_token,
            scratch_url=tls_server.url,
            session=session,
        )

    session_id, instance = log_in("word")
    assert f"https://{instance}" == tls_server.url
    client = Salesforce(instance=instance, session_id=session_id, session=session)
    assert client.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        log_in("wrong")


@pytest.fixture
def aio_sf() -> Any:
    """The package aio_sf, with its module for bulk queries."""
    if sys.version_info < (3, 11):
        pytest.skip("aio-sf needs Python 3.11")
    importlib.import_module("aio_sf.exporter")
    return importlib.import_module("aio_sf")


def test_aio_sf_bulk_query(server: SandboxServer, aio_sf: Any) -> None:
    async def read() -> list[dict[str, Any]]:
        auth = aio_sf.ClientCredentialsAuth(server.url, "app", "secret")
        async with aio_sf.SalesforceClient(auth_strategy=auth) as client:
            result = await aio_sf.exporter.bulk_query(client, SOQL, batch_size=700, poll_interval=0)
            rows = [row async for row in result]
            assert len(result) == len(rows)
            return rows

    # This client drops the spaces before a value.
    stripped = [
        {name: value.lstrip(" ") for name, value in row.items()} for row in expected_rows(server)
    ]
    assert asyncio.run(read()) == stripped


def test_aio_sf_rest_query_and_describe(server: SandboxServer, aio_sf: Any) -> None:
    async def read() -> tuple[list[Any], Any, Any]:
        auth = aio_sf.StaticTokenAuth(server.url, "ready")
        async with aio_sf.SalesforceClient(auth_strategy=auth) as client:
            result = await client.query.soql(SOQL)
            rows = [row async for row in result]
            assert len(result) == len(rows)
            account = await client.describe.sobject("Account")
            return rows, account, await client.describe.list_sobjects()

    rows, account, sobjects = asyncio.run(read())
    assert [row["Id"] for row in rows] == [row["Id"] for row in expected_rows(server)]
    assert {"Id", "Name"} <= {field["name"] for field in account["fields"]}
    assert "Contact" in {sobject["name"] for sobject in sobjects}


@pytest.fixture
def node_client() -> Path:
    """A folder with node-sf-bulk2 and a script that reads a query through its result pages."""
    folder = install_node("node-sf-bulk2", {"dependencies": {"node-sf-bulk2": "1.0.1"}})
    (folder / "client.js").write_text(NODE_CLIENT)
    return folder


def test_node_sf_bulk2_lists_result_pages(server: SandboxServer, node_client: Path) -> None:
    soql = f"{SOQL} LIMIT 450"
    done = run_program(["node", "client.js", server.url, soql], node_client)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = expected_rows(server, soql)
    assert found["info"]["numberRecordsProcessed"] == len(expected) == 450
    assert found["listed"]["done"] is True
    assert found["listed"]["nextRecordsUrl"] is None
    assert [int(page["rows"]) for page in found["pages"]] == [100, 100, 100, 100, 50]
    assert rows_of(*(page["text"] for page in found["pages"])) == expected
    assert rows_of(*found["walked"]) == expected
    assert found["jobs"] >= 1
