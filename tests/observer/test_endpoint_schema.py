"""Whatever is asked of the observer endpoint, the answer is a described one and never our own fault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as running
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.observer.live_server import serving
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.observer.observe import create_observer, open_record
from veche.service.server import Server

EXAMPLES = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
"""That a tracker of the right form may still be none is no mistake, so what is refused is not compared with the description."""


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    town = open_town(server, clock, tmp_path / "town")
    asyncio.run(town.server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    return town


@pytest.fixture
def address(town: ServedTown, server: Server, tmp_path: Path) -> Iterator[str]:
    database = open_record(server.settings.database_url)
    with serving(create_observer(database, tmp_path / "copies")) as found:
        yield found
    database.close()


@pytest.mark.slow
def test_schemathesis_finds_no_undocumented_answer(address: str, town: ServedTown) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/observer/openapi.json")
    checked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @given(case=operation.as_strategy())
        @running(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: schemathesis.Case[Any]) -> None:
            for uuid in (None, town.uuid):
                if uuid is not None and "uuid" in case.path_parameters:
                    case.path_parameters["uuid"] = uuid
                case.call_and_validate(base_url=address, checks=CHECKS)

        check()
        checked += 1
    assert checked >= 14
