"""Programs that others wrote take the sandbox for Salesforce, told nothing but environment."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from foreign_installs import install_node, install_python
from programs import run_program

from sfbulk_sandbox import SandboxServer

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = {"rows": {"Account": 60, "Contact": 90}, "data_until": "2026-01-01T00:00:00Z"}
JSFORCE = """
const { Connection } = require("jsforce");
(async () => {
  const connection = new Connection({ instanceUrl: process.argv[2], accessToken: "any" });
  const accounts = connection.sobject("Account");
  const found = {};
  found.identity = (await connection.identity()).organization_id;
  const created = await accounts.create([{ Name: "one" }, { Name: "two" }]);
  found.created = created.map((each) => each.success);
  await accounts.update({ Id: created[0].id, Name: "uno" });
  found.updated = (await accounts.findOne({ Name: "uno" }, "Id")).Id === created[0].id;
  const invoice = { External_Id__c: "new", Status__c: "Draft" };
  const invoices = connection.sobject("Invoice__c");
  found.upserted = [];
  for (const _ of [1, 2]) {
    found.upserted.push((await invoices.upsert(invoice, "External_Id__c")).created);
  }
  found.deleted = (await accounts.destroy(created[1].id)).success;
  const load = { object: "Account", operation: "insert", pollInterval: 10, pollTimeout: 60000 };
  const loaded = await connection.bulk2.loadAndWaitForResults({
    ...load, input: [{ Name: "bulk", Phone: "1" }, { Name: "", Phone: "2" }],
  });
  found.loaded = [loaded.successfulResults.length, loaded.failedResults.length];
  const soql = "SELECT Id, Name FROM Account";
  found.rows = (await (await connection.bulk2.query(soql)).toArray()).length;
  found.counted = (await connection.query(soql)).totalSize;
  found.explained = (await connection.query(soql).explain()).plans.length;
  found.limits = Object.keys(await connection.limits()).length;
  found.fields = (await connection.describe("Account")).fields.length;
  console.log(JSON.stringify(found));
})();
"""
AIRFLOW = """
import json
from airflow.providers.salesforce.hooks.salesforce import SalesforceHook

