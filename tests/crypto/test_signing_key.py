"""Specifies crypto/signing_key.py and crypto/ml_dsa.py: keys of types 1, 4 and 6."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256

import pytest

from tests.crypto.drawing import drawing
from tests.vectors import load
from veche.crypto.errors import InvalidSignature, Malformed
from veche.crypto.ml_dsa import sign_ml_dsa, verify_ml_dsa
from veche.crypto.signed_note import COSIGNATURE, ED25519, ML_DSA_44, NoteSigner, verify_message
from veche.crypto.signing_key import SigningKey

LOG = load("spec/transparency-log-vectors.json")
SEED = bytes.fromhex(LOG["mldsa44_seed_hex"])
KINDS = (ED25519, COSIGNATURE, ML_DSA_44)


def test_the_known_ml_dsa_key_is_made_of_its_seed() -> None:
    key = SigningKey(LOG["witness_name"], SEED, ML_DSA_44).verifier
    assert key.public == b64decode(LOG["mldsa44_pub_b64"])
    assert sha256(key.public).hexdigest() == LOG["mldsa44_pub_sha256_hex"]
    assert key.key_id.hex() == LOG["mldsa44_keyid_hex"]
    assert len(key.text()) == LOG["mldsa44_vkey_len"]


@pytest.mark.parametrize("role", [("log", ED25519), ("witness", COSIGNATURE)])
def test_the_known_ed25519_keys_are_made_of_their_seeds(role: tuple[str, int]) -> None:
    name, kind = role
    title = LOG["origin"] if name == "log" else LOG["witness_name"]
    assert SigningKey(title, bytes.fromhex(LOG[f"{name}_seed_hex"]), kind).verifier.text() == LOG[f"{name}_vkey"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_key_is_read_back_and_never_shown(kind: int) -> None:
    key = SigningKey.generate("a.example/w", drawing("key"), kind)
    written = key.private_text()
    again = SigningKey.from_private_text(written)
    assert again.verifier == key.verifier
    seed = b64decode(written.split("+", 4)[4])[1:]
    for shown in (repr(key), str(key), f"{key}"):
        assert written.split("+", 4)[4] not in shown
        assert seed.hex() not in shown


def test_a_log_key_is_the_note_signers_key() -> None:
    note_signer = NoteSigner("a.example/log", bytes(32))
    key = SigningKey.from_private_text(note_signer.private_text())
    assert key.verifier == note_signer.verifier
    assert key.sign(b"x") == note_signer.sign(b"x")


@pytest.mark.parametrize("kind", [ED25519, COSIGNATURE])
def test_an_ed25519_signature_verifies_for_its_message_only(kind: int) -> None:
    key = SigningKey("k", SEED, kind)
    signature = key.sign(b"x")
    verify_message(key.verifier, b"x", signature)
    for message, other in ((b"y", signature), (b"x", signature[:-1]), (b"x", bytes(64))):
        with pytest.raises(InvalidSignature) as refusal:
            verify_message(key.verifier, message, other)
        assert refusal.value.code == "note-signature"


def test_an_ml_dsa_signature_verifies_for_its_message_and_key_only() -> None:
    key, other = SigningKey("k", SEED, ML_DSA_44), SigningKey("k", bytes(32), ML_DSA_44)
    signature = key.sign(b"x")
    verify_ml_dsa(key.verifier.public, b"x", signature, "k")
    wrong = [
        (key.verifier.public, b"y", signature),
        (other.verifier.public, b"x", signature),
        (key.verifier.public, b"x", signature[:-1]),
        (key.verifier.public, b"x", signature + b"\0"),
        (key.verifier.public[:-1], b"x", signature),
        (key.verifier.public, b"x", bytes([signature[0] ^ 1]) + signature[1:]),
    ]
    for public, message, found in wrong:
        with pytest.raises(InvalidSignature) as refusal:
            verify_ml_dsa(public, message, found, "k")
        assert refusal.value.code == "note-signature"


WRITTEN = SigningKey("n", SEED, COSIGNATURE).private_text()


@pytest.mark.parametrize(
    "written",
    [
        "",
        WRITTEN.replace("PRIVATE", "PUBLIC"),
        WRITTEN.replace("+n+", "+m+"),
        WRITTEN[:-4],
        WRITTEN + "\n",
        # The type is part of the key ID.
        WRITTEN.replace("+BEB", "+AUB"),
        WRITTEN.replace("+BEB", "+CUB"),
    ],
)
def test_a_wrong_private_key_is_refused_without_being_shown(written: str) -> None:
    with pytest.raises(Malformed) as refusal:
        SigningKey.from_private_text(written)
    assert WRITTEN.split("+", 4)[4][8:24] not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "size", "kind"), [("a b", 32, 1), ("", 32, 1), ("a+b", 32, 6), ("a", 31, 4), ("a", 33, 6), ("a", 32, 2)]
)
def test_a_key_has_a_name_a_seed_and_a_known_type(name: str, size: int, kind: int) -> None:
    with pytest.raises(Malformed):
        SigningKey(name, bytes(size), kind)


def test_an_ml_dsa_seed_has_32_bytes() -> None:
    with pytest.raises(Malformed):
        sign_ml_dsa(bytes(31), b"x")
