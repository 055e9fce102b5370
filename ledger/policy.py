"""A trust policy: which logs and witnesses a reader believes, and how many must agree. docs/protocol.md section 12.6.

The format is C2SP tlog-policy. The one trust input of everything that reads a log from outside: receipts, mirrors, witnesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from veche.ballot.manifest import Log
from veche.crypto.errors import ElectionError, InvalidSignature, Malformed, Refused, said
from veche.crypto.signed_note import VerifierKey, parse_verifier_key
from veche.ledger.cosignature import COSIGNER_KINDS, LOG_KINDS, Cosignature, verify_key
from veche.ledger.signed_checkpoint import SignedCheckpoint, verify_lines

MAX_BYTES: Final = 4_000_000
MAX_COMPONENTS: Final = 1000
NONE: Final = "none"

_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log whose checkpoints are believed; its origin is the key's name."""

    key: VerifierKey
    url: str | None = None

    def line(self) -> str:
        return _joined("log", self.key.text(), self.url)


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner. `name` is what this policy calls it, and nothing else."""

    name: str
    key: VerifierKey
    url: str | None = None

    def line(self) -> str:
        return _joined("witness", self.name, self.key.text(), self.url)


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as one voice when at least `threshold` of its members do. Invariant: 1 ≤ threshold ≤ members."""

    name: str
    threshold: int
    members: tuple[str, ...]

    def line(self) -> str:
        return _joined("group", self.name, str(self.threshold), *self.members)


