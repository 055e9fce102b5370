"""A trustee's private folder in one file under a passphrase, `trustee-key/1`: what the browser's page keeps. docs/protocol.md 6.10.

The browser has no folders: after each step it saves one file with the seed, the newest state of the ceremony and the journal. The
program opens such a file into a folder, and packs a folder into such a file, at any point of the ceremony and after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unicodedata import normalize

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from veche.cli.trustee_ceremony import CERTIFICATE, COMMITTED, COMPLAINED, DECRYPTION_KEY, FINISHED, REVEALED, SEED, SHARING
from veche.cli.trustee_journal import SUFFIX, parse_journal
from veche.crypto.canonical_json import Json, dumps, encode, fields, integer, parse_canonical, text
from veche.crypto.ceremony import Committed, Finished, Revealed, Sharing, State, state_from_json
from veche.crypto.channel import Seed
from veche.crypto.complaint import Complaint
from veche.crypto.errors import Malformed, Refused, Unsupported
from veche.crypto.scalar import Randomness
from veche.observer.durable_files import make_private_folder, read_file, read_json, read_line, write_new, write_private

MAX_BYTES: Final = 16 * 1024 * 1024
COST: Final = 2**16
"""N of scrypt, with r = 8 and p = 1: 64 MiB and about a quarter of a second; some seconds on a telephone. RFC 7914."""

_MOST_COST: Final = 2**20
_VERSION: Final = re.compile(r"trustee-key/[0-9]{1,4}")
_HEADER: Final = ("veche", "campaign", "n", "salt", "nonce", "data")


@dataclass(frozen=True, slots=True)
class TrusteeRoom:
    """What a trustee keeps: seed, certificate, newest state; `seen` is the state before a finished one, `journal` its bytes."""

    campaign: str
    seed: Seed
    certificate: str
    state: State | None = field(repr=False)
    seen: Sharing | None = field(repr=False)
    complaint: Complaint | None = field(repr=False)
    journal: bytes | None = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        return {
            "seed": self.seed.characters,
            "certificate": self.certificate,
            "state": None if self.state is None else self.state.to_json(),
            "seen": None if self.seen is None else self.seen.to_json(),
            "complaint": None if self.complaint is None else self.complaint.to_json(),
            "journal": None if self.journal is None else self.journal.decode("utf-8"),
        }

    @classmethod
    def from_json(cls, campaign: str, value: Json) -> TrusteeRoom:
        """Raises Malformed without showing anything."""
        found = fields(value, ("seed", "certificate", "state", "seen", "complaint", "journal"))
        journal = None if found["journal"] is None else text(found["journal"]).encode("utf-8")
        if journal is not None:
            parse_journal(journal)
        return cls(
            campaign,
            Seed.parse(text(found["seed"])),
            text(found["certificate"]),
            None if found["state"] is None else state_from_json(found["state"]),
            None if found["seen"] is None else Sharing.from_json(found["seen"]),
            None if found["complaint"] is None else Complaint.from_json(found["complaint"]),
            journal,
        )


def seal_room(room: TrusteeRoom, passphrase: str, randomness: Randomness, cost: int = COST) -> bytes:
    """The file `trustee-key/1` of this room. Everything but the secret part is bound to it."""
    salt, nonce = randomness(32), randomness(12)
    header: dict[str, Json] = {
        "veche": "trustee-key/1", "campaign": room.campaign, "n": cost, "salt": salt.hex(), "nonce": nonce.hex()
    }  # fmt: skip
    data = AESGCM(_key(passphrase, salt, cost)).encrypt(nonce, encode(room.to_json()), encode(header))
    return encode({**header, "data": data.hex()})


def open_room(raw: bytes, passphrase: str) -> TrusteeRoom:
    """The room in a file. Raises Malformed `key-malformed`, Unsupported `key-version`, Refused `wrong-passphrase`."""
    try:
        value = parse_canonical(raw, MAX_BYTES)
        _verify_version(value)
        found = fields(value, _HEADER)
        cost = integer(found["n"], 2**10, _MOST_COST)
        salt, nonce, data = (bytes.fromhex(text(found[name])) for name in ("salt", "nonce", "data"))
        if found["veche"] != "trustee-key/1" or cost & (cost - 1) or (len(salt), len(nonce)) != (32, 12):
            raise Malformed("wrong-type", "not a trustee's key file")
        campaign = text(found["campaign"])
    except (Malformed, ValueError) as error:
        raise Malformed("key-malformed", "this is not a trustee's key file, or it is damaged") from error
    header = {name: found[name] for name in _HEADER[:-1]}
    try:
        inside = AESGCM(_key(passphrase, salt, cost)).decrypt(nonce, data, encode(header))
    except InvalidTag as error:
        raise Refused("wrong-passphrase", "the passphrase does not open this file, or the file was changed") from error
    return TrusteeRoom.from_json(campaign, parse_canonical(inside, MAX_BYTES))


def _verify_version(value: Json) -> None:
    """Check that a file which says that it is a key file is one of today's version. Raises Unsupported `key-version`."""
    written = value.get("veche") if type(value) is dict else None
    if type(written) is str and _VERSION.fullmatch(written) is not None and written != "trustee-key/1":
        raise Unsupported("key-version", f"this key file was written by another version of Veche ({written}): use that version")


