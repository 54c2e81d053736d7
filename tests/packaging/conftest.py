"""What is built and installed, once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from distributions import Distributions, WheelEnvironments, install_builder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with all that building takes, so that not every wheel is built in a new one."""
    return install_builder(tmp_path_factory.mktemp("builder"))


@pytest.fixture(scope="session")
def built(builder: Path, tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The source distribution and the wheel."""
    return Distributions.build(builder, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironments:
    """An environment of each Python that is here, with the wheel."""
    return WheelEnvironments(built.wheel, tmp_path_factory.mktemp("wheel"))
