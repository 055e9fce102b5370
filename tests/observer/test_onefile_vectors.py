"""The second verifier computes every worked value of the vectors, and refuses every changed one."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from nacl import bindings, exceptions

from tests.observer import onefile_cases as cases
from tests.observer.onefile_cases import UUID
from tests.observer.onefile_runs import BELENIOS, HONEST, RECORD, Json, codes, refused
from tests.vectors import VECTORS, load
from veche.observer import onefile
from veche.observer.onefile import FindingError, Report, dumps, sha256_hex

# --- points and Ed25519 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", load("ed25519/points-1.json")["points"], ids=lambda point: point["note"])
def test_a_point_is_decoded_exactly_when_it_is_a_canonical_member(point: Json) -> None:
    verdict = point["decode_as_group_element"]
    assert refused(lambda: onefile.decode(point["belenios"])) == (verdict != "accept")
    assert refused(lambda: onefile.decode(point["belenios"], True)) == (verdict == "refuse")


def test_small_powers_and_lagrange_weights_are_those_of_the_vectors() -> None:
    powers = next(one for one in BELENIOS if one["name"] == "small powers" and one["source"] == "Ed25519")
    assert onefile.encode(onefile.combine((2, onefile.G))) == powers["g^2"]
    assert onefile.encode(onefile.combine((5, onefile.G), (onefile.Q - 5, onefile.G))) == powers["identity"]
    weights = next(one for one in BELENIOS if one["name"] == "lagrange")
    assert [str(onefile.lagrange((1, 3), j)) for j in (1, 3)] == [weights["lambda1"], weights["lambda3"]]


def libsodium_accepts(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        bindings.crypto_sign_open(signature + message, public)
    except exceptions.BadSignatureError:
        return False
    return True


def test_ed25519_signatures_are_judged_as_wycheproof_says() -> None:
    for group in load("ed25519/wycheproof-ed25519_test.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            wrong = refused(lambda k=public, m=message, s=signature: onefile.verify_ed25519(k, m, s))  # type: ignore[misc]
            assert wrong == (test["result"] != "valid"), test["tcId"]


def test_ed25519_signatures_of_strange_points_are_judged_as_libsodium_does() -> None:
    for case in load("ed25519/cctv-ed25519vectors.json"):
        public, signature, message = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode()
        wrong = refused(lambda k=public, m=message, s=signature: onefile.verify_ed25519(k, m, s))  # type: ignore[misc]
        assert wrong != libsodium_accepts(public, message, signature), case["number"]


# --- the worked values of Belenios ------------------------------------------------------------------------------------


def test_every_string_that_the_vectors_hash_is_hashed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: set[str] = set()
    real = onefile.sha256_hex

    def spy(data: bytes) -> str:
        hashed.add(real(data))
        return real(data)

    monkeypatch.setattr(onefile, "sha256_hex", spy)
    for path in (HONEST / "simple/SVwStQ2shhP8JK.bel", HONEST / "multi/piv4HaxpyhW275.bel"):
        assert onefile.audit(path)[0].verdict == "ok"
    for path in (HONEST / "threshold/gNck4YPCzd6Hnz.bel", VECTORS / "belenios/thr-w/election.bel"):
        onefile.check_setup(onefile.read_archive(path.read_bytes())[0].data, Report().counts)
    wanted = [one for one in BELENIOS if "mod_q" in one and "hashed" in one]
    mine = [one for one in wanted if not one["source"].startswith(("simple-ff", "mixnet"))]
    assert len(mine) == 12
    assert [one["name"] for one in mine if one["sha256"] not in hashed] == []
    assert all(int(one["sha256"], 16) % onefile.Q == int(one["mod_q"]) for one in mine)


# --- the worked values of the record ----------------------------------------------------------------------------------


def item(value: Json) -> bytes | int | str:
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    return int(value["integer"]) if "integer" in value else str(value["text"])


@pytest.mark.parametrize("vector", RECORD["transcripts"])
def test_a_transcript_and_its_challenge_are_those_of_the_vectors(vector: Json) -> None:
    items = [item(value) for value in vector["items"]]
    assert onefile.transcript(vector["tag"], *items).hex() == vector["bytes"]
    assert str(onefile.record_challenge(vector["tag"], *items)) == vector["challenge"]


def test_the_signature_of_the_vectors_holds_and_no_changed_one() -> None:
    good = RECORD["signature"]
    onefile.verify_signature(good["public"], bytes.fromhex(good["message"]), good["signature"])
    for bad in good["refused"]:
        message = bytes.fromhex(bad["message"])
        assert refused(lambda b=bad, m=message: onefile.verify_signature(b["public"], m, b["signature"])), bad["what"]  # type: ignore[misc]


@pytest.mark.parametrize("vector", RECORD["equality"], ids=lambda vector: vector["name"])
def test_the_equality_proof_of_the_vectors_holds_and_no_changed_one(vector: Json) -> None:
    def verify(one: Json) -> None:
        onefile.verify_equality(bytes.fromhex(one["context"]), one["X"], one["A"], one["F"], one["proof"])

    verify(vector)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


MANIFEST_CODES = {
    "newline after the line": "manifest-line",
    "hash in capitals": "manifest-line",
    "another hash": "manifest-hash",
    "two such lines": "manifest-line",
    "level of the line differs": "manifest-level",
    "space added": "manifest-malformed",
    "fields exchanged": "manifest-malformed",
    "unknown field": "manifest-malformed",
    "field missing": "manifest-malformed",
    "closes before it opens": "manifest-times",
    "end after the limit": "manifest-times",
    "no newline before the line": "manifest-line",
    "project twice": "manifest-malformed",
    "project id with a space": "manifest-malformed",
    "box key is the log key": "manifest-keys",
    "registrar missing at strict": "manifest-keys",
    "key id of the box key is wrong": "manifest-keys",
    "level belenios inside, strict in the line": "manifest-level",
    "answer differs from the title": "manifest-options",
    "an answer more": "manifest-options",
}


def test_the_manifest_of_the_vectors_is_good_and_each_changed_one_has_its_code() -> None:
    good = RECORD["manifest"]

    def check(one: Json) -> None:
        text = one["text"].encode()
        onefile.check_manifest(text, sha256_hex(text), UUID, one["description"], one["answers"])

    check(good)
    for bad in good["refused"]:
        with pytest.raises(FindingError) as caught:
            check(bad)
        assert caught.value.finding["code"] == MANIFEST_CODES[bad["what"]], bad["what"]


@pytest.mark.parametrize("vector", RECORD["ceremony"]["runs"], ids=lambda vector: vector["kind"])
def test_a_run_of_the_vectors_is_checked_and_every_complaint_judged(vector: Json) -> None:
    text, report = vector["file"].encode(), Report()
    assert sha256_hex(text) == vector["sha256"]
    run_file = onefile.parse_run(text)
    certificates = onefile.check_run_certificates(run_file)
    run_hash = onefile.list_hash(run_file["certificates"])
    assert run_hash.hex() == vector["list_hash"]
    onefile.check_reveals(run_file, certificates)
    onefile.check_judgement(run_file, certificates, report)
    assert codes(report, "notice") == ([] if vector["kind"] == "finished" else ["messages-not-opened"])
    keys = [certificate["encryption"] for certificate in certificates]
    for case in vector.get("judgements", []):
        found = onefile.judge_complaint(run_hash, "gcm", keys, case["secret_hash"], case["complaint"])
        needs_opening = case["reason"] in NEEDS_OPENING
        assert found == ("unopened" if needs_opening else case["verdict"]), case["what"]


NEEDS_OPENING = ("tag-wrong", "text-malformed", "signature-wrong", "recipient-wrong", "share-wrong", "message-good")


def fault_of(reveal: Json, place: int, commitments: list[str], run_file: Json) -> str:
    """Which check refuses what trustee `place` revealed."""
    run_hash = onefile.list_hash(run_file["certificates"])
    signer = onefile.check_run_certificates(run_file)[place - 1]["verification"]
    if refused(lambda: onefile.verify_commitment(run_hash, place, commitments[place - 1], reveal)):
        return "commitment"
    return "reveal" if refused(lambda: onefile.verify_reveal(run_hash, place, 2, commitments, reveal, signer)) else ""


def test_a_reveal_that_was_changed_is_refused() -> None:
    run_file = onefile.parse_run(cases.FINISHED["file"].encode())
    for place, reveal in enumerate(run_file["reveals"], 1):
        assert fault_of(reveal, place, run_file["commitments"], run_file) == ""
    for case in cases.FINISHED["refused"]:
        expected = "commitment" if case["reason"] == "commitment-differs" else "reveal"
        assert fault_of(case["reveal"], case["trustee"], case["commitments"], run_file) == expected, case["what"]


@pytest.mark.parametrize("vector", RECORD["drill"]["owners"], ids=lambda vector: str(vector["owner"]))
def test_the_drills_of_the_vectors_are_good_and_no_changed_one(vector: Json) -> None:
    drill = RECORD["drill"]

    def verify(one: Json) -> None:
        hashes = bytes.fromhex(one["manifest"]), bytes.fromhex(one["trustees"])
        onefile.verify_drill(one["uuid"], *hashes, one["owner"], one["public"], one["factor"], one["proof"])

    fixed = {name: drill[name] for name in ("uuid", "manifest", "trustees")}
    hashes = bytes.fromhex(drill["manifest"]), bytes.fromhex(drill["trustees"])
    assert onefile.drill_base(drill["uuid"], *hashes, vector["owner"]) == vector["base"]
    verify(vector | fixed)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


@pytest.mark.parametrize("vector", RECORD["strong_decryption"]["shares"], ids=lambda vector: str(vector["owner"]))
def test_the_strong_proofs_of_the_vectors_hold_and_no_changed_one(vector: Json) -> None:
    strong = RECORD["strong_decryption"]
    tally = json.loads(strong["tally"])
    alphas = [ct["alpha"] for row in tally for ct in row]
    share = json.loads(vector["partial_decryption"])
    flat = [factor for row in share["decryption_factors"] for factor in row]

    def verify(one: Json) -> None:
        context = onefile.share_context(
            one["setup_hash"], one["encrypted_tally_hash"], one["owner"], one["payload"]
        )
        onefile.verify_equality(context, one["public"], one["A"], one["F"], one["proof"])

    hashes = strong["setup_hash"], strong["encrypted_tally_hash"]
    named = dict(zip(("setup_hash", "encrypted_tally_hash"), hashes, strict=True))
    verify(vector | named | {"A": alphas, "F": flat})
    message = onefile.delivery_message(*hashes, vector["owner"], vector["payload"], vector["proof"])
    assert message.hex() == vector["delivery"]["message"]
    onefile.verify_signature(vector["public"], message, vector["delivery"]["signature"])
    data = [one.encode() for one in (strong["election"], cases.FINISHED["trustees.json"], strong["credentials"])]
    election = onefile.check_election(data, Report().counts)
    assert election.fingerprint == strong["fingerprint"]
    assert onefile.verify_share(vector["owner"], vector["partial_decryption"].encode(), election, tally)
    for bad in vector["refused"]:
        assert refused(lambda b=bad: verify(b)), bad["what"]  # type: ignore[misc]


def test_the_delivery_of_a_refused_share_is_signed() -> None:
    refusal = json.loads(next(one["text"] for one in RECORD["annexes"]["texts"] if one["type"] == "share-refused"))
    strong = RECORD["strong_decryption"]
    hashes = strong["setup_hash"], strong["encrypted_tally_hash"]
    message = onefile.delivery_message(*hashes, refusal["owner"], refusal["payload"], refusal["proof"])
    assert message.hex() == RECORD["annexes"]["share_delivery_refused"]["message"]
    onefile.verify_signature(strong["shares"][0]["public"], message, refusal["signature"])


@pytest.mark.parametrize("vector", RECORD["annexes"]["texts"], ids=lambda vector: vector["type"])
def test_an_annex_of_the_vectors_is_read(vector: Json) -> None:
    entry = onefile.parse_entry(0, vector["text"].encode(), UUID)
    assert (entry.kind, entry.annex) == (vector["type"], True)


def verify_issued(text: str) -> None:
    value = onefile.parse_entry(0, text.encode(), UUID).value
    unsigned = dumps({name: part for name, part in value.items() if name != "signature"}) + b"\n"
    with onefile.step("issued-signature", "entry 0"):
        onefile.verify_note_line(onefile.parse_vkey(RECORD["annexes"]["issued"]["vkey"]), unsigned, value["signature"])


@pytest.mark.parametrize("vector", RECORD["annexes"]["refused"], ids=lambda vector: vector["what"])
def test_a_changed_annex_is_refused_with_its_code(vector: Json) -> None:
    expected = {"wrong-election": "entry-election", "registrar-signature": "issued-signature"}
    with pytest.raises(FindingError) as caught:
        (verify_issued if vector["what"].startswith("issued") else _read_entry)(vector["text"])
    assert caught.value.finding["code"] == expected.get(vector["reason"], "entry-malformed")


def _read_entry(text: str) -> None:
    onefile.parse_entry(0, text.encode(), UUID)


def test_the_issued_annex_of_the_vectors_is_signed_by_the_registrar() -> None:
    verify_issued(next(one["text"] for one in RECORD["annexes"]["texts"] if one["type"] == "issued"))


@pytest.mark.parametrize("vector", RECORD["sequences"], ids=lambda vector: vector["why"])
def test_entries_may_come_in_exactly_the_orders_of_the_vectors(vector: Json) -> None:
    groups = [(vector["group"], vector["threshold"])] if vector["group"] else []
    groups += [([owner], 1) for owner in vector["single"]]
    course = onefile.Course(vector["level"] == "strict", vector["non_homomorphic"], groups)
    illegal = None
    for place, text in enumerate(vector["entries"]):
        kind, _, owner = text.partition("/")
        if refused(lambda k=kind, o=owner: course.take(k, int(o) if o else None)):  # type: ignore[misc]
            illegal = place
            break
    assert illegal == vector.get("first_illegal")
    assert illegal is not None or course.state == vector["state"]


def test_the_acknowledgement_of_the_vectors_is_signed_by_the_box() -> None:
    acknowledgement = RECORD["acknowledgement"]
    key = onefile.parse_vkey(acknowledgement["vkey"])
    text, _, line = acknowledgement["note"].rpartition("\n\n")
    onefile.verify_note_line(key, f"{text}\n".encode(), line.removesuffix("\n"))
    assert len(b64decode(line.split()[-1])) == 68