def unpack(room: TrusteeRoom, private: Path) -> None:
    """The room as a new private folder, which every command of `veche trustee` goes on with. Raises Refused when it exists."""
    if private.exists():
        raise Refused("file-exists", f"{private} is there already: name a new folder")
    make_private_folder(private)
    write_private(private / SEED, room.seed.characters.encode("ascii"))
    write_private(private / CERTIFICATE, room.certificate.encode("utf-8"))
    for name, state in _states(room).items():
        value: dict[str, Json] = state.to_json()
        write_private(private / name, dumps(value).encode("utf-8"))
    if isinstance(room.state, Finished):
        write_private(private / DECRYPTION_KEY, room.state.decryption_key.encode("utf-8"))
    if room.complaint is not None:
        write_private(private / COMPLAINED, dumps(room.complaint.to_json()).encode("utf-8"))
    if room.journal is not None:
        write_private(private / (SEED + SUFFIX), room.journal)


def pack(private: Path, campaign: str) -> TrusteeRoom:
    """The room in a private folder. Raises Malformed or OSError."""
    names = [name for name in (COMMITTED, REVEALED, SHARING, FINISHED) if (private / name).exists()]
    states = [state_from_json(read_json(private / name)) for name in names]
    seen = [one for one in states if isinstance(one, Sharing)]
    state = states[-1] if states else None
    complained, journal = private / COMPLAINED, private / (SEED + SUFFIX)
    return TrusteeRoom(
        campaign,
        Seed.parse(read_line(private / SEED)),
        read_line(private / CERTIFICATE),
        state,
        seen[-1] if seen and isinstance(state, Finished) else None,
        Complaint.from_json(read_json(complained)) if complained.exists() else None,
        read_file(journal) if journal.exists() else None,
    )


def read_room(path: Path, passphrase: str) -> TrusteeRoom:
    """The room in the file at this path. Raises as `open_room`, or OSError."""
    return open_room(read_file(path, MAX_BYTES), passphrase)


def write_room(path: Path, room: TrusteeRoom, passphrase: str, randomness: Randomness) -> None:
    """A new file of this room. It can be read back with the passphrase: a key that cannot be opened is lost."""
    made = seal_room(room, passphrase, randomness)
    open_room(made, passphrase)
    write_new(path, made)


def _states(room: TrusteeRoom) -> dict[str, State]:
    """The files of the ceremony's steps that the newest state holds inside itself."""
    sharing = room.state if isinstance(room.state, Sharing) else room.seen
    revealed = room.state if isinstance(room.state, Revealed) else None if sharing is None else sharing.revealed
    committed = room.state if isinstance(room.state, Committed) else None if revealed is None else revealed.committed
    finished = room.state if isinstance(room.state, Finished) else None
    found = {COMMITTED: committed, REVEALED: revealed, SHARING: sharing, FINISHED: finished}
    return {name: state for name, state in found.items() if state is not None}


def _key(passphrase: str, salt: bytes, cost: int) -> bytes:
    # One letter й may be typed as one sign or as two, by the keyboard: both are the same passphrase.
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(normalize("NFC", passphrase).encode("utf-8"))
