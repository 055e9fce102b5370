"""Each newest checkpoint goes to the witnesses, and their cosignatures into what is served. docs/protocol.md section 12.8.

One thread for each witness, so that a slow one holds up nobody: no voter, no log, and no other witness. What goes wrong is told and
tried again; only that a witness contradicts the log is kept on the disk, and shouted.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from veche.ballot.manifest import Log
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import ED25519, VerifierKey, written_line
from veche.ledger.merkle import make_consistency
from veche.ledger.policy import policy_of_manifest
from veche.ledger.signed_checkpoint import SignedCheckpoint, note_bytes, parse_signed, verify_log, with_lines
from veche.ledger.submission import Submission
from veche.ledger.tile_reader import TileReader
from veche.observer.durable_files import make_private_folder, write_new
from veche.observer.log_store import FolderTiles
from veche.service.sequencer import Sequencer, log_folder
from veche.service.witness_client import Answer, WitnessClient

EVIDENCE: Final = "evidence"
MAX_KEPT: Final = 1000
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between two attempts at a witness that fails; they double from the first to the longest."""

LOOK: Final = 1.0
"""Seconds after which what is to be tried again is looked at, when no checkpoint has woken the thread before."""

_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """How an election's log stands with a witness: `code` is `confirmed`, or says what is wrong; the sentence, what to do."""

    witness: str
    uuid: str
    code: str
    sentence: str


@dataclass(slots=True)
class _Known:
    """What this process knows of one log at one witness. `size` is what was last cosigned there; times are monotonic."""

    keys: tuple[VerifierKey, ...]
    size: int = 0
    waiting: bool = True
    failures: int = 0
    again_at: float = 0.0
    standing: tuple[str, str] = ("waiting", "it has not been asked yet")


@dataclass(slots=True)
class _Desk:
    """One witness: its client, its logs by uuid, and the thread that asks it."""

    name: str
    client: WitnessClient
    wake: threading.Event = field(default_factory=threading.Event)
    logs: dict[str, _Known] = field(default_factory=dict)
    failures: int = 0
    again_at: float = 0.0


