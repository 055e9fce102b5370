"""tlog-scales, another Python library for the same formats, reads our notes, cosignatures and tiles, and we read its."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import MLDSA44CosignatureSigner, PlainEd25519Signer, Vkey, VkeySet
from tlog_scales.tlog import Checkpoint as ScalesCheckpoint

from tests.interop.log_folder import FolderStore, entries_of, leaves_of, write_log
from tests.ledger.small_log import (
    COSIGNED5,
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_QUANTUM,
    LOG_SIGNER,
    ORIGIN,
    QUANTUM_WITNESS,
    SECOND_WITNESS,
    TIME,
    WITNESS,
    checkpoint_over,
    signer,
)
from veche.crypto.signed_note import parse_line
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line, verify_signature
from veche.ledger.merkle import make_consistency, make_inclusion
from veche.ledger.signed_checkpoint import note_bytes, parse_signed, verify_log, with_lines
from veche.ledger.tile_reader import TileReader

pytestmark = pytest.mark.interop

KEYS = [LOG_SIGNER, LOG_QUANTUM, WITNESS, SECOND_WITNESS, QUANTUM_WITNESS]
FIVE = checkpoint_over(ENTRIES)


def verified_by_scales(data: bytes, vkeys: list[str]) -> set[str]:
    """The vkeys whose lines tlog-scales verifies."""
    checkpoint = ScalesCheckpoint.from_text(data.decode())
    found = VkeySet(*(Vkey.from_string(one) for one in vkeys)).verify(checkpoint.signatures, checkpoint)
    known = {(key.name, f"{key.key_id:08x}"): text for text in vkeys for key in [Vkey.from_string(text)]}
    return {known[key.name, f"{key.key_id:08x}"] for key, _ in found}


def test_it_verifies_our_lines_of_every_type() -> None:
    data = note_bytes(FIVE, [make_line(one, FIVE, TIME) for one in KEYS])
    vkeys = [one.verifier.text() for one in KEYS]
    assert verified_by_scales(data, vkeys) == set(vkeys)
    wrong = [signer(one.verifier.name + "x", one.verifier.kind).verifier.text() for one in KEYS]
    assert verified_by_scales(data, wrong) == set()


def test_it_verifies_the_known_lines() -> None:
    quantum = LOG["mldsa44_cosign_line"].encode()
    vkeys = [LOG["log_vkey"], LOG["witness_vkey"], QUANTUM_WITNESS.verifier.text()]
    assert verified_by_scales(COSIGNED5 + quantum, vkeys) == set(vkeys)


def test_it_refuses_what_we_refuse() -> None:
    data = note_bytes(FIVE, [make_line(one, FIVE, TIME) for one in KEYS])
    forged = data.replace(b64encode(FIVE.root), b64encode(bytes(32)))
    assert verified_by_scales(forged, [one.verifier.text() for one in KEYS]) == set()


def test_it_reads_a_checkpoint_as_we_do_and_writes_it_back() -> None:
    found = ScalesCheckpoint.from_text(COSIGNED5.decode())
    assert Checkpoint(found.origin, found.size, found.root_hash) == FIVE
    assert found.serialize().encode() == COSIGNED5


def test_we_verify_its_log_line_and_its_quantum_cosignature() -> None:
    checkpoint = ScalesCheckpoint(ORIGIN, 5, FIVE.root, [])
    log = PlainEd25519Signer(ORIGIN, bytes.fromhex(LOG["log_seed_hex"]))
    witness = MLDSA44CosignatureSigner(LOG["witness_name"], bytes.fromhex(LOG["mldsa44_seed_hex"]))
    line = witness.sign(checkpoint).serialize()
    key = QUANTUM_WITNESS.verifier
    assert verify_signature(key, FIVE, parse_line(line)[2]).time > TIME
    data = note_bytes(FIVE, [log.sign(checkpoint).serialize()])
    verify_log(parse_signed(with_lines(data, [line], [key])), ORIGIN, [LOG_KEY])


@pytest.mark.parametrize("size", [1, 5, 256, 257, 700])
def test_it_reads_our_tiles_and_makes_the_same_proofs(tmp_path: Path, size: int) -> None:
    entries = entries_of(size)
    edge = write_log(tmp_path, entries, steps=(size // 2,))
    reader = TilesReader(LocalBackend(tmp_path))
    checkpoint = reader.get_checkpoint()
    assert (checkpoint.size, checkpoint.root_hash) == (size, edge.root())
    assert reader.calculate_root_hash() == edge.root()
    ours = TileReader(FolderStore(tmp_path), size)
    leaves = leaves_of(entries)
    for index in {0, size // 2, size - 1}:
        assert reader.get_entry(index) == entries[index]
        inclusion = reader.get_inclusion_proof(index, size)
        inclusion.check(leaves[index], edge.root())
        assert tuple(inclusion.node_hashes) == make_inclusion(ours, index, size)
    for old in {1, max(1, size // 2), size}:
        consistency = reader.get_consistency_proof(old, size)
        assert tuple(consistency.node_hashes) == make_consistency(ours, old, size)
