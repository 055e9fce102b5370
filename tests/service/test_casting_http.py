"""The door of the ballot box over HTTP: every verdict under its code, and nothing kept about whoever knocks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import MetaData, select
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.real_server import audited, cast_at_once, fresh_ballots, open_now, running
from tests.service.town import ServedTown, open_town
from tests.service.vector_election import load_election
from tests.vectors import load
from veche.ballot.encrypted_ballot import read_ballot
from veche.cli.demo_town import login
from veche.cli.voter_ballot import listed_secret
from veche.crypto.canonical_json import encode
from veche.crypto.scalar import Q, system_randomness
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_signature_prefix, compact
from veche.observer.database import Database
from veche.service.application import create_application
from veche.service.budgets import PER_ADDRESS, PER_CREDENTIAL
from veche.service.server import Server
from veche.service.settings import Settings

MUTATED = load("belenios/ballots-mutated-1.json")
CODES = {
    "honest": None,
    "honest-zero": None,
    "copied-answers": "invalid-proof",
    "unknown-credential": "unknown-credential",
    "response-plus-1": "invalid-proof",
    "other-election-hash": "wrong-election",
    "upper-case-hex": "unknown-credential",
    "scalar-plus-q": "malformed",
}
"""The codes of the interface; every other vector is `malformed`."""


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    with TestClient(create_application(server)) as made:
        yield made


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def send(client: TestClient, uuid: str, raw: bytes, **headers: str) -> httpx.Response:
    answer: httpx.Response = client.post(f"/api/elections/{uuid}/ballots", content=raw, headers=headers)
    return answer


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code < 500
    return str(found["code"])


def changed(raw: bytes, **fields: Any) -> bytes:
    value = {**json.loads(raw), **fields}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def with_a_bad_proof(town: ServedTown, place: int) -> bytes:
    """A ballot whose signature holds and whose proofs do not: only the holder of the credential can make it."""
    value = json.loads(town.ballot(place))
    del value["signature"]
    proof = value["answers"][0]["overall_proof"][0]
    proof["response"] = str((int(proof["response"]) + 1) % Q)
    stated = compact(encode(value))
    secret = listed_secret(town.codes[login(place)], town.sealed())
    made = sign_version1(secret, ballot_signature_prefix(stated), system_randomness)
    return encode({**value, "signature": {"hash": stated, "proof": made.to_json()}})


def test_every_mutated_ballot_gets_its_verdict_and_its_code(server: Server, client: TestClient) -> None:
    uuid = load_election(server, MUTATED)
    for case in MUTATED["cases"]:
        answer = send(client, uuid, case["ballot"].encode())
        expected = CODES.get(case["id"], "malformed")
        assert (case["expect"] == "accept") == (expected is None), case["id"]
        if expected is None:
            assert answer.status_code == 201, (case["id"], answer.text)
        else:
            assert code(answer) == expected, case["id"]


def test_a_new_ballot_is_201_and_the_same_again_200_with_the_same_note(client: TestClient, town: ServedTown) -> None:
    raw = town.ballot(0)
    first, again = send(client, town.uuid, raw), send(client, town.uuid, raw)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert first.headers["content-type"] == again.headers["content-type"] == "text/plain; charset=utf-8"


def test_any_media_type_of_a_ballot_or_none_is_taken_and_another_is_refused(client: TestClient, town: ServedTown) -> None:
    raw = town.ballot(0)
    for kind in ("application/json", "text/plain; charset=utf-8", "application/octet-stream", "Application/JSON"):
        assert send(client, town.uuid, raw, **{"content-type": kind}).status_code in (200, 201), kind
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/html"):
        answer = send(client, town.uuid, raw, **{"content-type": kind})
        assert (answer.status_code, code(answer)) == (415, "media-type")


def test_what_is_longer_than_a_ballot_is_refused_by_what_it_says_and_by_what_comes(client: TestClient, town: ServedTown) -> None:
    said = send(client, town.uuid, b"{" * 70_000)
    unsaid = client.post(f"/api/elections/{town.uuid}/ballots", content=iter([b"{" * 1000] * 70))
    for answer in (said, unsaid):
        assert (answer.status_code, code(answer)) == (413, "too-large")


def test_a_ballot_that_takes_for_ever_to_arrive_is_given_up(
    server: Server, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("veche.service.casting_routes.BODY_SECONDS", 0.2)

    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b"{"
            await asyncio.sleep(0.05)

    async def cast() -> httpx.Response:
        transport = httpx.ASGITransport(create_application(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://vote.example") as slow:
            return await slow.post(f"/api/elections/{town.uuid}/ballots", content=drops())

    answer = asyncio.run(cast())
    assert (answer.status_code, code(answer)) == (408, "too-slow")


@pytest.mark.parametrize("uuid", ["nosuchelection", "%00", "a%00b12345678901", "..%2f..", "x" * 5000, "%F0%9F%97%B3", "'; DROP"])
def test_an_election_that_is_none_is_a_404_on_every_database(client: TestClient, town: ServedTown, uuid: str) -> None:
    assert send(client, uuid, town.ballot(0)).status_code == 404


def test_a_credential_that_no_database_would_take_is_unknown(client: TestClient, town: ServedTown) -> None:
    for credential in ("\\u0000", "x" * 1000, "Я", ""):
        raw = town.ballot(0).replace(read_ballot(town.ballot(0)).credential.encode(), credential.encode())
        assert code(send(client, town.uuid, raw)) in ("unknown-credential", "malformed")


def test_the_sixty_first_refused_ballot_of_a_minute_is_one_too_many_and_others_still_vote(
    client: TestClient, server: Server, town: ServedTown
) -> None:
    for _ in range(PER_ADDRESS):
        assert code(send(client, town.uuid, b"{}")) == "malformed"
    late = send(client, town.uuid, town.ballot(0))
    assert (late.status_code, code(late), late.headers["retry-after"]) == (429, "rate-limited", "60")
    elsewhere = TestClient(create_application(server), client=("192.0.2.7", 1))
    assert send(elsewhere, town.uuid, town.ballot(0)).status_code == 201


def test_a_voter_who_sends_a_good_ballot_again_and_again_is_never_turned_away(client: TestClient, town: ServedTown) -> None:
    raw = town.ballot(0)
    answers = [send(client, town.uuid, raw).status_code for _ in range(2 * PER_ADDRESS)]
    assert answers == [201] + [200] * (2 * PER_ADDRESS - 1)


def test_only_ballots_that_a_credential_has_signed_spend_its_budget(client: TestClient, town: ServedTown) -> None:
    raw = town.ballot(0)
    unsigned = changed(raw, signature={"hash": "x", "proof": {"challenge": "1", "response": "1"}})
    for _ in range(2 * PER_CREDENTIAL):
        assert code(send(client, town.uuid, unsigned)) == "invalid-signature"
    assert send(client, town.uuid, raw).status_code == 201
    for _ in range(PER_CREDENTIAL):
        assert code(send(client, town.uuid, with_a_bad_proof(town, 0))) == "invalid-proof"
    assert code(send(client, town.uuid, town.ballot(0))) == "rate-limited"
    assert send(client, town.uuid, town.ballot(1)).status_code == 201


@pytest.fixture
def served(tmp_path: Path, database: str) -> ServedTown:
    return open_now(tmp_path, database)


def test_a_hundred_times_the_same_over_real_http_is_one_event_and_a_hundred_equal_notes(served: ServedTown, database: str) -> None:
    (raw,) = fresh_ballots(served, 1)
    with running(served, database) as server:
        answers = asyncio.run(cast_at_once(server, [raw] * 100))
        assert {answer.content for answer in answers} == {answers[0].content}
        assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert audited(served, database).counts["ballots"] == 1


def test_cookies_and_user_agents_leave_no_trace(served: ServedTown, database: str) -> None:
    (raw,) = fresh_ballots(served, 1)
    marks = ("CookieMark7351", "AgentMark7352", "QueryMark7353")
    headers = {"cookie": f"veche={marks[0]}", "user-agent": marks[1], "referer": f"http://x/{marks[0]}"}
    with running(served, database) as server:
        for body in (raw, raw, b"{}", b"\xff"):
            httpx.post(f"{server.box}?{marks[2]}", content=body, headers=headers)
        log = server.log.read_text()
        assert server.stop() == 0
    tracker, credential = read_ballot(raw).tracker, read_ballot(raw).credential
    for mark in (*marks, tracker, credential, served.uuid, "127.0.0.1:1", "POST"):
        assert mark not in log.replace(server.url, ""), log
    files = [path for path in served.server.settings.data.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert not [mark for mark in marks if mark.encode() in path.read_bytes()], path
    assert_not_in_tables(served, database, marks)


def assert_not_in_tables(town: ServedTown, database: str, marks: tuple[str, ...]) -> None:
    connected = Database(Settings(data=town.server.settings.data, database=database).database_url)
    tables = MetaData()
    with connected.reading() as connection:
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                assert not [mark for mark in marks if mark in str(tuple(row))], table.name
    connected.close()


def test_sigterm_and_ctrl_c_end_it_after_those_under_way_have_their_answers(served: ServedTown, database: str) -> None:
    ballots = fresh_ballots(served, 12)
    for number, sign in enumerate((signal.SIGTERM, signal.SIGINT)):
        with running(served, database) as server:

            async def cast_and_stop(server: Any = server, sign: int = sign, number: int = number) -> list[httpx.Response]:
                async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as client:
                    # Connections first: who has not reached the server when it stops is not under way.
                    await asyncio.gather(*(client.get(server.box) for _ in range(6)))
                    mine = ballots[6 * number : 6 * number + 6]
                    casting = [asyncio.create_task(client.post(server.box, content=raw)) for raw in mine]
                    await asyncio.wait(casting, return_when=asyncio.FIRST_COMPLETED)
                    server.process.send_signal(sign)
                    answers = await asyncio.gather(*casting, return_exceptions=True)
                # A kept-alive connection whose request had not been read may be closed; nobody gets a false answer.
                return [one for one in answers if isinstance(one, httpx.Response)]

            answers = asyncio.run(cast_and_stop())
            assert answers and {answer.status_code for answer in answers} == {201}
            assert server.process.wait(60) == 0
            assert "Stopped" in server.log.read_text()


def test_a_dead_checking_process_costs_a_503_and_not_the_service(served: ServedTown, database: str) -> None:
    ballots = fresh_ballots(served, 2)
    with running(served, database) as server:
        assert server.cast(ballots[0]).status_code == 201
        for child in _checkers(server.process.pid):
            os.kill(child, signal.SIGKILL)
        end, answers = time.monotonic() + 60, [server.cast(ballots[1]).status_code]
        while answers[-1] == 503 and time.monotonic() < end:
            time.sleep(0.2)
            answers.append(server.cast(ballots[1]).status_code)
        assert answers[-1] == 201
        assert set(answers[:-1]) <= {503}


def _checkers(parent: int) -> list[int]:
    """The processes of the pool: children that were spawned, not the one that looks after resources."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = path.read_text().rpartition(")")[2].split()
        if int(fields[1]) == parent and b"spawn_main" in (path.parent / "cmdline").read_bytes():
            found.append(int(path.parent.name))
    assert found
    return found


def test_checking_processes_do_not_outlive_a_server_that_was_killed(served: ServedTown, database: str) -> None:
    with running(served, database) as server:
        assert server.cast(fresh_ballots(served, 1)[0]).status_code == 201
        children = _checkers(server.process.pid)
        server.kill()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
