"""Go's packages read the logs, proofs, receipts and policies that we write, and we read theirs."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.go_program import GoProgram, go_program
from tests.interop.log_folder import FolderStore, entries_of, write_log
from tests.ledger.small_log import COSIGNED5, ENTRIES, LOG, LOG_KEY, ORIGIN, SECOND_WITNESS, TIME, WITNESS, signed_over, signer
from veche.crypto.errors import ElectionError
from veche.crypto.signed_note import COSIGNATURE, parse_verifier_key
from veche.crypto.signing_key import SigningKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.merkle import make_consistency, make_inclusion, subtree_root
from veche.ledger.policy import parse_policy, verify_policy
from veche.ledger.receipt import make_receipt, parse_receipt, verify_receipt
from veche.ledger.signed_checkpoint import parse_signed, verify_log
from veche.ledger.tile_reader import TileReader, proven_inclusion, read_entries_of, verify_tiles

pytestmark = pytest.mark.interop

POLICY = f"log {LOG['log_vkey']}\nwitness w1 {LOG['witness_vkey']}\nwitness w2 {SECOND_WITNESS.verifier.text()}\n"


@pytest.fixture(scope="module")
def go() -> GoProgram:
    return go_program()


def of_base64(hashes: list[str] | None) -> tuple[bytes, ...]:
    return tuple(b64decode(one) for one in hashes or [])


@pytest.mark.parametrize("size", [1, 2, 5, 255, 256, 257, 700, 66_000])
def test_go_verifies_our_log_and_makes_the_same_proofs(go: GoProgram, tmp_path: Path, size: int) -> None:
    edge = write_log(tmp_path, entries_of(size), steps=(size // 3, size // 2))
    indices = sorted({0, size // 2, size - 1})
    older = sorted({1, size // 3, size // 2, size - 1, size} - {0})
    given = json.dumps({"indices": indices, "old": older}).encode()
    found = json.loads(go.run("log", tmp_path, LOG_KEY.text(), given=given))
    assert found["size"] == size
    assert b64decode(found["root"]) == edge.root()
    reader = TileReader(FolderStore(tmp_path), size)
    assert {index: of_base64(found["inclusion"][str(index)]) for index in indices} == {
        index: make_inclusion(reader, index, size) for index in indices
    }
    for old in older:
        assert of_base64(found["consistency"][str(old)]) == make_consistency(reader, old, size)
        assert b64decode(found["older"][str(old)]) == subtree_root(reader, 0, old)


@pytest.mark.parametrize("spoil", ["tile/0/000", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/188", "checkpoint"])
def test_go_refuses_our_log_with_one_bit_changed(go: GoProgram, tmp_path: Path, spoil: str) -> None:
    write_log(tmp_path, entries_of(700))
    data = bytearray((tmp_path / spoil).read_bytes())
    data[len(ORIGIN) + 1 if spoil == "checkpoint" else 40] ^= 1
    (tmp_path / spoil).write_bytes(data)
    assert go.refuses("log", tmp_path, LOG_KEY.text(), given=b'{"indices":[],"old":[]}')


def test_go_refuses_our_log_under_another_key(go: GoProgram, tmp_path: Path) -> None:
    write_log(tmp_path, entries_of(3))
    assert go.refuses("log", tmp_path, signer(ORIGIN).verifier.text(), given=b"{}")


@pytest.mark.parametrize("quorum", ["w1", "w2", "all", "any", "none"])
@pytest.mark.parametrize(
    "cosigners", [(), (WITNESS,), (SECOND_WITNESS,), (WITNESS, SECOND_WITNESS)], ids=["0", "1", "2", "1 and 2"]
)
def test_go_and_we_agree_whether_a_receipt_satisfies_a_policy(
    go: GoProgram, tmp_path: Path, quorum: str, cosigners: tuple[SigningKey, ...]
) -> None:
    policy = POLICY + (f"group g {quorum} w1 w2\nquorum g\n" if quorum in ("all", "any") else f"quorum {quorum}\n")
    (tmp_path / "policy").write_text(policy)
    write_log(tmp_path, ENTRIES, cosigners, TIME)
    data = (tmp_path / "checkpoint").read_bytes()
    proof = proven_inclusion(FolderStore(tmp_path), parse_signed(data).checkpoint, 3, ENTRIES[3])
    (tmp_path / "ours.tlog-proof").write_bytes(make_receipt(ENTRIES[3], 3, proof, data))
    wanted = {"w1": {WITNESS}, "w2": {SECOND_WITNESS}, "all": {WITNESS, SECOND_WITNESS}, "none": set[SigningKey]()}
    enough = bool(cosigners) if quorum == "any" else wanted[quorum] <= set(cosigners)
    assert go.refuses("proof", tmp_path / "policy", tmp_path / "ours.tlog-proof", given=ENTRIES[3]) is not enough
    assert go.refuses("checkpoint", tmp_path / "policy", tmp_path / "checkpoint") is not enough
    assert agrees(policy, data) is enough


def agrees(policy: str, data: bytes) -> bool:
    try:
        verify_policy(parse_policy(policy.encode()), parse_signed(data))
    except ElectionError:
        return False
    return True


def test_go_reads_the_known_receipt_and_refuses_it_for_another_entry(go: GoProgram, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(POLICY + "quorum w1\n")
    (tmp_path / "known").write_bytes(LOG["tlog_proof"].encode())
    assert not go.refuses("proof", tmp_path / "policy", tmp_path / "known", given=ENTRIES[3])
    assert go.refuses("proof", tmp_path / "policy", tmp_path / "known", given=ENTRIES[2])


def test_go_refuses_a_checkpoint_whose_cosignature_is_of_another_one(go: GoProgram, tmp_path: Path) -> None:
    # The other witness is enough for the quorum; the wrong line of a known key still refuses the whole.
    policy = POLICY + "group g any w1 w2\nquorum g\n"
    (tmp_path / "policy").write_text(policy)
    right = signed_over(ENTRIES[:4], SECOND_WITNESS)
    line = COSIGNED5.rpartition(b"\n\xe2\x80\x94")[2]
    for name, data, fine in (("right", right, True), ("wrong", right + b"\xe2\x80\x94" + line, False)):
        assert go.refuses("checkpoint", tmp_path / "policy", write(tmp_path / name, data)) is not fine
        assert agrees(policy, data) is fine


@pytest.mark.parametrize("size", [1, 5, 300])
def test_we_read_the_log_receipts_and_policy_that_go_wrote(go: GoProgram, tmp_path: Path, size: int) -> None:
    entries = [f"entry {number}" for number in range(size)]
    origin = "go.example/log"
    vkey = go.run("write", tmp_path, origin, given=json.dumps(entries).encode()).decode().strip()
    signed = parse_signed((tmp_path / "checkpoint").read_bytes())
    verify_log(signed, origin, [parse_verifier_key(vkey)])
    store = FolderStore(tmp_path)
    verify_tiles(store, signed.checkpoint)
    assert [entry.decode() for entry in read_entries_of(store, size)] == entries
    policy = parse_policy((tmp_path / "policy").read_bytes())
    assert [one.key.kind for one in policy.witnesses] == [COSIGNATURE]
    for index in {0, size // 2, size - 1}:
        receipt = parse_receipt((tmp_path / f"{index}.tlog-proof").read_bytes())
        assert receipt.data() == (tmp_path / f"{index}.tlog-proof").read_bytes()
        logged = verify_receipt(receipt, policy)
        assert (logged.entry.decode(), logged.index, logged.size) == (entries[index], index, size)
        assert [name for name, _ in logged.confirmation.witnesses] == ["go"]
        assert proven_inclusion(store, signed.checkpoint, index, logged.entry) == receipt.proof


def test_the_root_of_gos_log_is_signed_and_no_other(go: GoProgram, tmp_path: Path) -> None:
    go.run("write", tmp_path, "go.example/log", given=json.dumps(["a", "b"]).encode())
    data = (tmp_path / "checkpoint").read_bytes()
    checkpoint = parse_signed(data).checkpoint
    other = replace(checkpoint, root=bytes(32))
    forged = data.replace(b64encode(checkpoint.root), b64encode(other.root))
    assert isinstance(other, Checkpoint)
    assert not agrees((tmp_path / "policy").read_text(), forged)
    assert go.refuses("checkpoint", tmp_path / "policy", write(tmp_path / "forged", forged))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
