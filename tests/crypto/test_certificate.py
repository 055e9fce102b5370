"""Specifies crypto/certificate.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from tests.crypto.ceremony_story import sit_down, stream
from tests.vectors import VECTORS, load
from veche.crypto.canonical_json import Json, dumps
from veche.crypto.certificate import Certificate, Context, list_hash, verify_certificates
from veche.crypto.channel import SignedMessage, TrusteeKeys
from veche.crypto.errors import ElectionError, Malformed
from veche.crypto.group import G
from veche.crypto.scalar import Secret

TABLE = sit_down()
GOOD = list(TABLE.certificates)
LINES = (VECTORS / "belenios/thr-w/certs.jsons").read_text().splitlines()


def made(keys: TrusteeKeys, context: Context) -> Certificate:
    return Certificate.make(keys, context, stream("made"))


def signed_contents(contents: Json) -> Certificate:
    return Certificate.from_signed(SignedMessage.sign(TABLE.keys[0].signing, dumps(contents), stream("contents")))


def test_certificates_of_another_tool_are_read_and_written_as_they_are() -> None:
    certificates = [Certificate.parse(line) for line in LINES]
    assert [one.line() for one in certificates] == LINES
    assert [one.context for one in certificates] == [Context(3, 2, index) for index in (1, 2, 3)]
    verify_certificates(certificates, 3, 2)


def test_known_text_of_a_certificate() -> None:
    [vector] = [one for one in load("spec/belenios-vectors.json") if one["name"].startswith("certificate 3.x")]
    message = Certificate.parse(LINES[0]).signed.message
    assert vector["hashed"].startswith(f"sigmsg|{message}|")


def test_the_list_hash_is_that_of_the_file_without_its_last_newline() -> None:
    text = (VECTORS / "belenios/thr-w/certs.jsons").read_bytes().rstrip(b"\n")
    assert list_hash([Certificate.parse(line) for line in LINES]) == sha256(text).digest()


def test_the_file_name_is_the_hash_of_the_inner_message() -> None:
    assert GOOD[0].file_name() == sha256(GOOD[0].signed.message.encode()).hexdigest()


def test_a_certificate_of_an_older_tool_has_no_place() -> None:
    line = (VECTORS / "fixtures/belenios/threshold/dkg/certs.jsons").read_text().splitlines()[0]
    certificate = Certificate.parse(line)
    assert certificate.context is None
    certificate.signed.verify(certificate.verification)


def test_certificates_just_made_are_good() -> None:
    verify_certificates(GOOD, 3, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: (GOOD[:2], 3, 2), "threshold-limits"),
        (lambda: (GOOD, 3, 0), "threshold-limits"),
        (lambda: (GOOD, 3, 4), "threshold-limits"),
        (lambda: (list(sit_down(3, 2).certificates), 3, 3), "threshold-limits"),
        (lambda: ([], 0, 1), "threshold-limits"),
        (lambda: (GOOD, 3, 1), "certificate-context"),
        (lambda: ([GOOD[1], GOOD[0], GOOD[2]], 3, 2), "certificate-context"),
        (lambda: ([GOOD[0], GOOD[0], GOOD[2]], 3, 2), "trustee-key"),
        (lambda: ([made(TABLE.keys[0], Context(3, 2, 1, "ed25519")), *GOOD[1:]], 3, 2), "certificate-context"),
        (lambda: ([made(TABLE.keys[0], Context(4, 2, 1)), *GOOD[1:]], 3, 2), "certificate-context"),
        (lambda: ([made(TABLE.keys[1], Context(3, 2, 1)), *GOOD[1:]], 3, 2), "trustee-key"),
        (lambda: ([replace(GOOD[0], context=None), *GOOD[1:]], 3, 2), "certificate-context"),
        (
            lambda: ([made(replace(TABLE.keys[0], signing=Secret.of(5)), Context(3, 2, 1)), *GOOD[1:]], 3, 2),
            "certificate-signature",
        ),
        (
            lambda: ([made(TrusteeKeys.of(TABLE.keys[0].signing, Secret.of(0)), Context(3, 2, 1)), *GOOD[1:]], 3, 2),
            "trustee-key",
        ),
        (
            lambda: ([made(TrusteeKeys.of(Secret.of(5), Secret.of(5)), Context(3, 2, 1)), *GOOD[1:]], 3, 2),
            "trustee-key",
        ),
    ],
)
def test_a_certificate_for_another_place_or_with_a_key_that_serves_twice_is_refused(
    change: Callable[[], tuple[list[Certificate], int, int]], code: str
) -> None:
    with pytest.raises(ElectionError) as refusal:
        verify_certificates(*change())
    assert refusal.value.code == code


def test_a_group_in_which_nobody_may_be_missing_is_refused() -> None:
    keys = TABLE.keys[0]
    with pytest.raises(Malformed) as refusal:
        verify_certificates([made(keys, Context(1, 1, 1))], 1, 1)
    assert refusal.value.code == "threshold-limits"


CONTEXT: dict[str, Json] = {"group": "Ed25519", "size": 3, "threshold": 2, "index": 1}
KEY = G.hex()


@pytest.mark.parametrize(
    "contents",
    [
        {"verification": KEY},
        {"verification": KEY, "encryption": KEY, "context": CONTEXT},
        {"context": CONTEXT, "verification": KEY, "encryption": KEY, "more": 1},
        {"context": {**CONTEXT, "size": "3"}, "verification": KEY, "encryption": KEY},
        {"context": {**CONTEXT, "index": True}, "verification": KEY, "encryption": KEY},
        {"context": {**CONTEXT, "more": 1}, "verification": KEY, "encryption": KEY},
        {"context": CONTEXT, "verification": KEY.upper().replace("6", "A"), "encryption": KEY},
        {"context": CONTEXT, "verification": "2" + "0" * 63, "encryption": KEY},
        {"context": CONTEXT, "verification": 1, "encryption": KEY},
    ],
)
def test_contents_in_any_other_form_are_refused(contents: Json) -> None:
    with pytest.raises(Malformed):
        signed_contents(contents)


@pytest.mark.parametrize("line", ["", "{}", LINES[0] + "\n", " " + LINES[0], LINES[0].replace('":"', '": "', 1)])
def test_a_line_in_any_other_form_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        Certificate.parse(line)
