"""The run file `ceremony/1`: everything public about one run of the ceremony, finished or ended, and its checks.

docs/protocol.md sections 6.7 and 9.5 (veche-record sections 5.4 and 5.5). A run that ends early names who erred; the
next one, without that trustee and with new seeds, names the file of the run before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from veche.crypto.canonical_json import Json, array, digest, encode, fields, integer, parse_canonical, text
from veche.crypto.certificate import Certificate, verify_certificates
from veche.crypto.channel import Cipher
from veche.crypto.complaint import Complaint, Dealing, Verdict, judge
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused
from veche.crypto.group import Point
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.reveal import Reveal, is_wrong, verify_reveal, verify_reveal_signature

_FIELDS: Final = (
    "veche", "size", "threshold", "cipher", "deadlines", "names", "certificates", "commitments",
    "reveals", "complaint", "named", "code", "trustees", "previous",
)  # fmt: skip
_OPTIONAL: Final = ("complaint", "named", "code", "trustees", "previous")

STEPS_REACHED: Final = {
    "no-certificate": 0, "no-commitment": 1, "no-reveal": 2, "wrong-reveal": 2,
    "bad-share": 3, "false-complaint": 3, "no-share": 3, "no-key": 3,
}  # fmt: skip
"""How many of the lists (certificates, commitments, reveals) are complete when a run ends with this code."""

_Entry = TypeVar("_Entry")

MAX_BYTES: Final = 8_000_000

JUDGED: Final = {"bad-share": Verdict.DEALER, "false-complaint": Verdict.COMPLAINANT}


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fixed before a run: n, t, cipher, names, deadlines for commitments, reveals, complaints (UTC seconds)."""

    size: int
    threshold: int
    cipher: Cipher
    deadlines: tuple[int, int, int]
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "veche": "ceremony/1",
            "size": self.size,
            "threshold": self.threshold,
            "cipher": self.cipher.value,
            "deadlines": list(self.deadlines),
            "names": list(self.names),
        }


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that gave a key: all lists complete. `trustees`, `previous`:

    SHA-256 (hex) of trustees.json and of the run file before.
    """

    terms: Terms
    certificates: tuple[Certificate, ...]
    commitments: tuple[str, ...]
    reveals: tuple[Reveal, ...]
    trustees: str
    previous: str | None

    def encode(self) -> bytes:
        """The canonical bytes of the file."""
        value = _lists_to_json(self.terms, self.certificates, self.commitments, self.reveals)
        return encode({**value, "trustees": self.trustees, **_previous_to_json(self.previous)})

    def lots(self) -> tuple[bytes, ...]:
        """lot_1 … lot_n, for the lot of the election."""
        return tuple(one.lot for one in self.reveals)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that ended early: None where nothing had come.

    `named` are the places of those who erred, `code` says how.
    """

    terms: Terms
    certificates: tuple[Certificate | None, ...]
    commitments: tuple[str | None, ...]
    reveals: tuple[Reveal | None, ...]
    complaint: Complaint | None
    named: tuple[int, ...]
    code: str
    previous: str | None

    def encode(self) -> bytes:
        """The canonical bytes of the file."""
        value = _lists_to_json(self.terms, self.certificates, self.commitments, self.reveals)
        complaint: dict[str, Json] = {} if self.complaint is None else {"complaint": self.complaint.to_json()}
        ending: dict[str, Json] = {"named": list(self.named), "code": self.code}
        return encode({**value, **complaint, **ending, **_previous_to_json(self.previous)})


Run = FinishedRun | EndedRun


def parse_run(data: bytes) -> Run:
    """The run of exactly these bytes.

    Raises Malformed `ceremony-malformed`, or Inconsistent `ceremony-certificates` when a key in one is no member.
    """
    try:
        return _run_of(parse_canonical(data, MAX_BYTES))
    except Malformed as error:
        if error.code == "trustee-key":
            raise Inconsistent("ceremony-certificates", f"the certificates of the ceremony: {error}") from error
        raise Malformed("ceremony-malformed", f"run file: {error}") from error


def finished_run(
    terms: Terms,
    certificates: Sequence[Certificate],
    commitments: Sequence[str],
    reveals: Sequence[Reveal],
    trustees_json: bytes,
    previous: bytes | None = None,
) -> FinishedRun:
    """The run that gave `trustees_json`, verified. `previous` is the file of the run before.

    Raises with the codes of docs/protocol.md section 9.5.
    """
    trustees = sha256(trustees_json).hexdigest()
    run = FinishedRun(terms, tuple(certificates), tuple(commitments), tuple(reveals), trustees, _hash_of(previous))
    verify_run(parse_run(run.encode()))
    return run


