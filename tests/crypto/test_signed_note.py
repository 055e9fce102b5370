"""Signed notes and verifier keys: one text each, and a known key's line must verify.

What Ed25519 signatures are accepted: libsodium's rules. S below q; key and R canonical and not of small order; the equation holds
exactly, without a factor 8. Keys and R with a small-order part beside a large one pass when the equation holds: nobody can make
such a signature without the secret, and our own signatures are deterministic.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto.drawing import drawing
from tests.vectors import VECTORS, load
from veche.crypto.errors import ElectionError, InvalidSignature, Malformed
from veche.crypto.scalar import Q
from veche.crypto.signed_note import (
    ED25519,
    MAX_BYTES,
    MAX_LINES,
    NoteSigner,
    VerifierKey,
    parse_line,
    parse_note,
    parse_verifier_key,
    verify_ed25519,
    verify_line,
    verify_note,
)

LOG = load("spec/transparency-log-vectors.json")
RECORD = load("spec/veche-record-vectors.json")
LOG_KEY = parse_verifier_key(LOG["log_vkey"])
WITNESS_KEY = parse_verifier_key(LOG["witness_vkey"])
LOG_SIGNER = NoteSigner(LOG["origin"], bytes.fromhex(LOG["log_seed_hex"]))
OTHER = NoteSigner.generate("other.example/log", drawing("other"))


def code_of(refusal: pytest.ExceptionInfo[ElectionError]) -> str:
    return refusal.value.code


# --- Verifier keys --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log", "witness"])
def test_known_verifier_keys_are_read_and_written_back(name: str) -> None:
    key = parse_verifier_key(LOG[f"{name}_vkey"])
    assert key.public.hex() == LOG[f"{name}_pub_hex"]
    assert key.key_id.hex() == LOG[f"{name}_keyid_hex"]
    assert key.text() == LOG[f"{name}_vkey"]


def test_the_key_of_a_seed_is_the_known_one() -> None:
    assert LOG_SIGNER.verifier == LOG_KEY
    assert NoteSigner(LOG["origin"], bytes.fromhex(LOG["log_seed_hex"])).verifier.text() == LOG["log_vkey"]


def test_base64_with_plus_signs_is_not_split() -> None:
    for number in range(200):
        key = VerifierKey("a/b", ED25519, number.to_bytes(1, "big") * 32)
        assert parse_verifier_key(key.text()) == key


def test_a_key_of_another_type_is_carried() -> None:
    assert WITNESS_KEY.kind == 4
    assert parse_verifier_key(VerifierKey("pq", 6, bytes(1312)).text()).kind == 6


NAME, KEY_ID, ENCODED = LOG["log_vkey"].split("+", 2)

BAD_KEYS = {
    "nothing": "",
    "no key": f"{NAME}+{KEY_ID}",
    "another key ID": f"{NAME}+2b2d41d1+{ENCODED}",
    "key ID in capitals": f"{NAME}+{KEY_ID.upper()}+{ENCODED}",
    "key ID with a zero before it": f"{NAME}+0{KEY_ID}+{ENCODED}",
    "another name": f"{NAME}x+{KEY_ID}+{ENCODED}",
    "no name": f"+{KEY_ID}+{ENCODED}",
    "space in the name": f"vote example+{KEY_ID}+{ENCODED}",
    "no-break space in the name": f"vote\u00a0example+{KEY_ID}+{ENCODED}",
    "padding too much": f"{NAME}+{KEY_ID}+{ENCODED}=",
    "a character less": f"{NAME}+{KEY_ID}+{ENCODED[:-1]}",
    "newline after": f"{NAME}+{KEY_ID}+{ENCODED}\n",
    "space after": f"{NAME}+{KEY_ID}+{ENCODED} ",
    "other alphabet": f"{NAME}+{KEY_ID}+{ENCODED.replace('+', '-').replace('/', '_')}",
    "31 bytes": VerifierKey(NAME, ED25519, bytes(31)).text(),
    "33 bytes": VerifierKey(NAME, ED25519, bytes(33)).text(),
    "type only": VerifierKey(NAME, 4, b"").text(),
}


@pytest.mark.parametrize("written", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_any_other_text_of_a_key_is_refused(written: str) -> None:
    with pytest.raises(Malformed):
        parse_verifier_key(written)


def test_base64_has_one_text() -> None:
    # The last character of 2 bytes carries 2 bits that mean nothing; other values of them must not pass.
    key = VerifierKey("n", 4, b"ab")
    written = key.text()
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        other = VerifierKey("n", 4, b"a").text().removesuffix("=")[:-1] + last + "="
        if other != VerifierKey("n", 4, b"a").text():
            with pytest.raises(Malformed):
                parse_verifier_key(other)
    assert parse_verifier_key(written) == key


# --- Signing keys ---------------------------------------------------------------------------


def test_a_private_key_is_read_back_and_never_shown() -> None:
    signer = NoteSigner.generate("a.example/box", drawing("private"))
    written = signer.private_text()
    assert NoteSigner.from_private_text(written).line("t\n") == signer.line("t\n")
    encoded = written.split("+", 4)[4]
    seed = b64decode(encoded)[1:]
    for shown in (repr(signer), str(signer), f"{signer}"):
        assert encoded not in shown
        assert seed.hex() not in shown


def test_the_private_text_is_that_of_gos_tools() -> None:
    encoded = b64encode(b"\x01" + bytes.fromhex(LOG["log_seed_hex"])).decode()
    assert LOG_SIGNER.private_text() == f"PRIVATE+KEY+{LOG['origin']}+{LOG['log_keyid_hex']}+{encoded}"


PRIVATE = LOG_SIGNER.private_text()


@pytest.mark.parametrize(
    "written",
    [
        "",
        LOG["log_vkey"],
        PRIVATE.replace("PRIVATE", "PUBLIC"),
        PRIVATE.replace(LOG["log_keyid_hex"], "00000000"),
        PRIVATE.replace(LOG["origin"], "x"),
        PRIVATE[:-4],
        PRIVATE + "\n",
        PRIVATE.replace("+AQAB", "+BAAB"),
    ],
)
def test_a_wrong_private_key_is_refused_without_being_shown(written: str) -> None:
    with pytest.raises(Malformed) as refusal:
        NoteSigner.from_private_text(written)
    assert PRIVATE.split("+", 4)[4][8:24] not in str(refusal.value)


@pytest.mark.parametrize(("name", "size"), [("a b", 32), ("", 32), ("a+b", 32), ("a", 31), ("a", 0)])
def test_a_signing_key_has_a_name_and_32_bytes(name: str, size: int) -> None:
    with pytest.raises(Malformed):
        NoteSigner(name, bytes(size))


# --- Notes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["checkpoint3", "checkpoint5", "checkpoint5_cosigned"])
def test_known_checkpoints_are_signed_by_the_log(name: str) -> None:
    assert verify_note(parse_note(LOG[name].encode()), [LOG_KEY]) == (LOG_KEY,)


@pytest.mark.parametrize("name", ["checkpoint3", "checkpoint5"])
def test_signing_again_gives_the_same_bytes(name: str) -> None:
    note = parse_note(LOG[name].encode())
    assert LOG_SIGNER.note(note.text) == LOG[name].encode()


def test_lines_of_unknown_keys_and_other_types_are_carried_and_ignored() -> None:
    note = parse_note(LOG["checkpoint5_cosigned"].encode())
    assert [line[0] for line in note.lines] == [LOG["origin"], LOG["witness_name"]]
    # The witness signs another text (type 4): its line proves nothing here, and refuses nothing.
    assert verify_note(note, [LOG_KEY, WITNESS_KEY]) == (LOG_KEY,)
    with pytest.raises(InvalidSignature) as refusal:
        verify_note(note, [WITNESS_KEY])
    assert code_of(refusal) == "note-unknown-key"


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    note = parse_note(LOG["checkpoint5"].encode())
    keys: list[list[VerifierKey]] = [
        [],
        [OTHER.verifier],
        [replace(LOG_KEY, name="vote.example/e/other")],
        [replace(LOG_KEY, public=OTHER.verifier.public)],
    ]
    for known in keys:
        with pytest.raises(InvalidSignature) as refusal:
            verify_note(note, known)
        assert code_of(refusal) == "note-unknown-key"


def test_a_known_keys_line_that_does_not_verify_refuses_the_whole_note() -> None:
    text = "one\n"
    good, bad = OTHER.line(text), LOG_SIGNER.line("two\n")
    note = parse_note(f"{text}\n{good}\n{bad}\n".encode())
    assert verify_note(note, [OTHER.verifier]) == (OTHER.verifier,)
    with pytest.raises(InvalidSignature) as refusal:
        verify_note(note, [OTHER.verifier, LOG_KEY])
    assert code_of(refusal) == "note-signature"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n"), max_size=60))
def test_a_signed_text_is_read_back_whatever_it_holds(text: str) -> None:
    text = text.rstrip("\n") + "x\n"
    note = parse_note(OTHER.note(text))
    assert note.text == text
    assert verify_note(note, [OTHER.verifier]) == (OTHER.verifier,)


@given(st.data())
def test_no_byte_of_a_note_can_be_changed(data: st.DataObject) -> None:
    note = LOG["checkpoint5"].encode()
    place = data.draw(st.integers(0, len(note) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != note[place]))
    with pytest.raises(ElectionError):
        verify_note(parse_note(note[:place] + bytes([byte]) + note[place + 1 :]), [LOG_KEY])


def test_the_text_may_hold_empty_lines_and_what_looks_like_a_signature() -> None:
    text = f"a\n\n{LOG_SIGNER.line('a' + chr(10))}\n\nb\n"
    note = parse_note(OTHER.note(text))
    assert note.text == text
    assert len(note.lines) == 1


LINE = LOG_SIGNER.line("a\n")

BAD_NOTES = {
    "nothing": b"",
    "text only": b"a\n",
    "no empty line": f"a\n{LINE}\n".encode(),
    "no text": f"\n\n{LINE}\n".encode(),
    "no signature lines": b"a\n\n",
    "no last newline": f"a\n\n{LINE}".encode(),
    "two last newlines": f"a\n\n{LINE}\n\n".encode(),
    "carriage returns": f"a\r\n\r\n{LINE}\r\n".encode(),
    "tab": f"a\tb\n\n{LINE}\n".encode(),
    "zero byte": f"a\0\n\n{LINE}\n".encode(),
    "delete": f"a\x7f\n\n{LINE}\n".encode(),
    "not UTF-8": b"\xff" + f"\n\n{LINE}\n".encode(),
    "hyphen for the dash": f"a\n\n-{LINE[1:]}\n".encode(),
    "two spaces": f"a\n\n{LINE.replace(' ', '  ')}\n".encode(),
    "no base64": f"a\n\n\u2014 {LOG['origin']}\n".encode(),
    "wrong base64": f"a\n\n{LINE}*\n".encode(),
    "key ID without a signature": f"a\n\n\u2014 {LOG['origin']} {b64encode(bytes(4)).decode()}\n".encode(),
    "too many lines": f"a\n\n{(LINE + chr(10)) * (MAX_LINES + 1)}".encode(),
    "too many bytes": b"a" * MAX_BYTES + f"\n\n{LINE}\n".encode(),
}


@pytest.mark.parametrize("data", BAD_NOTES.values(), ids=BAD_NOTES.keys())
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(data)


def test_many_signature_lines_are_read() -> None:
    note = parse_note(f"a\n\n{(LINE + chr(10)) * MAX_LINES}".encode())
    assert len(note.lines) == MAX_LINES
    assert len(verify_note(note, [LOG_KEY])) == MAX_LINES


# --- Single lines ---------------------------------------------------------------------------


def test_a_line_holds_for_its_text_and_key_only() -> None:
    verify_line(LOG_KEY, "a\n", LINE)
    with pytest.raises(InvalidSignature):
        verify_line(LOG_KEY, "b\n", LINE)
    with pytest.raises(InvalidSignature) as refusal:
        verify_line(OTHER.verifier, "a\n", LINE)
    assert code_of(refusal) == "note-unknown-key"
    with pytest.raises(Malformed):
        verify_line(LOG_KEY, "a\n", LINE + "\n")


def test_the_registrars_known_annex_line_verifies() -> None:
    note = RECORD["acknowledgement"]["note"]
    text, _, line = note.rpartition("\n\n")
    verify_line(parse_verifier_key(RECORD["acknowledgement"]["vkey"]), text + "\n", line.removesuffix("\n"))
    assert parse_line(line.removesuffix("\n"))[0] == RECORD["acknowledgement"]["key_name"]


def test_a_longer_or_shorter_signature_is_no_signature() -> None:
    signature = parse_line(LINE)[2]
    verify_ed25519(LOG_KEY, b"a\n", signature)
    for other in (signature[:-1], signature + b"\0", b"", signature[:32]):
        with pytest.raises(InvalidSignature):
            verify_ed25519(LOG_KEY, b"a\n", other)
    # Bytes moved from the message into the signature must not verify either.
    with pytest.raises(InvalidSignature):
        verify_ed25519(LOG_KEY, b"\n", signature + b"a")


def test_a_key_of_another_type_verifies_nothing() -> None:
    signature = parse_line(LINE)[2]
    with pytest.raises(InvalidSignature):
        verify_ed25519(replace(LOG_KEY, kind=4), b"a\n", signature)


# --- Which Ed25519 signatures are accepted ----------------------------------------------------


def is_accepted(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        verify_ed25519(VerifierKey("k", ED25519, public), message, signature)
    except InvalidSignature as error:
        assert error.code == "note-signature"
        return False
    return True


def test_wycheproof_verdicts_are_ours() -> None:
    groups = load("ed25519/wycheproof-ed25519_test.json")["testGroups"]
    cases = [(bytes.fromhex(group["publicKey"]["pk"]), test) for group in groups for test in group["tests"]]
    differ = [
        test["tcId"]
        for public, test in cases
        if is_accepted(public, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])) != (test["result"] == "valid")
    ]
    assert len(cases) == 151
    assert differ == []


# Every vector of this collection satisfies the equation when multiplied by 8; its flags say in what it is unusual.
TOLERATED = {"low_order_component_A", "low_order_component_R"}


def test_cctv_edge_cases_are_accepted_only_when_equation_and_encodings_are_exact() -> None:
    cases: list[dict[str, Any]] = load("ed25519/cctv-ed25519vectors.json")
    assert len(cases) == 914
    differ = [
        case["number"]
        for case in cases
        if is_accepted(bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"]))
        != (set(case["flags"] or []) <= TOLERATED)
    ]
    assert differ == []


def test_a_signature_with_q_added_to_its_second_half_is_refused() -> None:
    signature = parse_line(LINE)[2]
    raised = signature[:32] + (int.from_bytes(signature[32:], "little") + Q).to_bytes(32, "little")
    assert is_accepted(LOG_KEY.public, b"a\n", signature)
    assert not is_accepted(LOG_KEY.public, b"a\n", raised)


def test_known_signatures_are_made() -> None:
    lines = (VECTORS / "ed25519/sign-input-128.txt").read_text(encoding="ascii").split()
    assert len(lines) == 128
    for line in lines:
        secret, public, message, signed = (bytes.fromhex(part) for part in line.split(":")[:4])
        signer = NoteSigner("k", secret[:32])
        assert signer.verifier.public == public
        assert is_accepted(public, message, signed[:64])
        try:
            text = message.decode("utf-8")
        except UnicodeDecodeError:
            continue
        assert parse_line(signer.line(text))[2] == signed[:64]
