"""The one tree of refusals. Every refusal carries a stable code and a sentence for people.

The code is the first argument and a literal at the place of refusal: docs/protocol.md section 9
lists the codes an audit can report, and a test compares that list with the code.
"""

from __future__ import annotations

_LONGEST = 2000


def one_line(text: str) -> str:
    """A title in a hostile file could hold commands for the reader's terminal, or lines that look like ours (attack C14)."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:_LONGEST])


class ElectionError(Exception):
    """Something about an election is not as it must be.

    `code` is stable (`[a-z0-9-]+`) and meant for programs; `message` is a sentence for people that
    names the object, the rule, what was expected and what was found, and never a secret. `listed` are
    further lines. Whatever a hostile file may have brought in, each stays one line of printable text.
    """

    def __init__(self, code: str, message: str, *listed: str) -> None:
        super().__init__(code, message, *listed)
        self.code = code
        self.message = "\n".join(one_line(text) for text in (message, *listed))

    def __str__(self) -> str:
        return self.message


class Malformed(ElectionError):
    """The bytes are not the one encoding of a value of the expected type."""


class InvalidProof(ElectionError):
    """A proof, of zero knowledge or of a place in the log, does not hold for the statement it stands beside."""


class InvalidSignature(ElectionError):
    """A signature was not made by the key that should have made it."""


class Inconsistent(ElectionError):
    """Two statements of the public record cannot both be true."""


class Refused(ElectionError):
    """Well-formed, but not allowed now or not allowed here."""


class Unsupported(ElectionError):
    """Legal elsewhere, but this program cannot check it: neither accepted nor refuted."""
