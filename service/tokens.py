"""Tokens of sessions, links and invitations: 256 random bits that whoever has them may use, kept as their SHA-256 only.

A token is found by its hash, so neither the database nor the time a look-up takes tells anything about the tokens that exist.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

_CSRF = b"veche: the token of a session's forms"


def new_token() -> str:
    """43 letters, digits, `-` and `_`: fit for a path, a fragment, a cookie and a header."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps of a token: 64 hex digits. Any text has one, also one that is no token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_token(session: str) -> str:
    """What every form of this session carries. It follows from the session's token, and tells nothing about it."""
    return hmac.digest(session.encode("utf-8", "surrogatepass"), _CSRF, "sha256").hex()


def is_csrf_token(session: str, given: str) -> bool:
    """Whether `given` is what this session's forms carry, compared in constant time."""
    return hmac.compare_digest(csrf_token(session).encode(), given.encode("utf-8", "surrogatepass"))
