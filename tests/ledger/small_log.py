"""A small log with its keys and two witnesses, those of the vectors first."""

from __future__ import annotations

from hashlib import sha256

from tests.vectors import load
from veche.crypto.signed_note import COSIGNATURE, ED25519, ML_DSA_44, parse_verifier_key
from veche.crypto.signing_key import SigningKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line
from veche.ledger.merkle import Frontier, leaf_hash
from veche.ledger.signed_checkpoint import sign_checkpoint, with_lines

LOG = load("spec/transparency-log-vectors.json")
ORIGIN: str = LOG["origin"]
TIME: int = LOG["cosign_time"]
LOG_KEY = parse_verifier_key(LOG["log_vkey"])
WITNESS_KEY = parse_verifier_key(LOG["witness_vkey"])
LOG_SIGNER = SigningKey(ORIGIN, bytes.fromhex(LOG["log_seed_hex"]))
WITNESS = SigningKey(LOG["witness_name"], bytes.fromhex(LOG["witness_seed_hex"]), COSIGNATURE)
QUANTUM_WITNESS = SigningKey(LOG["witness_name"], bytes.fromhex(LOG["mldsa44_seed_hex"]), ML_DSA_44)


def signer(name: str, kind: int = ED25519) -> SigningKey:
    """A key that is always the same for its name and type."""
    return SigningKey(name, sha256(f"{name}|{kind}".encode()).digest(), kind)


SPARE = SigningKey(ORIGIN, bytes(range(64, 96)))
LOG_QUANTUM = signer(ORIGIN, ML_DSA_44)
SECOND_WITNESS = signer("witness.example/w2", COSIGNATURE)
STRANGER = signer("stranger.example/log")
ENTRIES: list[bytes] = [entry.encode() for entry in LOG["entries"]]
CHECKPOINT3, CHECKPOINT5 = (LOG[name].encode() for name in ("checkpoint3", "checkpoint5"))
COSIGNED5 = LOG["checkpoint5_cosigned"].encode()


def checkpoint_over(entries: list[bytes], origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, len(entries), Frontier().extend(leaf_hash(entry) for entry in entries).root())


def signed_over(entries: list[bytes], *cosigners: SigningKey, time: int = TIME) -> bytes:
    """The log's signed checkpoint of these entries, with a line of each of the cosigners."""
    checkpoint = checkpoint_over(entries)
    lines = [make_line(one, checkpoint, time) for one in cosigners]
    return with_lines(sign_checkpoint(checkpoint, [LOG_SIGNER]), lines, [one.verifier for one in cosigners])
