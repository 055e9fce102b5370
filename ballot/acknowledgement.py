"""The box's signed answer to a cast ballot. docs/protocol.md section 8.7 (veche-record section 9).

It holds the box to one place in the chain: another event at that height, or a later checkpoint without it, refutes the box.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.signed_note import NoteSigner, VerifierKey, parse_note, verify_note

FIRST_LINE = "veche/acknowledgement/v1"

_FORMS = (
    ("origin", re.compile(r"[^\s+]+")),
    ("fingerprint", re.compile(r"[A-Za-z0-9+/]{43}")),
    ("Setup hash", re.compile(r"[0-9a-f]{64}")),
    ("tracker", re.compile(r"[0-9a-f]{64}")),
    ("height", re.compile(r"0|[1-9][0-9]{0,15}")),
    ("event hash", re.compile(r"[0-9a-f]{64}")),
    ("time", re.compile(r"0|[1-9][0-9]{0,15}")),
)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The ballot `tracker` is event number `height`, whose hash is `event`, since `time` (seconds since 1970).

    `fingerprint` has 43 characters; `setup`, `tracker` and `event` are SHA-256 in hex.
    """

    origin: str
    fingerprint: str
    setup: str
    tracker: str
    height: int
    event: str
    time: int

    def text(self) -> str:
        """The eight lines that are signed, each ending in a newline."""
        lines = (FIRST_LINE, *self._lines())
        return "\n".join(lines) + "\n"

    def _lines(self) -> tuple[str, ...]:
        return (self.origin, self.fingerprint, self.setup, self.tracker, str(self.height), self.event, str(self.time))


def make_acknowledgement(acknowledgement: Acknowledgement, box: NoteSigner) -> bytes:
    """The signed note: the same bytes whenever it is asked for again. Raises Refused when `box` is not the key ORIGIN/box."""
    _verify_origin(acknowledgement, box.verifier)
    _parse_text(acknowledgement.text())
    return box.note(acknowledgement.text())


def parse_acknowledgement(note: bytes, box: VerifierKey) -> Acknowledgement:
    """What the holder of `box` has signed. Raises Malformed, InvalidSignature, or Refused when the origin is not the key's."""
    read = parse_note(note)
    if len(read.lines) != 1:
        raise Malformed("acknowledgement-malformed", f"an acknowledgement has one signature line, found {len(read.lines)}")
    verify_note(read, [box])
    acknowledgement = _parse_text(read.text)
    _verify_origin(acknowledgement, box)
    return acknowledgement


def verify_acknowledgement(acknowledgement: Acknowledgement, fingerprint: str, setup: str, tracker: str) -> None:
    """Check that it speaks of this election and of this ballot. Raises Inconsistent."""
    if (acknowledgement.fingerprint, acknowledgement.setup) != (fingerprint, setup):
        raise Inconsistent(
            "acknowledgement-election",
            f"acknowledged for the election {acknowledgement.fingerprint} with Setup {acknowledgement.setup[:16]}…, "
            f"expected {fingerprint} with {setup[:16]}…",
        )
    if acknowledgement.tracker != tracker:
        raise Inconsistent(
            "acknowledgement-ballot", f"acknowledges ballot {acknowledgement.tracker[:16]}…, not ballot {tracker[:16]}…"
        )


def _verify_origin(acknowledgement: Acknowledgement, box: VerifierKey) -> None:
    if box.name != f"{acknowledgement.origin}/box":
        raise Refused(
            "acknowledgement-key", f"the box of {acknowledgement.origin[:100]} signs as ORIGIN/box; this key is {box.name[:100]}"
        )


def _parse_text(text: str) -> Acknowledgement:
    first, *lines = text.removesuffix("\n").split("\n")
    if first != FIRST_LINE or len(lines) != len(_FORMS):
        raise Malformed(
            "acknowledgement-malformed", f"expected {FIRST_LINE} and {len(_FORMS)} lines, found {len(lines)} after the first"
        )
    for (name, form), line in zip(_FORMS, lines, strict=True):
        if form.fullmatch(line) is None:
            raise Malformed("acknowledgement-malformed", f"the line with the {name} is not in its one form")
    origin, fingerprint, setup, tracker, height, event, time = lines
    return Acknowledgement(origin, fingerprint, setup, tracker, int(height), event, int(time))
