"""What the server writes down about itself: one line of JSON per event on stderr, and nothing in it about anybody who votes.

Casting writes nothing at all, and no request is ever logged. Whatever else is logged, by us or by a library, comes through here:
fields that could name a voter are dropped, texts cannot break out of their line (attack C14), and of an error stands there what
it is and where it arose, never its message, which may repeat what somebody sent.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

VOTERS: Final = (
    "account", "address", "agent", "authorization", "ballot", "body", "client", "code", "cookie", "credential", "email", "header",
    "host", "key", "login", "name", "password", "peer", "query", "remote", "secret", "session", "token", "tracker", "url", "user",
)  # fmt: skip
"""A field whose name holds one of these words is dropped, whoever logs it."""

FRAMES: Final = 12
_LONGEST: Final = 500
_QUIET: Final = ("alembic", "asyncio", "sqlalchemy", "uvicorn", "uvicorn.error")
_SILENT: Final = "uvicorn.access"

Event = MutableMapping[str, Any]


def begin_log(level: str, stream: TextIO | None = None) -> None:
    """From now on this process logs at `level` (debug, info, warning or error), libraries at warning at least."""
    times = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[structlog.typing.Processor] = [structlog.stdlib.add_log_level, times]
    kept = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_voters, one_line_each]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_bare, *shared], processors=[*kept, structlog.processors.JSONRenderer(ensure_ascii=False)]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(max(logging.WARNING, root.level))
    # No access log anywhere, not even if somebody turns it on in the framework.
    logging.getLogger(_SILENT).disabled = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
    )


def _bare(_: Any, __: str, event: Event) -> Event:
    """A library's line as its author wrote it, without the values filled in: nobody here knows what they hold."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["event"] = str(record.msg).split("\n")[0]
        event["logger"] = record.name
        event["exc_info"] = record.exc_info
    return event


def without_voters(_: Any, __: str, event: Event) -> Event:
    """The event without any field, at any depth, that could name a voter; errors become what and where they are."""
    error = _error_of(event.pop("exc_info", None))
    kept = {name: _kept(value) for name, value in event.items() if not _names_voter(name)}
    if error is not None:
        kept["error"], kept["at"] = type(error).__name__, where(error)
    return kept


def one_line_each(_: Any, __: str, event: Event) -> Event:
    """Every text of the event is one line of printable text of bounded length."""
    return {escaped(name): _escaped(value) for name, value in event.items()}


def escaped(text: str) -> str:
    """`text` with everything unprintable as an escape like \\n or \\x1b: it can neither begin a line nor command a terminal."""
    printable = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text[:_LONGEST])
    return printable + ("…" if len(text) > _LONGEST else "")


def where(error: BaseException) -> list[str]:
    """The innermost places that the error passed, `module-file:line function`, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames)]


def _names_voter(name: str) -> bool:
    return any(word in name.lower() for word in VOTERS)


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _kept(one) for name, one in value.items() if not _names_voter(str(name))}
    if isinstance(value, (list, tuple)):
        return [_kept(one) for one in value]
    return value


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {escaped(str(name)): _escaped(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else escaped(str(value))


def _error_of(exc_info: Any) -> BaseException | None:
    if exc_info is True:
        exc_info = sys.exc_info()
    found = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return found if isinstance(found, BaseException) else None