def ended_run(
    terms: Terms,
    certificates: Sequence[Certificate | None],
    commitments: Sequence[str | None],
    reveals: Sequence[Reveal | None],
    named: Sequence[int],
    code: str,
    previous: bytes | None = None,
) -> EndedRun:
    """A run ended by silence or a wrong reveal, verified; `named` are the silent or those whose reveal is wrong."""
    run = EndedRun(terms, tuple(certificates), tuple(commitments), tuple(reveals), None, tuple(named), code, _hash_of(previous))
    verify_run(parse_run(run.encode()))
    return run


def run_ended_by_complaint(
    terms: Terms,
    certificates: Sequence[Certificate],
    commitments: Sequence[str],
    reveals: Sequence[Reveal],
    complaint: Complaint,
    previous: bytes | None = None,
) -> EndedRun:
    """The run as a complaint ends it, verified; the judgement names the dealer or the complainant.

    Raises Refused `complaint-void` when it names nobody: then the run goes on.
    """
    judgement = judge(complaint, Dealing.of(certificates, terms.cipher, reveals))
    named = judgement.named(complaint)
    if named is None:
        raise Refused("complaint-void", f"the complaint names nobody ({judgement.reason}): the ceremony goes on")
    code = next(code for code, verdict in JUDGED.items() if verdict is judgement.verdict)
    lists = tuple(certificates), tuple(commitments), tuple(reveals)
    run = EndedRun(terms, *lists, complaint, (named,), code, _hash_of(previous))
    verify_run(parse_run(run.encode()))
    return run


def verify_run(run: Run) -> None:
    """Check everything that one run file says (docs/protocol.md sections 9.5.2 to 9.5.5).

    Raises Inconsistent or InvalidSignature with `ceremony-certificates`, `ceremony-commitment`, `ceremony-reveal` or
    `ceremony-judgement`. Silence (`no-…`) is the organizer's word: only what had come is checked.
    """
    try:
        verify_certificates(run.certificates, run.terms.size, run.terms.threshold)
    except ElectionError as error:
        raise Inconsistent("ceremony-certificates", f"the certificates of the ceremony: {error}") from error
    certificates = [one for one in run.certificates if one is not None]
    commitments = [one for one in run.commitments if one is not None]
    wrong = run.named if isinstance(run, EndedRun) and run.code == "wrong-reveal" else ()
    for place, reveal in enumerate(run.reveals, start=1):
        if reveal is not None and place in wrong:
            _verify_wrong(reveal, place, certificates, commitments, run.terms.threshold)
        elif reveal is not None:
            verify_reveal(reveal, place, certificates, commitments, run.terms.threshold)
    if isinstance(run, EndedRun):
        _verify_judgement(run)


def verify_new_keys(runs: Sequence[Run]) -> None:
    """Check that no key of an ended run is used in another run: what was opened there betrays nothing that lives on.

    Raises Inconsistent `ceremony-trustees`.
    """
    seen: set[Point] = set()
    for run in runs:
        keys = {key for one in run.certificates if one is not None for key in (one.verification, one.encryption)}
        if keys & seen:
            raise Inconsistent("ceremony-trustees", "a seed of an ended run of the ceremony was used again")
        seen |= keys if isinstance(run, EndedRun) else set()


def verify_run_matches(run: Run, trustees_json: bytes, group: ThresholdGroup) -> None:
    """Check that `run` finished and gave the group of `trustees_json`. Raises Inconsistent `ceremony-trustees`."""
    if isinstance(run, EndedRun):
        raise Inconsistent("ceremony-trustees", "the last run of the ceremony ended without a key")
    if run.trustees != sha256(trustees_json).hexdigest():
        raise Inconsistent("ceremony-trustees", "the ceremony gave another trustees.json")
    if run.terms.threshold != group.threshold:
        raise Inconsistent("ceremony-trustees", f"the threshold of the ceremony was {run.terms.threshold}")
    if [one.line() for one in run.certificates] != [one.line() for one in group.certificates]:
        raise Inconsistent("ceremony-trustees", "the certificates of the ceremony are not those of trustees.json")
    if [one.coefexps for one in run.reveals] != [one.line() for one in group.coefficients]:
        raise Inconsistent("ceremony-trustees", "the coefficients of the ceremony are not those of trustees.json")


def _verify_wrong(
    reveal: Reveal, place: int, certificates: Sequence[Certificate], commitments: Sequence[str], threshold: int
) -> None:
    """A trustee named for a wrong reveal must have signed it over these commitments, and it must be wrong.

    Without its signature anybody could have put the reveal there, or shown the trustee other commitments: nobody is named then.
    """
    verify_reveal_signature(reveal, place, certificates, commitments)
    if not is_wrong(reveal, place, certificates, commitments, threshold):
        raise Inconsistent("ceremony-commitment", f"trustee {place} is named for a wrong reveal, but its reveal is good")


