"""The one tree of refusals. Every refusal carries a stable code and a sentence for people.

The code is the first argument and a literal at the place of refusal: docs/protocol.md section 9
lists the codes an audit can report, and a test compares that list with the code.
"""

from __future__ import annotations

from collections.abc import Mapping

_LONGEST = 2000


class Said(str):
    """A sentence that remembers what it was made of, so that a page can say the same in its reader's language.

    It is English like every other sentence here; `%(name)s` in the pattern stands for the value of that name. A value may be a
    number, a text of somebody's, or again such a sentence.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, object]

    def __new__(cls, pattern: str, values: Mapping[str, object]) -> Said:
        made = super().__new__(cls, pattern % values if values else pattern)
        made.pattern, made.values = pattern, values
        return made

    def __reduce__(self) -> tuple[type[Said], tuple[str, dict[str, object]]]:
        """Refusals come back from other processes; a text with its attributes would come back filled in twice."""
        return Said, (self.pattern, dict(self.values))


class Grouped(int):
    """A large number, of which English writes `65,536` and other languages something else."""

    def __str__(self) -> str:
        return f"{int(self):,}"


def said(pattern: str, /, **values: object) -> Said:
    """The sentence of this pattern. The pattern is a literal where it is said: the test of the translations finds it there."""
    return Said(pattern, values)


def one_line(text: str) -> str:
    """A title in a hostile file could hold commands for the reader's terminal, or lines that look like ours (attack C14)."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:_LONGEST])


class ElectionError(Exception):
    """Something about an election is not as it must be.

    `code` is stable (`[a-z0-9-]+`) and meant for programs; `message` is a sentence for people that
    names the object, the rule, what was expected and what was found, and never a secret. `listed` are
    further lines. Whatever a hostile file may have brought in, each stays one line of printable text.
    `sentence` is the first line as it was given: `Said`, where a page may say it in another language.
    """

    def __init__(self, code: str, message: str, *listed: str) -> None:
        super().__init__(code, message, *listed)
        self.code = code
        self.sentence = message
        self.listed = listed
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
