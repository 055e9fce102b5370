"""Before anything is signed, the witnesses are asked what they have cosigned: an old backup does not know what it has forgotten.

The size comes from the answer to the empty tree, which is the beginning of every history and so contradicts none; the checkpoint
from the call for the newest one, which not every witness has. A witness that does not answer is told of, and never waited for long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from veche.crypto.errors import ElectionError, Inconsistent, Refused
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.merkle import EMPTY_ROOT
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, sign_checkpoint, verify_log
from veche.ledger.submission import Submission
from veche.observer.log_store import FolderTiles
from veche.service.sequencer import Sequencer, log_folder
from veche.service.witness_client import WitnessClient
from veche.service.witness_submission import cosignatures, last_size, log_lines_only, make_submission, witness_keys

SECONDS: Final = 30.0
"""So long all witnesses together are asked for all logs; what was not asked until then is told of."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def verify_witnesses(sequencer: Sequencer, root: Path, addresses: Mapping[str, str], seconds: float = SECONDS) -> None:
    """Check that no witness has cosigned more than, or other than, what this server would go on from.

    Where the signed state was lost and the database has all that a witness cosigned, the state is taken from there. Raises
    Inconsistent `witness-ahead` and `witness-contradicts`; each says what to do.
    """
    if not addresses:
        return
    wanted: dict[str, list[str]] = {name: [] for name in addresses}
    for uuid in sequencer.uuids():
        for name in _names(sequencer, uuid) & wanted.keys():
            wanted[name].append(uuid)
    asked = [_Asking(sequencer, root, WitnessClient(addresses[name]), name, uuids) for name, uuids in wanted.items()]
    threads = [threading.Thread(target=one.run, name=f"witness {one.name}", daemon=True) for one in asked]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread, one in zip(threads, asked, strict=True):
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            one.stop()
            log.warning("a witness was not asked for every log in time", witness=one.name)
    for one in asked:
        if one.wrong is not None:
            raise one.wrong


def _names(sequencer: Sequencer, uuid: str) -> set[str]:
    try:
        return {key.name for key in witness_keys(sequencer.log_of(uuid))}
    except ElectionError:
        return set()


@dataclass(slots=True)
class _Asking:
    """One witness, asked for one log after the other until something is wrong or it falls silent."""

    sequencer: Sequencer
    root: Path
    client: WitnessClient
    name: str
    uuids: list[str]
    wrong: Inconsistent | None = None
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True
        self.client.hang_up()

    def run(self) -> None:
        for uuid in self.uuids:
            if self.stopped:
                return
            try:
                self._verify(uuid)
            except Inconsistent as error:
                self.wrong = error
                return
            except ElectionError as error:
                self._tell(uuid, error.message)
                if error.code == "witness-silent":
                    return
            except (OSError, SQLAlchemyError) as error:
                self._tell(uuid, type(error).__name__)

    def _tell(self, uuid: str, reason: str) -> None:
        log.warning("a witness could not be asked at the start", election=uuid, witness=self.name, reason=reason)

    def _verify(self, uuid: str) -> None:
        try:
            size = self._size(uuid)
        except Refused as error:
            # It does not know this log, or the log's key is not here: it may still show what it cosigned.
            self._tell(uuid, error.message)
            size = 0
        shown = self._shown(uuid)
        if shown is not None:
            # It is at most an hour old: the size may be further.
            self._compare(uuid, shown)
        ours = self.sequencer.newest(uuid)
        have = 0 if ours is None else ours.checkpoint.size
        if size > have:
            raise self._ahead(uuid, size, f"this server has signed {have}")
        if size and ours is not None and (shown is None or shown.checkpoint.size != size):
            self._ask_for_proof(uuid, size, ours)

    def _ahead(self, uuid: str, size: int, ours: str) -> Inconsistent:
        return Inconsistent(
            "witness-ahead",
            f"election {uuid}: the witness at {self.client.address} has cosigned {size} entries, {ours}. It is an older copy: "
            "bring back the newest database and the folder log-state, or the log would contradict itself. Only if you are sure "
            "that the witness is wrong, take it out of VECHE_WITNESSES",
        )

    def _size(self, uuid: str) -> int:
        """What it says it cosigned last. Raises as `WitnessClient`, `cosignatures`, `last_size`; Refused `log-key`."""
        known, signers = self.sequencer.log_of(uuid), self.sequencer.signers(uuid)
        empty = parse_signed(sign_checkpoint(Checkpoint(known.origin, 0, EMPTY_ROOT), signers[:1]))
        answer = self.client.submit(Submission(0, (), empty))
        if answer.status == 409:
            return last_size(answer, self.client.address)
        keys = [one for one in witness_keys(known) if one.name == self.name]
        cosignatures(answer, empty, keys, self.client.address)
        return 0

    def _shown(self, uuid: str) -> SignedCheckpoint | None:
        """The checkpoint that it shows as its newest, if it shows one that this log has signed."""
        known, answer = self.sequencer.log_of(uuid), self.client.newest(self.sequencer.log_of(uuid).origin)
        if answer.status != 200:
            return None
        try:
            signed = parse_signed(answer.body)
            verify_log(signed, known.origin, known.keys)
        except ElectionError as error:
            log.warning("a witness shows what this log has not signed", election=uuid, witness=self.name, reason=error.message)
            return None
        return signed

    def _compare(self, uuid: str, shown: SignedCheckpoint) -> None:
        """What the log has signed, by its own line, is the beginning of this database."""
        found = self.sequencer.root_at(uuid, shown.checkpoint.size)
        if found is None:
            raise self._ahead(uuid, shown.checkpoint.size, "and shows the log's own signature below; this database has fewer")
        if found != shown.checkpoint.root:
            raise Inconsistent(
                "witness-contradicts",
                f"election {uuid}: the witness at {self.client.address} holds a checkpoint of {shown.checkpoint.size} entries that "
                "this log has signed, and the entries of this database are others. It is another or a changed database: bring "
                "back the right one; nothing is signed until then",
            )
        self.sequencer.adopt(uuid, log_lines_only(shown, self.sequencer.log_of(uuid)))

    def _ask_for_proof(self, uuid: str, size: int, ours: SignedCheckpoint) -> None:
        """A witness that shows no checkpoint says of ours, with its proof, whether it continues what was cosigned."""
        signed = log_lines_only(ours, self.sequencer.log_of(uuid))
        submission = make_submission(FolderTiles(log_folder(self.root, uuid)), size, signed)
        answer = self.client.submit(submission)
        if answer.status == 422:
            raise Inconsistent(
                "witness-contradicts",
                f"election {uuid}: the witness at {self.client.address} has cosigned another history of this log than this server "
                "has. It is another or a changed database: bring back the right one; nothing is signed until then. Only if you "
                "are sure that the witness is wrong, take it out of VECHE_WITNESSES",
            )
