"""No output of any command holds a secret, or a character that acts, whatever a server repeats.

Outputs: stdout (messages, states, catalogs, plans), stderr at the noisiest level as text and as
JSON, the table of the progress on a terminal, the report, spans, the state in a database, and the
traceback of a crash. What repeats secrets is the org, a proxy, or the Salesforce CLI.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
import pytest
from command_process import request_run
from echo_org import ERRORS, ISSUED, OBJECTS, OSC, ROTATED, EchoOrg, forms_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from command_process import CommandServer

# A run of characters as long as this is no accident.
_WINDOW = 12
_PREFIX = 16
OWN = 0o600
# How a table moves the cursor and turns colours on.
_OF_TABLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
CLI = """#!{python}
import pathlib, sys
answers = sorted(pathlib.Path(__file__).parent.glob("answer-*"))
sys.stdout.write(answers[0].read_text())
if len(answers) == 1:
    sys.exit(1)
answers[0].unlink()
"""
SECRETS = {
    "access_token": "00D5g000008Kf2Z!AQ.ready_token/of+the=org$with*odd.characters",
    "client_secret": "S3CRET&of the app+1-Zq8Wn2Lx7Vb4Jk",
    "refresh_token": "5Aep861_refresh.of-ada==Rt5Yh8Qm3Zc",
    "password": 'pass "word" <of> ada/%41+\u00fc\u20ac\U0001f600',
    "security_token": "s3cur1tyt0k3nOfAdaXw9Tz",
    "private_key_passphrase": "open-the-key-of-ada-77Gh",
}
DATABASE_PASSWORD = "d4tabase#pass@word-Ue72Hs9"
PROXY_PASSWORD = "pr0xy-pass/word-Kd83Jw5"
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "run": ("tap", ()),
    "discover": ("tap", ("--discover",)),
    "test": ("tap", ("--test",)),
    "plan": ("sfbulk-plan", ()),
    "plan as JSON": ("sfbulk-plan", ("--format", "json")),
    "load": ("sfbulk-load", ("--into", "duckdb:///warehouse.duckdb")),
    "evidence": ("sfbulk-evidence", ("--output", "evidence.json", "--yes")),
    "load at another address": ("sfbulk-load", ()),
    "workers": ("workers", ()),
}
PLACES = {
    "run": ("/token", "/sobjects", "/composite", "/limits"),
    "discover": ("/token", "/sobjects", "/composite"),
    "test": ("/token", "/userinfo", "/v62.0/", "/jobs/query", "/limits", "/sobjects"),
    "plan": ("/token", "/sobjects", "/composite", "/limits", "/recordCount"),
    "plan as JSON": ("/sobjects",),
    "load": ("/token", "/sobjects", "/composite"),
    "evidence": ("/token", "/services/data/", "/limits", "/sobjects"),
    "workers": ("/token", "/composite"),
}


def flows(key_pair: tuple[str, str], folder: Path) -> list[dict[str, str]]:
    """Return the settings of each way to sign in."""
    key = folder / "key.pem"
    key.write_text(key_pair[0])
    app = {"client_id": "3MVG9app", "client_secret": SECRETS["client_secret"]}
    user = {"username": "ada@example.com"}
    passwords = {name: SECRETS[name] for name in ("password", "security_token")}
    return [
        {"access_token": SECRETS["access_token"]},
        app,
        {**app, "refresh_token": SECRETS["refresh_token"]},
        {**app, **user, **passwords},
        {"client_id": "3MVG9app", **user, "private_key": key_pair[0]},
        {"client_id": "3MVG9app", **user, "private_key_path": str(key)},
    ]


class Runs:
    """Runs of one command that are made together.

    Args:
        folder: For their files.
        command: One of `COMMANDS`.
    """

    def __init__(self, folder: Path, command: str) -> None:
        self._folder = folder
        self._command = command
        self._requests: list[dict[str, Any]] = []
        self._secrets: list[list[str]] = []
        self._orgs: list[EchoOrg | None] = []
        self._stack = ExitStack()

    def add(
        self,
        config: Mapping[str, Any],
        *arguments: str,
        secrets: Iterator[str] | list[str],
        org: EchoOrg | None = None,
        environment: Mapping[str, str] | None = None,
        crash: str = "",
        terminal: bool = False,
    ) -> None:
        """Add a run; `secrets` are those that it must not show."""
        command, given = COMMANDS[self._command]
        folder = self._folder / str(len(self._requests))
        folder.mkdir()
        (folder / "kept").mkdir()
        settings = {
            "instance_url": org.url if org else "http://127.0.0.1:9",
            "max_retries": 1,
            "quota_percent_per_run": 100,
            "api_version": "62.0",
            "state_folder": str(folder / "kept"),
            **({"report_path": str(folder / "report.html")} if command == "tap" else {}),
            **config,
        }
        if "sf_cli_org" in config:
            del settings["instance_url"]
        # Above a table, each line costs as much as the table.
        level = "INFO" if terminal else "DEBUG"
        variables = {"LOGLEVEL": level, "TAP_SFBULK_PAGES_LOGLEVEL": level}
        # So wide that no line is broken, and with it a secret.
        variables |= {"COLUMNS": "100000"} if terminal else {}
        if len(self._requests) % 2:
            variables["SINGER_SDK_LOG_CONFIG"] = str(log_config(self._folder))
        if command == "workers":
            variables["OBJECTS"] = ",".join([*OBJECTS, "Thing"])
            variables |= {
                f"TAP_SFBULK_PAGES_{name.upper()}": str(value) for name, value in settings.items()
            }
        else:
            path = folder / "kept" / "config.json"
            path.write_text(json.dumps(settings))
            given = (*given, "--config", str(path))
        variables |= environment or {}
        self._requests.append(
            request_run(
                folder,
                command,
                *given,
                *arguments,
                environment=variables,
                crash=crash,
                terminal=terminal,
            )
        )
        self._secrets.append([*secrets, ISSUED, ROTATED])
        self._orgs.append(org)

    def start(self, secrets: Mapping[str, str], place: str | None, error: str) -> EchoOrg:
        """Start an org for a run."""
        return self._stack.enter_context(EchoOrg(secrets, place, error))

    def leaks(self, commands: CommandServer) -> list[str]:
        """Make all runs and return what they have let out."""
        with self._stack:
            commands.run_all(self._requests)
        return [leak for number in range(len(self._requests)) for leak in self._leaks_of(number)]

    def _leaks_of(self, number: int) -> Iterator[str]:
        folder, org = Path(self._requests[number]["folder"]), self._orgs[number]
        secrets = [*self._secrets[number], *(org.assertions if org else ())]
        told = dict(outputs(folder))
        if self._requests[number]["terminal"]:
            assert "\x1b[?25l" in told["terminal"], "no table was drawn"
            told["terminal"] = _OF_TABLES.sub("", told["terminal"])
        else:
            assert told["stderr"] + told["stdout"], f"run {number} has printed nothing"
        # Values are passed on to the letter.
        messages = told["stdout"].splitlines(keepends=True)
        told["stdout"] = "".join(each for each in messages if '"RECORD"' not in each[:30])
        for name, text in told.items():
            for found in (*shown_parts(text, secrets), *acting_characters(name, text)):
                yield f"run {number} ({self._requests[number]['arguments']}), {name}: {found}"


def log_config(folder: Path) -> Path:
    """Write what lets the SDK log JSON."""
    path = folder / "logging.json"
    handler = {"class": "logging.StreamHandler", "formatter": "structured"}
    formatter = {"()": "singer_sdk.logging.StructuredFormatter"}
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"structured": formatter},
                "handlers": {"stderr": handler},
                "root": {"level": "DEBUG", "handlers": ["stderr"]},
            }
        )
    )
    return path


def outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield all that a run has left, but for the files that are to keep secrets."""
    for path in [folder / "report.html", *folder.glob("kept/refresh-tokens/*")]:
        assert not path.exists() or stat.S_IMODE(path.stat().st_mode) == OWN, path
    for path in folder.iterdir():
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as database:
                yield "_sfbulk_state", str(database.table("_sfbulk_state").fetchall())
        elif path.is_file():
            yield path.name, path.read_text()


