"""How far a ballot, and a log, have come, in the words that people are told everywhere. docs/protocol.md section 12.5.

*Accepted*: the box has signed that it took the ballot. *In the public log*: a signed checkpoint covers it. *Confirmed by N
witnesses*: the quorum of the manifest's policy has cosigned that. *Counted*: voting is over and no later ballot replaced it.
`receipt_check` says the same of a receipt offline, from what the voter holds; what is said here is only what a server claims.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from veche.ballot.manifest import Manifest
from veche.crypto.canonical_json import Json
from veche.crypto.errors import Refused
from veche.ledger.policy import Confirmation, verify_policy
from veche.ledger.receipt import SUFFIX
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed
from veche.observer.receipt_check import log_policy
from veche.observer.record_rows import ElectionRow

ACCEPTED: Final = "accepted"
LOGGED: Final = "in the public log"

_VOTING: Final = ("open", "suspended")
_ENDED: Final = ("cancelled", "annulled")


def confirmation_of(signed: SignedCheckpoint, manifest: Manifest) -> tuple[Confirmation, bool]:
    """What a checkpoint has behind it by the manifest's policy, and whether the quorum that it asks for is there.

    Raises InvalidSignature and Refused `checkpoint-origin` when it is no checkpoint of this log.
    """
    policy = log_policy(manifest)
    try:
        return verify_policy(policy, signed), policy.quorum is not None
    except Refused as error:
        if error.code != "quorum-missing":
            raise
        return verify_policy(replace(policy, quorum=None), signed), False


def standing_json(
    row: ElectionRow, manifest: Manifest, tracker: str, index: int, replaced: bool, note: bytes | None
) -> dict[str, Json]:
    """What the server says of one ballot, entry `index` of the log, by the newest checkpoint `note`; and where its receipt is."""
    signed = None if note is None else parse_signed(note)
    return {
        "log_index": index,
        "standing": ACCEPTED if signed is None or signed.checkpoint.size <= index else logged_word(signed, manifest),
        "counted": _counted(row.state, replaced),
        "receipt": None if manifest.log is None else f"/observer/elections/{row.uuid}/ballots/{tracker}{SUFFIX}",
    }


def logged_word(signed: SignedCheckpoint, manifest: Manifest) -> str:
    """The word for what this checkpoint covers."""
    confirmation, confirmed = confirmation_of(signed, manifest)
    return f"confirmed by {len(confirmation.witnesses)} witnesses" if confirmed else LOGGED


def log_json(note: bytes, manifest: Manifest) -> dict[str, Json]:
    """The newest checkpoint for a page: its size and root, who has cosigned it and when (seconds since 1970), who not yet."""
    signed = parse_signed(note)
    confirmation, _ = confirmation_of(signed, manifest)
    cosigned = {name: line.time for name, line in confirmation.witnesses}
    return {
        "size": signed.checkpoint.size,
        "root": signed.checkpoint.root.hex(),
        "word": logged_word(signed, manifest),
        "witnesses": [{"name": one.name, "time": cosigned.get(one.name)} for one in log_policy(manifest).witnesses],
    }


def _counted(state: str, replaced: bool) -> str:
    if replaced:
        return "not counted: a later ballot with the same code replaced it"
    if state in _ENDED:
        return f"not counted: the vote was {state}"
    return "not counted yet: voting goes on" if state in _VOTING else "counted"
