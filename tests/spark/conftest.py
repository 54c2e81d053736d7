"""Two lanes: Sail, in this process and without Java, and Spark with two executor processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from spark_lane import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOW = "scripts/test-spark installs what this lane needs"
# A quick start is worth more to a test than fast code.
_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("sail", marks=pytest.mark.sail),
        pytest.param("spark", marks=pytest.mark.spark),
    ],
)
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    """Start an engine, for all tests."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # What workers read from their environment; everything else is an option of each test.
        patch.setenv("TAP_SFBULK_PAGES_CLIENT_ID", "an app")
        patch.setenv("TAP_SFBULK_PAGES_CLIENT_SECRET", "a secret to be kept")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        start = _sail if request.param == "sail" else _local_cluster
        yield stack.enter_context(start())


@contextmanager
def _sail() -> Iterator[Lane]:
    sail = pytest.importorskip("pysail.spark", reason=f"pysail is not installed: {_HOW}")
    sql = pytest.importorskip("pyspark.sql", reason=f"pyspark is not installed: {_HOW}")
    server = sail.SparkConnectServer()
    server.start()
    _, port = server.listening_address
    remote = f"sc://127.0.0.1:{port}"
    session = sql.SparkSession.builder.remote(remote).create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield Lane(session, "sail", remote)
    session.stop()
    server.stop()


@contextmanager
def _local_cluster() -> Iterator[Lane]:
    spec = find_spec("pyspark")
    if spec is None or not (Path(str(spec.origin)).parent / "jars").is_dir():
        pytest.skip(f"pyspark is not installed: {_HOW}")
    _require_java()
    sql = pytest.importorskip("pyspark.sql")
    options: dict[str, Any] = {
        "spark.driver.extraJavaOptions": _JAVA_OPTIONS,
        "spark.executor.extraJavaOptions": _JAVA_OPTIONS,
        "spark.executor.memory": "512m",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.python.filterPushdown.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.task.maxFailures": "2",
        "spark.ui.showConsoleProgress": "false",
    }
    session = (
        sql.SparkSession.builder.master("local-cluster[2,1,512]").config(map=options).getOrCreate()
    )
    yield Lane(session, "spark")
    session.stop()


def _require_java() -> None:
    """Find Java, or install Debian's; skip with the reason where neither can be."""
    if shutil.which("java"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("Spark needs Java 17, which is not there, and only root can install it")
    for command in (["update"], ["install", "--yes", "default-jre-headless"]):
        run = subprocess.run(
            ["apt-get", "--quiet", *command],  # noqa: S607 - wherever Debian has it
            check=False,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            pytest.skip(f"Spark needs Java 17; apt-get {command[0]} failed: {run.stderr[-300:]}")