@dataclass(frozen=True, slots=True)
class Policy:
    """`quorum` is the witness or group that must have cosigned; None: nobody need.

    Invariant, kept by `parse_policy`: names are unique, members stand before their group and in one group at most, keys are of
    the right types, and no public key stands twice among logs or among witnesses.
    """

    logs: tuple[KnownLog, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None

    def text(self) -> str:
        """A policy file that says the same."""
        lines: tuple[KnownLog | Witness | Group, ...] = (*self.logs, *self.witnesses, *self.groups)
        return "".join(f"{one.line()}\n" for one in lines) + f"quorum {self.quorum or NONE}\n"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a checkpoint has behind it: the log keys that signed it, and the witnesses of the policy, by the policy's names.

    `quorum` says whether the policy asks for witnesses at all: without, "confirmed" is no word for it.
    """

    logs: tuple[Cosignature, ...]
    witnesses: tuple[tuple[str, Cosignature], ...]
    quorum: bool


def verify_policy(policy: Policy, signed: SignedCheckpoint) -> Confirmation:
    """Check that a log of the policy signed the checkpoint, and that the quorum cosigned it.

    Raises InvalidSignature `note-signature` (a known key's line is wrong: all is refused) and `checkpoint-unsigned`; Refused
    `checkpoint-origin` and `quorum-missing`, which says who is missing.
    """
    origin = signed.checkpoint.origin
    log_keys = [log.key for log in policy.logs if log.key.name == origin]
    if not log_keys:
        known = ", ".join(dict.fromkeys(log.key.name[:80] for log in policy.logs)) or "none"
        raise Refused("checkpoint-origin", f"the policy knows no log {origin[:80]}; the logs it knows: {known[:400]}")
    found = {one.key: one for one in verify_lines(signed, [*log_keys, *(witness.key for witness in policy.witnesses)])}
    logs = tuple(found[key] for key in log_keys if key in found)
    if not logs:
        raise InvalidSignature("checkpoint-unsigned", f"no key that the policy has for {origin[:80]} signed this checkpoint")
    witnesses = tuple((one.name, found[one.key]) for one in policy.witnesses if one.key in found)
    _verify_quorum(policy, {name for name, _ in witnesses})
    return Confirmation(logs, witnesses, policy.quorum is not None)


def with_logs(policy: Policy, keys: Sequence[VerifierKey]) -> Policy:
    """The policy with these log keys and no others. Raises Malformed `policy-malformed` for keys that cannot be a log's."""
    return replace(policy, logs=_verified_logs(KnownLog(key) for key in keys))


def policy_of_manifest(log: Log) -> Policy:
    """The policy that an election's manifest states: its witnesses and quorum, with the log keys of the manifest itself.

    Log lines in the policy's text may repeat these keys. Raises Malformed `policy-malformed`.
    """
    policy = parse_policy(log.policy.encode("utf-8"))
    if any(known.key not in log.keys for known in policy.logs):
        raise Malformed("policy-malformed", said("the manifest's policy names a log key that the manifest does not have"))
    return with_logs(policy, [key for key in log.keys if key.name == log.origin and key.kind in LOG_KINDS])


def parse_policy(data: bytes) -> Policy:
    """The policy in a file. Raises Malformed `policy-malformed` with the number of the line.

    Names are compared byte by byte, whatever they mean; a file cut short must not be read as a weaker one, so the last line
    needs its newline.
    """
    if len(data) > MAX_BYTES or _CONTROL.search(data) is not None or not data.endswith(b"\n"):
        raise Malformed("policy-malformed", said("a policy is a text without control characters, its last line ends in a newline"))
    reading = _Reading()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        items = [item for item in re.split(r"[ \t]+", line) if item]
        if items and not items[0].startswith("#"):
            try:
                reading.read(items)
            except ElectionError as error:
                told = said("line %(number)s of the policy: %(told)s", number=number, told=error.sentence)
                raise Malformed("policy-malformed", told) from error
    return reading.policy()


class _Reading:
    """What the lines up to some line have defined."""

    def __init__(self) -> None:
        self._logs: list[KnownLog] = []
        self._witnesses: list[Witness] = []
        self._groups: list[Group] = []
        self._quorum: list[str] = []
        self._names: set[str] = set()
        self._members: set[str] = set()

    def read(self, items: list[str]) -> None:
        word, rest = items[0], items[1:]
        match word:
            case "log" if 1 <= len(rest) <= 2:
                self._logs = list(_verified_logs([*self._logs, KnownLog(parse_verifier_key(rest[0]), *rest[1:])]))
            case "witness" if 2 <= len(rest) <= 3:
                self._add_witness(Witness(rest[0], parse_verifier_key(rest[1]), *rest[2:]))
            case "group" if len(rest) >= 3:
                self._add_group(rest[0], rest[1], rest[2:])
            case "quorum" if len(rest) == 1:
                self._add_quorum(rest[0])
            case _:
                told = said("%(word)s with %(items)s items is no log, witness, group or quorum", word=word[:40], items=len(rest))
                raise Malformed("policy-malformed", told)
        if len(self._logs) + len(self._names) > MAX_COMPONENTS:
            raise Malformed("policy-malformed", said("more than %(most)s logs, witnesses and groups", most=MAX_COMPONENTS))

    def policy(self) -> Policy:
        if not self._quorum:
            raise Malformed("policy-malformed", said("the policy has no quorum line"))
        quorum = None if self._quorum == [NONE] else self._quorum[0]
        return Policy(tuple(self._logs), tuple(self._witnesses), tuple(self._groups), quorum)

    def _add_witness(self, witness: Witness) -> None:
        verify_key(witness.key, COSIGNER_KINDS, said("the witness"))
        if any(witness.key.public == other.key.public for other in self._witnesses):
            told = said("the key of %(name)s is that of another witness: one could count twice", name=witness.name[:80])
            raise Malformed("policy-malformed", told)
        self._define(witness.name)
        self._witnesses.append(witness)

    def _add_group(self, name: str, written: str, members: list[str]) -> None:
        for member in members:
            self._verify_defined(member)
            if member in self._members:
                raise Malformed("policy-malformed", said("%(name)s is a member twice: one could count twice", name=member[:80]))
            self._members.add(member)
        if written not in ("any", "all") and (_THRESHOLD.fullmatch(written) is None or int(written) > len(members)):
            told = said(
                "%(name)s needs %(found)s: any, all or 1 to %(most)s", name=name[:80], found=written[:20], most=len(members)
            )
            raise Malformed("policy-malformed", told)
        self._define(name)
        threshold = {"any": 1, "all": len(members)}.get(written) or int(written)
        self._groups.append(Group(name, threshold, tuple(members)))

    def _add_quorum(self, name: str) -> None:
        if self._quorum:
            raise Malformed("policy-malformed", said("a second quorum"))
        if name != NONE:
            self._verify_defined(name)
        self._quorum.append(name)

    def _define(self, name: str) -> None:
        if name == NONE or name in self._names:
            raise Malformed("policy-malformed", said("the name %(name)s is taken", name=name[:80]))
        self._names.add(name)

    def _verify_defined(self, name: str) -> None:
        if name not in self._names:
            raise Malformed("policy-malformed", said("%(name)s is no witness or group of a line before", name=name[:80]))


def _verified_logs(logs: Iterable[KnownLog]) -> tuple[KnownLog, ...]:
    known = tuple(logs)
    for log in known:
        verify_key(log.key, LOG_KINDS, said("the log"))
    if len({log.key.public for log in known}) != len(known):
        raise Malformed("policy-malformed", said("one public key stands in two log lines"))
    return known


def _verify_quorum(policy: Policy, cosigned: set[str]) -> None:
    if policy.quorum is None:
        return
    agreed = set(cosigned)
    # Members stand before their group, so one pass is enough.
    for group in policy.groups:
        if sum(member in agreed for member in group.members) >= group.threshold:
            agreed.add(group.name)
    if policy.quorum not in agreed:
        missing = [witness.name[:80] for witness in policy.witnesses if witness.name not in cosigned]
        raise Refused(
            "quorum-missing",
            f"the quorum {policy.quorum[:80]} has not cosigned: {len(cosigned)} of {len(policy.witnesses)} witnesses did; "
            f"missing: {', '.join(missing)[:600]}",
        )


def _joined(*items: str | None) -> str:
    return " ".join(item for item in items if item is not None)