def put_cli(folder: Path, *answers: Any) -> dict[str, str]:
    """Put a Salesforce CLI into a folder, whose last answer is an error; return how it is found."""
    folder.mkdir()
    program = folder / "sf"
    program.write_text(CLI.replace("{python}", sys.executable))
    program.chmod(0o755)
    for number, answer in enumerate(answers):
        (folder / f"answer-{number}").write_text(json.dumps(answer))
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def add_runs_with_cli(runs: Runs, folder: Path, place: str) -> None:
    """Add runs whose CLI repeats a token that it has given, and one that nobody has seen.

    Args:
        runs: They are added to it.
        folder: For the programs.
        place: Where the org refuses the token, so that the CLI is asked again.
    """
    token = SECRETS["access_token"]
    org = runs.start({"access_token": token}, place, "asks")
    shown = {"accessToken": token, "instanceUrl": org.url, "id": "00D5g000008Kf2ZEAS"}
    failed = {"name": OSC + token, "message": OSC + " ".join(forms_of(token))}
    answers: dict[str, list[dict[str, Any]]] = {
        "given": [{"result": shown}, failed],
        "unseen": [{"name": OSC, "message": f"{OSC}{ISSUED}"}],
    }
    for name, each in answers.items():
        environment = put_cli(folder / name, *each)
        runs.add({"sf_cli_org": "ada"}, secrets=[token], org=org, environment=environment)


