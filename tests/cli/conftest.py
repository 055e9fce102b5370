"""One election of six voters and three trustees, played once for all tests of the organizer, copied after every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.rehearsals import VOTERS, At, CarefulTown, Stages, stages


@pytest.fixture(scope="session")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The election, as far as some test has needed it."""
    return stages(tmp_path_factory.mktemp("careful"), CarefulTown(VOTERS, 2, 3, "strict"))


@pytest.fixture
def at(careful: Stages, tmp_path: Path) -> At:
    """The election after a step, in folders of this test's own."""
    return lambda stage: careful.copy(stage, tmp_path)