def _verify_judgement(run: EndedRun) -> None:
    complaint = run.complaint
    if (complaint is not None) != (run.code in JUDGED):
        raise Inconsistent(
            "ceremony-judgement", "a complaint stands in a run that ended by its judgement, and nowhere else"
        )
    if complaint is None:
        return
    certificates = [one for one in run.certificates if one is not None]
    reveals = [one for one in run.reveals if one is not None]
    judgement = judge(complaint, Dealing.of(certificates, run.terms.cipher, reveals))
    if judgement.verdict is not JUDGED[run.code] or run.named != (judgement.named(complaint),):
        raise Inconsistent(
            "ceremony-judgement",
            f"the run names trustee {run.named[0]} for {run.code}, "
            f"but the complaint is judged: {judgement.verdict.value} ({judgement.reason})",
        )


def _run_of(value: Json) -> Run:
    found = fields(value, _FIELDS, _OPTIONAL)
    if found["veche"] != "ceremony/1":
        raise Malformed("wrong-type", 'a run file says "veche":"ceremony/1"')
    terms = _terms_of(found)
    size = terms.size
    certificates = tuple(_certificate_or_none(one) for one in array(found["certificates"], size))
    commitments = tuple(None if one is None else digest(one) for one in array(found["commitments"], size))
    reveals = tuple(None if one is None else _reveal_of(one, size) for one in array(found["reveals"], size))
    previous = digest(found["previous"]) if "previous" in found else None
    if "trustees" in found:
        if any(name in found for name in ("complaint", "named", "code")):
            raise Malformed("wrong-fields", "a run that finished names nobody")
        complete = _complete(certificates), _complete(commitments), _complete(reveals)
        return FinishedRun(terms, *complete, digest(found["trustees"]), previous)
    if "named" not in found or "code" not in found:
        raise Malformed("wrong-fields", "a run that ended early has a code and names somebody")
    named = tuple(integer(one, 1, size) for one in array(found["named"]))
    complaint = Complaint.from_json(found["complaint"]) if "complaint" in found else None
    run = EndedRun(terms, certificates, commitments, reveals, complaint, named, text(found["code"]), previous)
    _refuse_contradiction(run)
    return run


def _terms_of(found: dict[str, Json]) -> Terms:
    size = integer(found["size"], 1)
    commit, reveal, complain = (integer(one) for one in array(found["deadlines"], 3))
    names = tuple(text(one) for one in array(found["names"], size))
    cipher = Cipher.from_json(found["cipher"])
    return Terms(size, integer(found["threshold"], 1), cipher, (commit, reveal, complain), names)


def _refuse_contradiction(run: EndedRun) -> None:
    """Refuse what a run with this code cannot look like; the steps before the one where it ended are complete."""
    if run.code not in STEPS_REACHED:
        raise Malformed("wrong-code", "the code of a run is not one of " + ", ".join(STEPS_REACHED))
    if not run.named or list(run.named) != sorted(set(run.named)):
        raise Malformed("wrong-named", "the places named are given once each, in order")
    steps: tuple[tuple[object, ...], ...] = (run.certificates, run.commitments, run.reveals)
    reached = STEPS_REACHED[run.code]
    for step, entries in enumerate(steps):
        if step < reached and None in entries:
            raise Malformed("wrong-steps", f"a run that ended with {run.code} has all of its step {step + 1}")
        if step > reached and any(entry is not None for entry in entries):
            raise Malformed("wrong-steps", f"a run that ended with {run.code} has nothing of its step {step + 1}")
    if reached < len(steps):
        silent = run.code != "wrong-reveal"
        if any((steps[reached][place - 1] is None) != silent for place in run.named):
            raise Malformed("wrong-named", f"the run names somebody for {run.code} against what it holds")


def _certificate_or_none(value: Json) -> Certificate | None:
    return None if value is None else Certificate.parse(text(value))


def _reveal_of(value: Json, size: int) -> Reveal:
    reveal = Reveal.from_json(value)
    if len(reveal.secrets) != size:
        raise Malformed("wrong-length", f"a reveal gives the hashes of {size} shares")
    return reveal


def _complete(entries: tuple[_Entry | None, ...]) -> tuple[_Entry, ...]:
    complete = tuple(one for one in entries if one is not None)
    if len(complete) != len(entries):
        raise Malformed("wrong-steps", "a run that finished has all certificates, commitments and reveals")
    return complete


def _hash_of(previous: bytes | None) -> str | None:
    return None if previous is None else sha256(previous).hexdigest()


def _previous_to_json(previous: str | None) -> dict[str, Json]:
    return {} if previous is None else {"previous": previous}


def _lists_to_json(
    terms: Terms,
    certificates: Sequence[Certificate | None],
    commitments: Sequence[str | None],
    reveals: Sequence[Reveal | None],
) -> dict[str, Json]:
    return {
        **terms.to_json(),
        "certificates": [None if one is None else one.line() for one in certificates],
        "commitments": list(commitments),
        "reveals": [None if one is None else one.to_json() for one in reveals],
    }