hook = SalesforceHook("org")
found = hook.make_query("SELECT Id, Name FROM Account")
fields = hook.get_available_fields("Account")
print(json.dumps([found["totalSize"], len(found["records"]), fields]))
"""
CHECK = "CONNECTION_STATUS"
SELECTED = {"Account", "Contact"}
# The CLI's own undici wants a newer Node than it says.
SALESFORCE_CLI = {
    "dependencies": {"@salesforce/cli": "^2.146.0"},
    "overrides": {"undici": "^6.21.0"},
}


def test_jsforce_reads_writes_and_loads() -> None:
    folder = install_node("jsforce", {"dependencies": {"jsforce": "3"}})
    (folder / "client.js").write_text(JSFORCE)
    with SandboxServer(SCENARIO) as server:
        done = run_program(["node", "client.js", server.url], folder)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found.pop("identity") == server.org.user.organization_id
        assert found.pop("rows") == found.pop("counted") > 55
        assert found.pop("fields") > 40
        assert found == {
            "created": [True, True],
            "updated": True,
            "upserted": [True, False],
            "deleted": True,
            "loaded": [1, 1],
            "explained": 1,
            "limits": 45,
        }


def test_the_salesforce_cli_queries_exports_and_describes(tmp_path: Path) -> None:
    program = install_node("salesforce-cli", SALESFORCE_CLI) / "node_modules/.bin/sf"
    environment = {
        "HOME": str(tmp_path / "home"),
        "SF_ACCESS_TOKEN": "00D000000000000!secret",
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_DISABLE_TELEMETRY": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    }
    with SandboxServer(SCENARIO) as server:

        def sf(*arguments: str) -> str:
            done = run_program([str(program), *arguments], tmp_path, environment)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        login = ["org", "login", "access-token", "--instance-url", server.url, "--alias", "box"]
        sf(*login, "--no-prompt")
        soql = "SELECT Id, Name, Owner.Name FROM Account"
        rows = sf("data", "query", "-o", "box", "-r", "csv", "-q", soql).splitlines()
        assert "Id,Name,Owner.Name" in rows
        export = ["data", "export", "bulk", "-o", "box", "-q", soql, "--wait", "5"]
        sf(*export, "--output-file", "out.csv", "-r", "csv")
        exported = (tmp_path / "out.csv").read_text().splitlines()
        count = server.org.query(f"{soql} WHERE IsDeleted = false", include_deleted=True, bulk=True)
        assert len(exported) == len(count) + 1
        described = json.loads(sf("sobject", "describe", "-o", "box", "-s", "Account", "--json"))
        assert described["result"]["name"] == "Account"


def test_the_tap_of_singer_io_reads_as_from_salesforce(tmp_path: Path) -> None:
    folder = install_python("tap-salesforce", "tap-salesforce==2.8.1")
    config = {
        "client_id": "app",
        "client_secret": "secret",
        "refresh_token": "token",
        "start_date": "2020-01-01T00:00:00Z",
        "api_type": "REST",
        "select_fields_by_default": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with SandboxServer(SCENARIO, as_salesforce=True) as server:
        tap = [str(folder / "tap-salesforce"), "--config", "config.json"]
        discovered = run_program([*tap, "--discover"], tmp_path, server.environment)
        assert discovered.returncode == 0, discovered.stderr
        catalog = json.loads(discovered.stdout)
        assert len(catalog["streams"]) > 25
        (tmp_path / "catalog.json").write_text(json.dumps(select(catalog)))
        synced = run_program([*tap, "--properties", "catalog.json"], tmp_path, server.environment)
        assert synced.returncode == 0, synced.stderr
        messages = map(json.loads, synced.stdout.splitlines())
        counts = Counter(each["stream"] for each in messages if each["type"] == "RECORD")
        assert counts == {name: server.org.count(name) for name in SELECTED}
        assert {call.host for call in server.calls} == {
            "https://login.salesforce.com",
            "https://sfbulk-sandbox.my.salesforce.com",
        }


def select(catalog: dict[str, Any]) -> dict[str, Any]:
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"] and stream["stream"] in SELECTED:
                entry["metadata"]["selected"] = True
    return catalog


def test_airbytes_source_checks_discovers_and_reads(tmp_path: Path) -> None:
    folder = install_python("airbyte", "airbyte-source-salesforce>=2.10.3,<2.11")
    config = {
        "auth_type": "Client",
        "client_id": "app",
        "client_secret": "secret",
        "refresh_token": "token",
        "start_date": "2020-01-01T00:00:00Z",
        "streams_criteria": [{"criteria": "exacts", "value": name} for name in sorted(SELECTED)],
    }
    for name, use_bulk in (("rest.json", False), ("bulk.json", True)):
        (tmp_path / name).write_text(json.dumps({**config, "force_use_bulk_api": use_bulk}))
    with SandboxServer(SCENARIO, as_salesforce=True) as server:

        def call(*arguments: str) -> list[dict[str, Any]]:
            command = [str(folder / "source-salesforce"), *arguments]
            done = run_program(command, tmp_path, server.environment)
            assert done.returncode == 0, done.stdout + done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

        (status,) = (
            each for each in call("check", "--config", "bulk.json") if each["type"] == CHECK
        )
        assert status["connectionStatus"]["status"] == "SUCCEEDED", status
        (found,) = (
            each["catalog"]["streams"]
            for each in call("discover", "--config", "bulk.json")
            if each["type"] == "CATALOG"
        )
        asked = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
        streams = [{"stream": each, **asked} for each in found if each["name"] in SELECTED]
        (tmp_path / "catalog.json").write_text(json.dumps({"streams": streams}))
        for name in ("rest.json", "bulk.json"):
            messages = call("read", "--config", name, "--catalog", "catalog.json")
            counts = Counter(
                each["record"]["stream"] for each in messages if each["type"] == "RECORD"
            )
            assert counts == {name: server.org.count(name) for name in SELECTED}
        assert [call.place for call in server.calls].count("create") == len(SELECTED)


def test_airflows_hook_signs_in_and_queries(tmp_path: Path) -> None:
    folder = install_python("airflow", "apache-airflow-providers-salesforce>=5.10,<6")
    (tmp_path / "hook.py").write_text(AIRFLOW)
    connection = {
        "conn_type": "salesforce",
        "login": "me@example.com",
        "password": "password",
        "extra": {"security_token": "token", "domain": "login"},
    }
    with SandboxServer(SCENARIO, as_salesforce=True) as server:
        environment = {
            **server.environment,
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW_CONN_ORG": json.dumps(connection),
        }
        done = run_program([str(folder / "python"), "hook.py"], tmp_path, environment)
        assert done.returncode == 0, done.stderr
        total, rows, fields = json.loads(done.stdout.splitlines()[-1])
        alive = server.org.query("SELECT Id FROM Account", include_deleted=False, bulk=False)
        assert total == rows == len(alive)
        assert fields[0] == "Id"


def test_programs_are_run_by_the_command_too(tmp_path: Path) -> None:
    script = """
import json, os, urllib.request
request = urllib.request.Request("https://test.salesforce.com/services/oauth2/token", b"grant_type="
    b"password&client_id=mine&client_secret=mine&username=me&password=mine")
print(json.load(urllib.request.urlopen(request))["instance_url"])
"""
    command = [sys.executable, "-m", "sfbulk_sandbox", "run", "--as-salesforce", "--"]
    done = run_program([*command, sys.executable, "-c", script], tmp_path)
    assert done.stdout == "https://sfbulk-sandbox.my.salesforce.com\n", done.stderr
