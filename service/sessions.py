"""Sessions of people who signed in, as rows of the server: they can be ended, and a stolen database does not hold their tokens.

Times are seconds since 1970. reliability section 5 (ASVS V7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from veche.service.tables import accounts, sessions
from veche.service.tokens import new_token, token_hash

IDLE: Final = 1800
"""Seconds after which a session that nobody uses has ended."""

LONGEST: Final = 12 * 3600
"""Seconds after which every session has ended."""

RENEWED: Final = 300
"""Seconds between two writes that prolong a session: reading a page is no reason to write."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose session it is, and until when. The token is not in it."""

    account: int
    begun_at: int
    expires_at: int

    def renewed_until(self, now: int) -> int | None:
        """When the session will end now that it was used; None when the row is good enough as it is."""
        wanted = min(now + IDLE, self.begun_at + LONGEST)
        return wanted if wanted >= self.expires_at + RENEWED else None


def begin_session(connection: Connection, account: int, now: int) -> str:
    """The token of a new session of this account. Sessions that are over are gone."""
    forget_expired(connection, now)
    token = new_token()
    values = {"token": token_hash(token), "account": account, "begun_at": now, "expires_at": now + IDLE}
    connection.execute(insert(sessions).values(values))
    return token


def find_session(connection: Connection, token: str, now: int) -> Session | None:
    """The session of this token, or None: unknown, over, ended, or of an account that is disabled."""
    query = (
        select(sessions.c.account, sessions.c.begun_at, sessions.c.expires_at)
        .join(accounts, accounts.c.id == sessions.c.account)
        .where(sessions.c.token == token_hash(token), sessions.c.expires_at > now, accounts.c.disabled.is_(False))
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else Session(found.account, found.begun_at, found.expires_at)


def renew_session(connection: Connection, token: str, until: int) -> None:
    """The session lasts until then; one that was ended meanwhile stays so, and none becomes shorter."""
    later = sessions.c.expires_at < until
    connection.execute(update(sessions).where(sessions.c.token == token_hash(token), later).values(expires_at=until))


def end_session(connection: Connection, token: str) -> None:
    """Nobody gets in with this token any more."""
    connection.execute(delete(sessions).where(sessions.c.token == token_hash(token)))


def end_sessions_of(connection: Connection, account: int) -> None:
    """All sessions of this account have ended."""
    connection.execute(delete(sessions).where(sessions.c.account == account))


def forget_expired(connection: Connection, now: int) -> None:
    """Sessions that are over are gone from the database."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