class WitnessSubmission:
    """Submits for one server. `addresses` are the submission prefixes by the names of the witnesses' keys.

    Only these addresses are ever asked: what a manifest's policy has for addresses is for its readers. `start` begins, `stop` ends.
    """

    def __init__(
        self, sequencer: Sequencer, root: Path, addresses: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sequencer = sequencer
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._desks = [_Desk(name, WitnessClient(address)) for name, address in addresses.items()]
        self._threads = [
            threading.Thread(target=self._run, args=(desk,), name=f"witness {desk.name}", daemon=True) for desk in self._desks
        ]
        sequencer.signed.append(self.told)

    def start(self) -> None:
        """Checkpoints go to the witnesses from now on, those that were signed before included."""
        if self._desks:
            for uuid in self._sequencer.uuids():
                self.told(uuid)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No thread runs any more; requests under way are broken off, which harms nothing."""
        self._stopping.set()
        for desk in self._desks:
            desk.wake.set()
            desk.client.hang_up()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(15)

    def told(self, uuid: str) -> None:
        """This log has a new checkpoint."""
        if not self._desks:
            return
        try:
            keys = witness_keys(self._sequencer.log_of(uuid))
        except ElectionError:
            # No log, or a policy that says nothing: then no witness is asked.
            return
        with self._lock:
            for desk in self._desks:
                own = tuple(key for key in keys if key.name == desk.name)
                if own:
                    desk.logs.setdefault(uuid, _Known(own)).waiting = True
                    desk.wake.set()

    def standings(self) -> list[Standing]:
        """Every log at every witness of it that has an address, as this process has found it."""
        with self._lock:
            return [Standing(desk.name, uuid, *known.standing) for desk in self._desks for uuid, known in sorted(desk.logs.items())]

    def step(self, name: str) -> int:
        """Everything that waits for this witness and whose time has come was tried once; how many were confirmed."""
        return sum(self._step(desk) for desk in self._desks if desk.name == name)

    def _run(self, desk: _Desk) -> None:
        while not self._stopping.is_set():
            desk.wake.wait(LOOK)
            desk.wake.clear()
            self._step(desk)

    def _step(self, desk: _Desk) -> int:
        done = 0
        with self._lock:
            waiting = [(uuid, known) for uuid, known in desk.logs.items() if known.waiting and known.again_at <= self._clock()]
        for uuid, known in waiting:
            if self._stopping.is_set() or desk.again_at > self._clock():
                break
            done += self._tried(desk, uuid, known)
        return done

    def _tried(self, desk: _Desk, uuid: str, known: _Known) -> bool:
        known.waiting = False
        try:
            size = self._submit(desk.client, uuid, known)
        except ElectionError as error:
            known.waiting = True
            self._failed(desk, uuid, known, error)
            return False
        except (OSError, SQLAlchemyError) as error:
            known.waiting, known.again_at = True, self._clock() + FIRST_PAUSE
            log.warning("a checkpoint could not be read for its witnesses", election=uuid, reason=type(error).__name__)
            return False
        desk.failures = known.failures = 0
        if size:
            known.standing = ("confirmed", f"it has cosigned {size} entries")
        return size > 0

    def _failed(self, desk: _Desk, uuid: str, known: _Known, error: ElectionError) -> None:
        """It is told once, and tried again later and later; a witness that is silent is so for all logs."""
        if self._stopping.is_set() or error.code == "witness-moved":
            return
        if error.code == "witness-silent":
            desk.failures += 1
            desk.again_at = self._clock() + _pause(desk.failures)
        else:
            known.failures += 1
            known.again_at = self._clock() + (_pause(known.failures) if error.code != "witness-contradicts" else float("inf"))
        if known.standing[0] != error.code:
            tell = log.critical if isinstance(error, Inconsistent) else log.warning
            tell("a witness does not confirm", election=uuid, witness=desk.name, code=error.code, reason=error.message)
        known.standing = (error.code, error.message)

    def _submit(self, client: WitnessClient, uuid: str, known: _Known) -> int:
        """How many entries the witness has cosigned now; 0 when there is no checkpoint yet.

        Raises Unsupported `witness-silent`; Refused `witness-log-unknown`, `witness-key-unknown`, `witness-refuses`,
        `witness-moved`; Inconsistent `witness-ahead`, `witness-contradicts`.
        """
        newest = self._sequencer.newest(uuid)
        if newest is None:
            return 0
        signed, store = log_lines_only(newest, self._sequencer.log_of(uuid)), FolderTiles(log_folder(self._root, uuid))
        size = signed.checkpoint.size
        for _ in range(2):
            submission = make_submission(store, known.size, signed)
            answer = client.submit(submission)
            if answer.status != 409:
                break
            known.size = theirs = last_size(answer, client.address)
            if theirs > size:
                # Asked from the beginning again later: no proof leads from there to what is signed here.
                known.size = 0
                raise self._verified_fork(client, uuid, _ahead(uuid, client.address, theirs, size))
        if answer.status == 422:
            raise self._verified_fork(client, uuid, self.kept(uuid, client.address, submission, answer))
        lines = cosignatures(answer, signed, known.keys, client.address)
        known.size = size
        try:
            self._sequencer.add_cosignatures(uuid, lines)
        except InvalidSignature as error:
            # What is served has moved on meanwhile, and `told` was called: the next one is submitted at once.
            raise Refused("witness-moved", "the log has grown meanwhile; the newer checkpoint is sent next") from error
        return size

    def _verified_fork(self, client: WitnessClient, uuid: str, error: Inconsistent) -> Inconsistent:
        """The error to raise; where the witness shows what the log has signed and this database lacks, the log is stopped.

        A witness's word alone stops nothing: the log's own signature does, by which whatever is signed next would be a fork.
        """
        public_log = self._sequencer.log_of(uuid)
        try:
            shown = parse_signed(client.newest(public_log.origin).body)
            verify_log(shown, public_log.origin, public_log.keys)
        except ElectionError:
            return error
        if self._sequencer.root_at(uuid, shown.checkpoint.size) != shown.checkpoint.root:
            self._sequencer.reasons[uuid], self._sequencer.stopped[uuid] = error.message, error.code
            log.critical("a log is not signed any more", election=uuid, code=error.code, reason=error.message)
        return error

    def kept(self, uuid: str, address: str, submission: Submission, answer: Answer) -> Inconsistent:
        """A 422 is on the disk, once: what was sent and what was said. The error to raise."""
        folder, data = self._root / EVIDENCE, submission.data()
        path = folder / f"{uuid}-{sha256(address.encode() + submission.signed.checkpoint.text().encode()).hexdigest()[:16]}.txt"
        make_private_folder(folder)
        if not path.exists() and sum(1 for _ in folder.iterdir()) < MAX_KEPT:
            write_new(path, data + b"\n" + f"{address} answered {answer.status}\n".encode() + answer.body)
        return Inconsistent(
            "witness-contradicts",
            f"election {uuid}: the witness at {address} says that this log contradicts what it cosigned before. Either this server "
            f"has lost or changed something, or the witness is wrong. Stop, keep {path}, and compare with the witness's operator",
        )


def witness_keys(known: Log) -> list[VerifierKey]:
    """The keys of the witnesses that the manifest's policy names. Raises Malformed `policy-malformed`."""
    return [witness.key for witness in policy_of_manifest(known).witnesses] if known.policy else []


def log_lines_only(signed: SignedCheckpoint, known: Log) -> SignedCheckpoint:
    """The checkpoint with the Ed25519 lines of its log: witnesses need no other, and some read 10 KiB at most."""
    own = {(key.name, key.key_id) for key in known.keys if key.kind == ED25519}
    return parse_signed(note_bytes(signed.checkpoint, (written_line(*one) for one in signed.note.lines if one[:2] in own)))


def make_submission(store: FolderTiles, old: int, signed: SignedCheckpoint) -> Submission:
    """The checkpoint, with the proof from the tiles that it continues its first `old` entries. Raises as `TileReader.node`."""
    size = signed.checkpoint.size
    proof = make_consistency(TileReader(store, size), old, size) if 0 < old < size else ()
    return Submission(old, tuple(proof), signed)


def last_size(answer: Answer, address: str) -> int:
    """What a 409 says was last cosigned. Raises Refused `witness-refuses`."""
    match = _SIZE.fullmatch(answer.body)
    if match is None:
        raise Refused("witness-refuses", f"the witness at {address} answers 409 and does not say what it cosigned last")
    return int(match[1])


def cosignatures(answer: Answer, signed: SignedCheckpoint, keys: Sequence[VerifierKey], address: str) -> list[str]:
    """The lines in a good answer, of which one is of a key of this witness and of this checkpoint.

    `keys` have one name, and are at least one. Raises Refused; its code says why.
    """
    match answer.status:
        case 200:
            pass
        case 404:
            raise Refused(
                "witness-log-unknown",
                f"the witness at {address} does not know this log: send its operator the log's keys from the manifest",
            )
        case 403:
            raise Refused(
                "witness-key-unknown",
                f"the witness at {address} does not know the key that signs this log: send its operator all keys of the manifest",
            )
        case status:
            raise Refused("witness-refuses", f"the witness at {address} answers {status}; ask its operator when it goes on")
    try:
        lines = answer.body.decode("utf-8").removesuffix("\n").split("\n")
        if with_lines(signed.data(), lines, keys) == signed.data():
            raise Malformed("note-malformed", "no line of its key")
    except (UnicodeDecodeError, Malformed, InvalidSignature) as error:
        raise Refused(
            "witness-refuses",
            f"the witness at {address} answered without a cosignature of {keys[0].name} by a key of the policy: ask for its key",
        ) from error
    return lines


def _ahead(uuid: str, address: str, theirs: int, ours: int) -> Inconsistent:
    return Inconsistent(
        "witness-ahead",
        f"election {uuid}: the witness at {address} has cosigned {theirs} entries, this server has signed {ours}. This is an older "
        "copy, or somebody else signs with the key of this log: stop the server, and bring back the newest database",
    )


def _pause(failures: int) -> float:
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 20)))
