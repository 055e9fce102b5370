"""A ballot's tracker, its SHA-256, in the two forms that people copy. docs/protocol.md section 8.4."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

from veche.crypto.errors import Malformed

_COMPACT = re.compile(r"[A-Za-z0-9+/]{43}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


def parse_tracker(written: str) -> str:
    """A tracker as 64 hex digits, from either of its forms: 64 hex digits or 43 characters of base64. Raises Malformed."""
    shown = "".join(written.split())
    if _HEX.fullmatch(shown) is not None:
        return shown.lower()
    if _COMPACT.fullmatch(shown) is not None:
        found = b64decode(shown + "=")
        if b64encode(found).decode("ascii") == shown + "=":
            return found.hex()
    raise Malformed("tracker-malformed", "a tracker has 64 hexadecimal digits, or 43 letters, digits, + and /")


def compact_tracker(tracker: str) -> str:
    """The 43-character form of a tracker in hex."""
    return b64encode(bytes.fromhex(tracker)).decode("ascii").rstrip("=")
