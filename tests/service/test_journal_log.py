"""What the server writes down: JSON lines with nothing about voters, whoever logs, and whatever an error's message says."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from veche.service.journal_log import VOTERS, begin_log


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    begin_log("info", stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().split("\n") if line]


def test_an_event_is_one_line_of_json_with_its_time_and_level(log: io.StringIO) -> None:
    structlog.get_logger("veche.test").info("the vote has opened", contests=3)
    (found,) = lines(log)
    assert (found["event"], found["contests"], found["level"]) == ("the vote has opened", 3, "info")
    assert found["timestamp"].endswith("Z")


@pytest.mark.parametrize("word", VOTERS)
def test_a_field_that_could_name_a_voter_is_dropped_at_any_depth(log: io.StringIO, word: str) -> None:
    structlog.get_logger("veche.test").info("x", **{f"the_{word}": "Mark7351", "deep": {f"{word}s": ["Mark7352"], "fine": [1]}})
    assert "Mark735" not in log.getvalue()
    assert lines(log)[0]["deep"] == {"fine": [1]}


def test_control_characters_neither_begin_a_line_nor_command_a_terminal(log: io.StringIO) -> None:
    hostile = 'a\n{"event":"forged"}\r\x1b[2J\u2028\u202e\x7f\ud800end'
    structlog.get_logger("veche.test").warning(hostile, title=hostile)
    (found,) = lines(log)
    assert found["title"] == 'a\\n{"event":"forged"}\\r\\x1b[2J\\u2028\\u202e\\x7f\\ud800end'
    assert all(one.isprintable() for one in log.getvalue().replace("\n", ""))


def test_an_error_is_told_by_its_kind_and_place_and_never_by_its_message(log: io.StringIO) -> None:
    try:
        raise ValueError("Mark7353 was sent")
    except ValueError:
        structlog.get_logger("veche.test").exception("a step failed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n%s", "Mark7354")
    first, second = lines(log)
    for found in (first, second):
        assert found["error"] == "ValueError"
        assert found["at"][0].startswith("test_journal_log.py:")
    assert second["event"] == "Exception in ASGI application"
    assert "Mark735" not in log.getvalue()


def test_there_is_no_access_log_even_if_somebody_turns_it_on(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").error('%s - "%s"', "192.0.2.1", "POST /api/elections")
    assert log.getvalue() == ""


def test_libraries_are_silent_below_warning(log: io.StringIO) -> None:
    for name in ("uvicorn.error", "sqlalchemy.engine", "alembic.runtime.migration", "asyncio"):
        logging.getLogger(name).info("chatter")
    assert log.getvalue() == ""