def windows(text: str) -> Iterator[str]:
    return (text[at : at + _WINDOW] for at in range(len(text) - _WINDOW + 1))


def shown_parts(text: str, secrets: list[str]) -> Iterator[str]:
    """Yield the parts of secrets, in any form, that stand in a text."""
    parts = {
        window: secret
        for secret in secrets
        # The beginning of a session id is the org's.
        for form in forms_of(secret[_PREFIX:] if secret.startswith("00D") else secret)
        for window in windows(form)
    }
    for at in range(len(text) - _WINDOW + 1):
        if (part := text[at : at + _WINDOW]) in parts:
            yield f"{part!r} of {parts[part]!r} in {text[max(at - 60, 0) : at + 60]!r}"
            return


def acting_characters(name: str, text: str) -> Iterator[str]:
    """Yield characters that a terminal obeys, and lines that the server has made."""
    if found := re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2066-\u2069]", text):
        yield f"{found[0]!r} in {text[max(found.start() - 60, 0) : found.start() + 60]!r}"
    if name != "stdout" and re.search("^ERROR a forged line", text, re.MULTILINE):
        yield "a forged line"


@pytest.mark.parametrize("command", PLACES)
def test_no_output_holds_a_secret(
    commands: CommandServer, tmp_path: Path, key_pair: tuple[str, str], command: str
) -> None:
    ways = flows(key_pair, tmp_path)
    runs = Runs(tmp_path, command)

    def known(config: Mapping[str, str]) -> dict[str, str]:
        secret = {name: text for name, text in config.items() if name in (*SECRETS, "private_key")}
        if "private_key" in secret or "private_key_path" in config:
            # Nothing sends it; two of its lines stand for all.
            secret["private_key"] = "\n".join(key_pair[0].splitlines()[5:7])
        return secret

    # Every way to sign in; each object is another way to repeat it.
    first = ways[:3:2] if command == "run" else ways[1:2]
    # A terminal shows a table, too.
    drawn = first[:1] if command in ("run", "load") else []
    for number, config in enumerate([*first, *drawn]):
        org, terminal = runs.start(known(config), None, "text"), number >= len(first)
        runs.add(config, secrets=[*known(config).values()], org=org, terminal=terminal)
    # Every place that is asked before any object; an error of another form at each.
    forms = list(ERRORS)
    for number, place in enumerate(PLACES[command]):
        for error in forms if (command, place) == ("run", "/token") else forms[number::6]:
            config = ways[(number + forms.index(error)) % len(ways)]
            org = runs.start(known(config), place, error)
            runs.add(config, secrets=[*known(config).values()], org=org)
    if COMMANDS[command][0] == "tap":
        for form in ("text", "json", "markdown"):
            runs.add(ways[3], "--about", "--format", form, secrets=list(SECRETS.values()))
    # A mistake of the program itself.
    said = OSC + " ".join(form for text in known(ways[3]).values() for form in forms_of(text))
    if command != "workers":
        runs.add(ways[3], secrets=list(known(ways[3]).values()), crash=said)
    add_runs_with_cli(runs, tmp_path, PLACES[command][-1])
    # A proxy that repeats how it was signed in to.
    config = {**ways[1], "instance_url": "https://acme.my.salesforce.com"}
    for error in ("reason", "html", "no_http"):
        org = runs.start({"proxy": PROXY_PASSWORD}, None, error)
        address = f"http://ada:{PROXY_PASSWORD.replace('/', '%2F')}@127.0.0.1:{org.port}"
        runs.add(config, secrets=[PROXY_PASSWORD], org=org, environment={"HTTPS_PROXY": address})
    leaks = runs.leaks(commands)
    assert not leaks, f"{len(leaks)} leaks:\n" + "\n".join(leaks[:12])


