"""What is built and installed, once for all tests."""

from __future__ import annotations

import pytest
from distributions import Distributions, WheelEnvironments


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The source distribution and the wheel."""
    return Distributions.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironments:
    """An environment of each Python that is here, with the wheel."""
    return WheelEnvironments(built.wheel, tmp_path_factory.mktemp("wheel"))
