"""A witness: cosigns checkpoints of the logs it knows, each only as the continuation of the one before. docs/protocol.md 12.8.

Its word is worth something because it is somebody else's machine: it needs nothing of the operator, and nothing but Python's own
library beside the cryptography. What a log signed and cannot be true is kept in the folder `evidence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from veche.crypto.errors import ElectionError, Inconsistent, InvalidProof, Refused
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import COSIGNATURE, VerifierKey, written_line
from veche.crypto.signing_key import Signer, SigningKey
from veche.ledger.contradiction import find_contradiction
from veche.ledger.cosignature import COSIGNER_KINDS, make_line
from veche.ledger.signed_checkpoint import SignedCheckpoint, note_bytes, parse_signed
from veche.ledger.submission import Cosigned, Submission, judge, origin_hash, parse_submission
from veche.observer.durable_files import make_private_folder, read_line, write_new, write_private
from veche.observer.witness_store import WatchedLog, WitnessStore, make_store

KEY: Final = "witness.key"
DATABASE: Final = "witness.sqlite3"
EVIDENCE: Final = "evidence"
MAX_KEPT: Final = 1000
"""So many refused checkpoints are kept, then no more: who holds a log's key must not fill the witness's disk."""


def make_witness(folder: Path, name: str, randomness: Randomness) -> VerifierKey:
    """A new witness called `name` lives in `folder`; its public key. Raises Refused `file-exists`, Malformed, OSError."""
    signer = SigningKey.generate(name, randomness, COSIGNATURE)
    make_private_folder(folder)
    write_private(folder / KEY, signer.private_text().encode() + b"\n")
    # After the key: where a key is already, no new memory is laid beside it.
    make_store(folder / DATABASE)
    return signer.verifier


def open_witness(folder: Path, clock: Callable[[], float]) -> Witness:
    """The witness that lives in `folder`. Raises Refused `witness-key`, `witness-store-lost`, Malformed, OSError."""
    path = folder / KEY
    mode = path.stat().st_mode
    if mode & 0o077:
        raise Refused("witness-key", f"{path} can be read by others; only its owner may (chmod 600)")
    signer = SigningKey.from_private_text(read_line(path))
    if signer.verifier.kind not in COSIGNER_KINDS:
        raise Refused("witness-key", f"{path} holds no key of a cosigner (type 4 or 6)")
    return Witness(WitnessStore(folder / DATABASE), signer, folder / EVIDENCE, clock)


class Witness:
    """Answers submissions. `clock` gives seconds since 1970. Threads may share it."""

    def __init__(self, store: WitnessStore, signer: Signer, evidence: Path, clock: Callable[[], float]) -> None:
        self.store = store
        self.signer = signer
        self._evidence = evidence
        self._clock = clock

    def cosign(self, body: bytes) -> str:
        """The cosignature line (with its newline) of the checkpoint in `body`, after it is stored.

        Raises as `parse_submission` and `judge`; `status_of` gives the number of the answer.
        """
        submission = parse_submission(body)
        origin = submission.signed.checkpoint.origin
        log = self.store.log(origin) or WatchedLog(origin, (), Cosigned(), None)
        try:
            checkpoint = judge(submission, log.keys, log.cosigned)
        except (Inconsistent, InvalidProof):
            self._keep(log, submission, body)
            raise
        line = make_line(self.signer, checkpoint, max(1, int(self._clock())))
        # A crash after this leaves a state that nobody has heard of: the log reads it from the next answer 409.
        self.store.advance(log.cosigned, checkpoint, note_bytes(checkpoint, [*_lines_of(submission.signed, log.keys), line]))
        return f"{line}\n"

    def last_size(self, body: bytes) -> int:
        """How many entries were last cosigned of the log that `body` submits: what an answer 409 says."""
        log = self.store.log(parse_submission(body).signed.checkpoint.origin)
        return 0 if log is None else log.cosigned.size

    def _keep(self, log: WatchedLog, submission: Submission, body: bytes) -> None:
        """What was refused although the log signed it stays in the folder `evidence`, once; and the proof, where there is one.

        `.json` is evidence that `veche evidence` verifies; `.txt` is the request with the checkpoint cosigned before.
        """
        checkpoint = submission.signed.checkpoint
        # The text is what the log signed: with other lines below it is the same statement.
        name = f"{origin_hash(log.origin)[:16]}-{sha256(checkpoint.text().encode()).hexdigest()[:16]}"
        make_private_folder(self._evidence)
        if (self._evidence / f"{name}.txt").exists() or sum(1 for _ in self._evidence.iterdir()) >= MAX_KEPT:
            return
        proven = _contradiction(log, submission.signed)
        try:
            if proven is not None:
                write_new(self._evidence / f"{name}.json", proven)
            write_new(self._evidence / f"{name}.txt", body + b"\n" + (log.note or b""))
        except Refused:
            # Two requests with the same checkpoint: the other one keeps it.
            return


def _lines_of(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> list[str]:
    """The signature lines of these keys, which verify; those of others are none of the witness's business."""
    known = {(key.name, key.key_id) for key in keys}
    return [written_line(*one) for one in signed.note.lines if one[:2] in known]


def _contradiction(log: WatchedLog, signed: SignedCheckpoint) -> bytes | None:
    """The evidence file, where the two checkpoints alone prove it; without the log's tiles a witness cannot always."""
    if log.note is None:
        return None
    try:
        found = find_contradiction(parse_signed(log.note), signed, None, log.keys)
    except ElectionError:
        return None
    return None if found is None else found.data()
