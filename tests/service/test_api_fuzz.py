"""The whole interface against its own description: whatever is sent, no answer is a 5xx and none is undocumented.

schemathesis makes requests from the description that the server itself gives out, as anybody and as each kind of caller.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.hand_clock import HandClock
from tests.service.office import open_office
from tests.service.test_route_table import Callers
from tests.service.town import open_town
from veche.service.server import Server

EXAMPLES = 300 if os.environ.get("VECHE_SOAK") else 8
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

pytestmark = pytest.mark.slow


@pytest.fixture
def database() -> str:
    """SQLite alone: what is asked of the database is tried on both kinds elsewhere, and this takes minutes."""
    return ""


@pytest.fixture
def callers(server: Server, clock: HandClock, tmp_path: Path) -> Iterator[Callers]:
    """An office, and beside it an election in which people vote: there is something to be asked for."""
    with ExitStack() as stack:
        town = open_town(server, clock, tmp_path / "town", contest="beside", campaign="beside")
        office = open_office(server, clock, tmp_path, stack)
        clock.time += 60
        office.at(clock.time)
        office.make()
        office.done("fix")
        made = Callers(office)
        made.uuid = town.uuid
        yield made


@pytest.mark.parametrize("caller", ["anonymous", "trustee", "registrar", "organizer", "operator"])
def test_no_request_makes_the_server_fail_or_answer_what_it_does_not_describe(callers: Callers, caller: str) -> None:
    client = callers.clients[caller]
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    wanted = ("authorization", "x-csrf-token", "sec-fetch-site")
    headers = {name: value for name, value in client.headers.items() if name.lower() in wanted}
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
    sent = {**headers, **({"Cookie": cookies} if cookies else {})}
    schema.app = client.app
    counted = 0
    for result in schema.get_all_operations():
        operation = result.ok() if isinstance(result, Ok) else pytest.fail(str(result))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            # A number of an election that is there, now and then: else every answer would be that there is none.
            if "uuid" in (case.path_parameters or {}) and hash(str(case.path_parameters)) % 2:
                case.path_parameters["uuid"] = callers.uuid
            answer = case.call(headers={**(case.headers or {}), **sent})
            case.validate_response(answer, checks=CHECKS)

        ask()
        counted += 1
    assert counted > 50
