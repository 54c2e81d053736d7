"""Two lanes: Sail, in this process and without Java, and Spark with two executor processes."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from spark_lane import SECRET, Lane
from stream_run import JAVA_OPTIONS, QUICK_START

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOW = "scripts/test-spark installs what this lane needs"
_SECRET_VARIABLE = "TAP_SFBULK_PAGES_CLIENT_SECRET"


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("sail", marks=pytest.mark.sail),
        pytest.param("spark", marks=pytest.mark.spark),
    ],
)
def lane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lane]:
    """Start an engine, for all tests."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # What workers read from their environment; everything else is an option of each test.
        patch.setenv("TAP_SFBULK_PAGES_CLIENT_ID", "an app")
        patch.setenv(_SECRET_VARIABLE, SECRET)
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        start = _sail if request.param == "sail" else _local_cluster
        yield stack.enter_context(start(tmp_path_factory.mktemp("engine")))


@contextmanager
def _sail(_: Path) -> Iterator[Lane]:
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
def _local_cluster(folder: Path) -> Iterator[Lane]:
    spec = find_spec("pyspark")
    if spec is None or not (Path(str(spec.origin)).parent / "jars").is_dir():
        pytest.skip(f"pyspark is not installed: {_HOW}")
    if not shutil.which("java"):
        pytest.skip(f"Spark needs Java 17, which is not there: {_HOW}, as root")
    sql = pytest.importorskip("pyspark.sql")
    options: dict[str, Any] = {
        **QUICK_START,
        "spark.executor.extraJavaOptions": JAVA_OPTIONS,
        "spark.executor.memory": "512m",
        "spark.sql.python.filterPushdown.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.task.maxFailures": "2",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": folder.as_uri(),
        # As a user may pass it; the executors would have it from here anyway.
        f"spark.executorEnv.{_SECRET_VARIABLE}": os.environ[_SECRET_VARIABLE],
    }
    session = (
        sql.SparkSession.builder.master("local-cluster[2,1,512]").config(map=options).getOrCreate()
    )
    yield Lane(session, "spark", event_log=folder)
    session.stop()


@pytest.fixture
def cluster(lane: Lane) -> Lane:
    """The lane whose workers are processes of their own."""
    if lane.name != "spark":
        pytest.skip("Sail runs in this process, and reads no streams")
    return lane
