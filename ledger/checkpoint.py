"""The text of a checkpoint: how many entries a log has, and their root. docs/protocol.md section 12.2; C2SP tlog-checkpoint 1.0."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from veche.crypto.errors import Malformed
from veche.crypto.signed_note import strict_base64, verify_name
from veche.ledger.merkle import HASH_BYTES, MAX_SIZE

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_EXTENSIONS: Final = 16
MAX_ORIGIN_BYTES: Final = 255
"""What an ML-DSA line can name, section 12.3."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` has `size` entries with this root of 32 bytes.

    Invariant: `origin` is a key's name; the extension lines, which we never write, are not empty. That a log of no entries
    has the empty root is not asked here: a log that says otherwise has signed a contradiction, which must stay readable.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _verify_origin(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise Malformed("checkpoint-malformed", f"a log of {self.size} entries: 0 to 2^63 - 1 were expected")
        if len(self.root) != HASH_BYTES:
            raise Malformed("checkpoint-malformed", f"a root of {len(self.root)} bytes: {HASH_BYTES} were expected")
        if len(self.extensions) > MAX_EXTENSIONS or any(not line or _CONTROL.search(line) for line in self.extensions):
            raise Malformed(
                "checkpoint-malformed", f"at most {MAX_EXTENSIONS} further lines, none empty or with control characters"
            )

    def text(self) -> str:
        """What the log signs: three lines and the extension lines, each with its newline."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode("ascii"), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint with this text, a note's text without its signature lines. Raises Malformed `checkpoint-malformed`."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "":
        raise Malformed("checkpoint-malformed", "a checkpoint is three lines or more, each with its newline")
    origin, size, root, *extensions = lines[:-1]
    if _SIZE.fullmatch(size) is None:
        raise Malformed("checkpoint-malformed", "the second line of a checkpoint is a number without leading zeros")
    return Checkpoint(origin, int(size), _root(root), tuple(extensions))


def _root(line: str) -> bytes:
    try:
        return strict_base64(line)
    except Malformed as error:
        raise Malformed("checkpoint-malformed", f"the root of a checkpoint: {error.message}") from error


def _verify_origin(origin: str) -> None:
    try:
        verify_name(origin)
        if len(origin.encode("utf-8")) > MAX_ORIGIN_BYTES:
            raise Malformed("checkpoint-malformed", f"more than {MAX_ORIGIN_BYTES} bytes")
    except Malformed as error:
        raise Malformed("checkpoint-malformed", f"the origin of a checkpoint: {error.message}") from error
