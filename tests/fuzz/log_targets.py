"""The parsers of the transparency log, with valid inputs to start from."""

from __future__ import annotations

from tests.fuzz.targets import Target, of_text
from tests.ledger.naive_tree import NaiveTree
from tests.ledger.small_log import CHECKPOINT3, COSIGNED5, ENTRIES, LOG, LOG_KEY, WITNESS, signed_over
from veche.crypto.signing_key import SigningKey
from veche.ledger.checkpoint import parse_checkpoint
from veche.ledger.contradiction import find_contradiction, parse_contradiction
from veche.ledger.merkle import Frontier, leaf_hash, parse_frontier
from veche.ledger.policy import parse_policy
from veche.ledger.receipt import make_receipt, parse_receipt
from veche.ledger.signed_checkpoint import parse_signed
from veche.ledger.submission import parse_submission
from veche.ledger.tile import bundle_bytes, parse_bundle, parse_path, parse_tile, tile_bytes


def log_targets() -> list[Target]:
    leaves = [leaf_hash(entry) for entry in ENTRIES]
    known = LOG["tlog_proof"].encode()
    receipt = make_receipt(ENTRIES[3], 3, tuple(NaiveTree(leaves).inclusion(3, 5)), COSIGNED5)
    paths = (b"tile/0/000.p/5", b"tile/63/x001/x234/067", b"tile/entries/x001/000.p/255")
    policy = f"# a\nlog {LOG['log_vkey']} url\nwitness w1 {LOG['witness_vkey']}\ngroup g 1 w1\nquorum g\n".encode()
    return [
        Target(
            "checkpoint", (COSIGNED5.partition(b"\n\n")[0] + b"\n",), of_text(parse_checkpoint), lambda value: value.text().encode()
        ),
        Target("signed checkpoint", (CHECKPOINT3, COSIGNED5), parse_signed, lambda value: bytes(value.data())),
        Target("receipt", (known, receipt), parse_receipt, lambda value: bytes(value.data())),
        Target("policy", (policy,), parse_policy, None),
        Target("submission", (LOG["add_checkpoint_body"].encode(),), parse_submission, lambda value: bytes(value.data())),
        Target("evidence", (evidence(),), parse_contradiction, lambda value: bytes(value.data())),
        Target("frontier", (Frontier().extend(leaves).data(),), parse_frontier, lambda value: bytes(value.data())),
        Target("tile", (tile_bytes(leaves),), lambda data: parse_tile(data, 5), tile_bytes),
        Target("bundle", (bundle_bytes(ENTRIES),), lambda data: parse_bundle(data, 5), bundle_bytes),
        Target("path of a tile", paths, of_text(parse_path), lambda value: value.path().encode()),
        Target(
            "private key of a witness",
            (WITNESS.private_text().encode(),),
            of_text(SigningKey.from_private_text),
            lambda value: value.private_text().encode(),
        ),
    ]


def evidence() -> bytes:
    """A file that convicts the small log."""
    forked = [b"another", *ENTRIES]
    nodes = NaiveTree([leaf_hash(entry) for entry in forked])
    found = find_contradiction(parse_signed(CHECKPOINT3), parse_signed(signed_over(forked)), nodes, [LOG_KEY])
    if found is None:
        raise AssertionError("the fork was not seen")
    return found.data()
