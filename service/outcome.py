"""How a step ended that must not take its thread down with it: the one place beside the command line where every error is kept."""

from __future__ import annotations

import traceback
from types import TracebackType

from sqlalchemy.exc import DBAPIError

from veche.crypto.errors import ElectionError
from veche.observer.database import why


class Outcome:
    """As a context manager: whatever error its block raises is kept in `error`, and the program goes on after the block.

    For threads that serve many contests or jobs: a mistake in one of them must not stop the clock of all others.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Outcome:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None

    @property
    def sentence(self) -> str:
        """What went wrong, without anything that only a job's payload or a person knows."""
        if isinstance(self.error, ElectionError):
            return f"{self.error.message} [{self.error.code}]"
        if isinstance(self.error, DBAPIError):
            return f"the database: {why(self.error)}"
        if isinstance(self.error, OSError):
            return f"{type(self.error).__name__}: {self.error.strerror or 'no reason was given'}"
        return f"{type(self.error).__name__}: a mistake of ours; the log says where"

    @property
    def mistake(self) -> str | None:
        """Where a mistake of ours happened, for the log; None for what people and machines do wrong.

        Not what it was about: an exception's text may hold a person's address or link.
        """
        if self.error is None or isinstance(self.error, ElectionError | DBAPIError | OSError):
            return None
        return "".join(traceback.format_tb(self.error.__traceback__))