def test_no_address_of_a_database_or_storage_shows_its_password(
    commands: CommandServer, tmp_path: Path
) -> None:
    raw, encoded = DATABASE_PASSWORD, quote(DATABASE_PASSWORD, safe="")
    addresses = [
        f"postgresql://ada:{encoded}@127.0.0.1:9/db",
        f"postgresql://ada:{raw}@127.0.0.1:9/db",
        f"postgresql://ada:{raw}/x@127.0.0.1:9/db",
        f"postgresql:ada:{raw}@127.0.0.1/db",
        f"postgresql://127.0.0.1:9/db?user=ada&password={encoded}",
        f"postgresql://127.0.0.1:9/db?password={raw}",
        f"postgresql://ada@127.0.0.1:{raw}/db",
        f"duckdb://ada:{raw}@/x.duckdb",
        f"duckdb:///missing/x.duckdb?password={raw}",
        f"mysql://ada:{raw}@127.0.0.1/db",
        f"host=127.0.0.1 password={raw}",
    ]
    load = Runs(tmp_path, "load at another address")
    for address in addresses:
        load.add({}, "--into", address, "--lock-timeout", "0", secrets=[raw])
        load.add({}, secrets=[raw], environment={"SFBULK_LOAD_INTO": address})
    load.add({}, addresses[0], secrets=[raw])
    load.add({}, "--from-singer", "--into", addresses[0], secrets=[raw])
    assert not load.leaks(commands)
    folder = tmp_path / "tap"
    folder.mkdir()
    tap = Runs(folder, "run")
    tap.add({}, f'{{"password": "{raw}"}}', secrets=[raw])
    for root in (f"ftp://ada:{encoded}@127.0.0.1:9/x", f"ftp://ada:{raw}@127.0.0.1:9/x"):
        storage = {"root": root, "params": {"password": raw}}
        batches = {"encoding": {"format": "jsonl"}, "storage": storage}
        tap.add({"access_token": "a-token", "batch_config": batches}, secrets=[raw])
    leaks = tap.leaks(commands)
    assert not leaks, leaks
