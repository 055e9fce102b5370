"""Bodies of requests are read no further, and no longer, than they may be, whoever sends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fastapi import Request
from starlette.testclient import TestClient
from starlette.types import Message

from veche.crypto.errors import Malformed
from veche.service import form, request_body
from veche.service.application import create_application
from veche.service.form import form_reader
from veche.service.request_body import MAX_JSON, read_limited
from veche.service.server import Server

PIECES = 1000
JSON = {"Content-Type": "application/json"}


def test_json_of_a_stranger_is_refused_long_before_its_end(server: Server) -> None:
    endless = (b" " * 1024 for _ in range(PIECES))
    answer = TestClient(create_application(server)).post("/api/campaigns/any/ceremony", content=endless, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_json_within_the_limit_still_arrives_whole(server: Server) -> None:
    client = TestClient(create_application(server))
    answer = client.post("/api/campaigns/any/ceremony", content=b"{}".rjust(MAX_JSON), headers=JSON)
    assert answer.json()["code"] != "too-large"
    assert answer.status_code in (401, 403, 422)


def request_of(messages: Iterator[Message]) -> Request:
    async def receive() -> Message:
        found = next(messages, None)
        if found is None:
            await asyncio.sleep(60)
        return found or {"type": "http.disconnect"}

    kind = (b"content-type", b"application/x-www-form-urlencoded")
    return Request({"type": "http", "method": "POST", "headers": [kind]}, receive)


def part() -> Message:
    return {"type": "http.request", "body": b"a=1", "more_body": True}


def test_a_body_that_stops_arriving_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "SECONDS", 0.05)
    with pytest.raises(Malformed, match="did not arrive"):
        asyncio.run(read_limited(request_of(iter([part()])), 100))


async def form_of(request: Request) -> form.Form:
    return await form_reader()(request)


def test_a_form_that_stops_arriving_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "SECONDS", 0.05)
    with pytest.raises(Malformed, match="did not arrive"):
        asyncio.run(form_of(request_of(iter([part()]))))


def test_a_body_that_was_cut_off_is_refused() -> None:
    with pytest.raises(Malformed, match="connection ended"):
        asyncio.run(read_limited(request_of(iter([part(), {"type": "http.disconnect"}])), 100))
