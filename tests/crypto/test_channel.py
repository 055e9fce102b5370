"""Specifies crypto/channel.py."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from, text

from tests.crypto.ceremony_story import stream
from tests.vectors import VECTORS, load
from veche.crypto.canonical_json import dumps
from veche.crypto.channel import (
    BASE58,
    Cipher,
    Envelope,
    Seed,
    SignedMessage,
    TrusteeKeys,
    encrypt,
    json_of,
    key_point,
    open_with,
    receive,
    send,
)
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.crypto.group import G
from veche.crypto.scalar import Q, system_randomness

ANNA, BORIS, VERA = (Seed.random(stream(name)).keys() for name in ("Anna", "Boris", "Vera"))
ENCRYPTED = [one for one in load("spec/belenios-vectors.json") if one["name"].startswith("encrypted_msg")]


def message_of(vector: Any) -> str:
    if "message" in vector:
        return dumps(vector["message"])
    file = str(vector["source"]).split()[-1].removeprefix("private/")
    folder = "belenios/thr-w" if "thr-w" in vector["source"] else "fixtures/belenios/threshold/private"
    return (VECTORS / folder / file.rsplit("/", 1)[-1]).read_text().rstrip("\n")


@pytest.mark.parametrize("vector", ENCRYPTED, ids=lambda vector: vector["name"])
def test_known_messages_of_other_tools(vector: Any) -> None:
    keys = Seed.parse(vector["seed"]).keys()
    assert keys.signing.expose() == int(vector["sk_hex"], 16) % Q
    assert keys.decryption.expose() == int(vector["dk_hex"], 16) % Q
    envelope = Envelope.parse(message_of(vector))
    point = key_point(envelope, keys.decryption)
    assert point.hex() == vector["key_element"]
    assert sha256(f"key|{point.hex()}".encode()).hexdigest() == vector["aes_key_hex"]
    assert open_with(envelope, point).decode() == vector["plaintext"]
    assert "decryption_key" in receive(keys, keys.verification, message_of(vector))


@given(message=text(max_size=200), cipher=sampled_from(Cipher))
def test_what_is_sent_is_received_by_the_recipient_only(message: str, cipher: Cipher) -> None:
    sent = send(ANNA, BORIS.encryption, message, cipher, system_randomness)
    assert receive(BORIS, ANNA.verification, sent) == message
    assert Envelope.parse_exact(sent, cipher).text() == sent
    with pytest.raises(Malformed) as refusal:
        receive(VERA, ANNA.verification, sent)
    assert refusal.value.code == "tag-wrong"


def test_a_message_of_somebody_else_is_refused() -> None:
    sent = send(VERA, BORIS.encryption, "words", Cipher.GCM, stream("x"))
    with pytest.raises(ElectionError) as refusal:
        receive(BORIS, ANNA.verification, sent)
    assert refusal.value.code == "signature-wrong"


def test_a_message_passed_on_is_refused_because_its_recipient_is_signed() -> None:
    sent = send(ANNA, BORIS.encryption, "for Boris", Cipher.GCM, stream("x"))
    envelope = Envelope.parse(sent)
    inside = open_with(envelope, key_point(envelope, BORIS.decryption)).decode()
    passed_on = encrypt(VERA.encryption, inside, Cipher.GCM, stream("y")).text()
    with pytest.raises(ElectionError) as refusal:
        receive(VERA, ANNA.verification, passed_on)
    assert refusal.value.code == "recipient-wrong"


@pytest.mark.parametrize("cipher", Cipher)
@pytest.mark.parametrize("size", [65_400, 65_527, 65_528, 65_535, 65_536, 65_537, 200_000])
def test_long_messages_are_read_too(cipher: Cipher, size: int) -> None:
    envelope = encrypt(BORIS.encryption, "x" * size, cipher, stream("long"))
    assert open_with(envelope, key_point(envelope, BORIS.decryption)) == b"x" * size


def test_the_two_ciphers_differ_in_form_as_their_readers_expect() -> None:
    ccm, gcm = (encrypt(BORIS.encryption, "m", cipher, stream("form")) for cipher in (Cipher.CCM, Cipher.GCM))
    assert list(json_of(ccm.text())) == ["alpha", "beta", "data"]  # type: ignore[arg-type]
    assert gcm.text().startswith('{"algorithm":"AES-GCM","alpha":"')
    assert (len(ccm.data), len(gcm.data)) == (1 + 8, 1 + 16)


def test_a_named_ccm_is_read_but_is_not_the_form_of_a_ceremony() -> None:
    ccm = send(ANNA, BORIS.encryption, "m", Cipher.CCM, stream("named"))
    named = '{"algorithm":"AES-CCM",' + ccm[1:]
    assert receive(BORIS, ANNA.verification, named) == "m"
    with pytest.raises(Malformed) as refusal:
        Envelope.parse_exact(named, Cipher.CCM)
    assert refusal.value.code == "message-malformed"


GOOD = send(ANNA, BORIS.encryption, "m", Cipher.GCM, stream("good"))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (GOOD.replace("AES-GCM", "AES-SIV"), "message-malformed"),
        (GOOD.replace("AES-GCM", "aes-gcm"), "message-malformed"),
        (GOOD.replace(",", ", ", 1), "message-malformed"),
        (GOOD.replace('"data":"', '"data":"0'), "message-malformed"),
        (GOOD.replace('"data":"', '"data":"G0'), "message-malformed"),
        (GOOD.replace('"data":', '"date":'), "message-malformed"),
        (GOOD + "\n", "message-malformed"),
        ("", "message-malformed"),
        ('"\\ud800"', "message-malformed"),
        ("\ud800", "message-malformed"),
        (GOOD.replace('"alpha":"', '"alpha":"0'), "message-point"),
        (GOOD.replace('"beta":"', '"beta":"0'), "message-point"),
        (dumps({"alpha": "0" * 63 + "1", "beta": G.hex(), "data": ""}), "message-point"),
    ],
)
def test_a_text_that_is_not_exactly_a_message_is_refused(message: str, code: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Envelope.parse(message)
    assert refusal.value.code == code


@given(at=integers(0, 10_000), bit=integers(0, 7), cipher=sampled_from(Cipher))
def test_a_changed_bit_of_the_data_is_noticed(at: int, bit: int, cipher: Cipher) -> None:
    envelope = encrypt(BORIS.encryption, "a secret text", cipher, stream("bits"))
    data = bytearray(envelope.data)
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(Malformed) as refusal:
        open_with(Envelope(cipher, envelope.alpha, envelope.beta, bytes(data)), key_point(envelope, BORIS.decryption))
    assert refusal.value.code == "tag-wrong"


@pytest.mark.parametrize("cipher", Cipher)
def test_no_data_at_all_cannot_be_opened(cipher: Cipher) -> None:
    with pytest.raises(Malformed) as refusal:
        open_with(Envelope(cipher, G, G, b""), G)
    assert refusal.value.code == "tag-wrong"


@pytest.mark.parametrize(
    "inside", ["words", '{"message":"m"}', '{"message":"m","signature":{},"x":1}', '{"message": "m"}']
)
def test_an_opened_text_that_is_no_signed_message_is_refused(inside: str) -> None:
    message = encrypt(BORIS.encryption, inside, Cipher.GCM, stream("inside")).text()
    with pytest.raises(Malformed) as refusal:
        receive(BORIS, ANNA.verification, message)
    assert refusal.value.code == "text-malformed"


def test_a_signed_text_without_an_address_is_refused() -> None:
    for words in ("words", '{"message":"m"}', f'{{"message":"m","recipient":"{BORIS.encryption.hex()}"}}'):
        signed = SignedMessage.sign(ANNA.signing, words, stream("address"))
        message = encrypt(BORIS.encryption, dumps(signed.to_json()), Cipher.GCM, stream("address")).text()
        with pytest.raises(Malformed) as refusal:
            receive(BORIS, ANNA.verification, message)
        assert refusal.value.code == "text-malformed"


def test_a_signature_is_for_one_text_and_one_key() -> None:
    signed = SignedMessage.sign(ANNA.signing, "text", stream("sign"))
    signed.verify(ANNA.verification)
    for other, key in ((signed, BORIS.verification), (SignedMessage("texT", signed.signature), ANNA.verification)):
        with pytest.raises(ElectionError) as refusal:
            other.verify(key)
        assert refusal.value.code == "signature-wrong"


def test_a_seed_has_22_base58_characters_and_is_different_every_time() -> None:
    seeds = {Seed.random(system_randomness).characters for _ in range(200)}
    assert len(seeds) == 200
    assert {len(seed) for seed in seeds} == {22}
    assert set("".join(seeds)) == set(BASE58)


@pytest.mark.parametrize("byte", [b"\x00", b"\xff"])
def test_no_seed_is_made_when_the_generator_fails(byte: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        Seed.random(lambda size: byte * size)
    assert refusal.value.code == "randomness-failed"


@pytest.mark.parametrize("characters", ["", "1" * 21, "1" * 23, "0" * 22, "1" * 22 + "\n", "I" * 22, "é" * 22])
def test_what_is_no_seed_is_refused_without_being_shown(characters: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Seed.parse(characters)
    assert not characters or characters not in str(refusal.value)


def test_seed_and_keys_do_not_show_in_their_repr() -> None:
    seed = Seed.random(stream("repr"))
    keys: TrusteeKeys = seed.keys()
    assert seed.characters not in repr(seed)
    assert str(keys.signing.expose()) not in repr(keys)
    assert str(keys.decryption.expose()) not in repr(keys)


def test_a_cipher_is_ccm_or_gcm() -> None:
    assert Cipher.from_json("ccm") is Cipher.CCM
    for other in ("GCM", "", None, 1):
        with pytest.raises(Malformed):
            Cipher.from_json(other)
