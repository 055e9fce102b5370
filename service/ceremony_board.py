"""The board that trustees share during a key ceremony: each puts its own public messages there and reads those of the others.

Nothing on it is secret: shares are encrypted to their recipients. Where they lie (a folder, a server) is `Messages`' affair.

- `terms.json`            size, threshold, cipher, deadlines, names; from the organizer, may be absent
- `certificate-I.json`    one line, the form of belenios-tool
- `commitment-I.json`, `reveal-I.json`, `key-I.json`
- `share-I-J.json` from I to J, `complaint-J-I.json`: J says that I dealt badly
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from veche.crypto.canonical_json import Json, array, digest, dumps, fields, integer, parse_canonical, text
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Cipher, json_of
from veche.crypto.complaint import Complaint
from veche.crypto.errors import ElectionError, Malformed
from veche.crypto.pedersen import VerificationKey
from veche.crypto.proof import Proof
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import Terms

Found = TypeVar("Found")


class Messages(Protocol):
    """Named texts that are written once."""

    def read(self, name: str) -> str | None:
        """The text of this name, without a final newline; None when there is none. Raises Malformed when it is no text."""

    def put(self, name: str, content: str) -> None:
        """The message is there with this content. The same again changes nothing; another is Inconsistent `ceremony-file`."""

    def names(self) -> Iterable[str]:
        """The names of all messages."""

    def where(self, name: str) -> str:
        """The message, as an error names it."""


class CeremonyBoard:
    """The messages of one run. What is there is as its author wrote it; the steps of the ceremony check it."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def terms(self) -> Terms | None:
        """What the organizer fixed before the run, or None when nothing is there. Raises Malformed."""
        return self._read("terms.json", lambda content: parse_terms(_json(content)))

    def certificates(self, size: int) -> tuple[Certificate | None, ...]:
        return self._each(size, "certificate", Certificate.parse)

    def commitments(self, size: int) -> tuple[str | None, ...]:
        return self._each(size, "commitment", lambda content: digest(fields(_json(content), ("commitment",))["commitment"]))

    def reveals(self, size: int) -> tuple[Reveal | None, ...]:
        return self._each(size, "reveal", lambda content: Reveal.from_json(_json(content)))

    def keys(self, size: int) -> tuple[tuple[VerificationKey, Proof] | None, ...]:
        """Verification key and group signature of each trustee that has finished."""
        return self._each(size, "key", _key_and_signature)

    def share(self, dealer: int, recipient: int) -> str | None:
        """The encrypted text from `dealer` to `recipient`, byte for byte."""
        return self._read(f"share-{dealer}-{recipient}.json", lambda content: content)

    def complaints(self) -> tuple[Complaint, ...]:
        """All complaints there are."""
        names = sorted(name for name in self._messages.names() if name.startswith("complaint-"))
        found = [self._read(name, lambda content: Complaint.from_json(json_of(content))) for name in names]
        return tuple(one for one in found if one is not None)

    def has_certificate(self, index: int) -> bool:
        """Whether somebody has taken this place."""
        return self._messages.read(f"certificate-{index}.json") is not None

    def put_terms(self, terms: Terms) -> None:
        self._messages.put("terms.json", dumps(terms.to_json()))

    def put_certificate(self, index: int, certificate: Certificate) -> None:
        self._messages.put(f"certificate-{index}.json", certificate.line())

    def put_commitment(self, index: int, commitment: str) -> None:
        self._messages.put(f"commitment-{index}.json", dumps({"commitment": commitment}))

    def put_reveal(self, index: int, reveal: Reveal) -> None:
        self._messages.put(f"reveal-{index}.json", dumps(reveal.to_json()))

    def put_share(self, dealer: int, recipient: int, message: str) -> None:
        self._messages.put(f"share-{dealer}-{recipient}.json", message)

    def put_complaint(self, complaint: Complaint) -> str:
        name = f"complaint-{complaint.complainant}-{complaint.dealer}.json"
        self._messages.put(name, dumps(complaint.to_json()))
        return name

    def put_key(self, index: int, key: VerificationKey, signature: Proof) -> None:
        self._messages.put(
            f"key-{index}.json", dumps({"verification_key": key.to_json(), "group_signature": signature.to_json()})
        )

    def _read(self, name: str, read: Callable[[str], Found]) -> Found | None:
        try:
            # What keeps us from reading it (a server that does not answer, or refuses) says nothing about the message.
            content = self._messages.read(name)
        except Malformed as error:
            raise Malformed("ceremony-file", f"{self._messages.where(name)}: {error}") from error
        try:
            return None if content is None else read(content)
        except ElectionError as error:
            raise Malformed("ceremony-file", f"{self._messages.where(name)}: {error}") from error

    def _each(self, size: int, kind: str, read: Callable[[str], Found]) -> tuple[Found | None, ...]:
        return tuple(self._read(f"{kind}-{place}.json", read) for place in range(1, size + 1))


def parse_terms(value: Json) -> Terms:
    """The terms of a run, which begin its run file. Raises Malformed."""
    found = fields(value, ("veche", "size", "threshold", "cipher", "deadlines", "names"))
    if found["veche"] != "ceremony/1":
        raise Malformed("wrong-type", "not the terms of a ceremony")
    commit, reveal, complain = (integer(one) for one in array(found["deadlines"], 3))
    size, threshold = integer(found["size"], 1), integer(found["threshold"], 1)
    names = tuple(text(one) for one in array(found["names"], size))
    return Terms(size, threshold, Cipher.from_json(found["cipher"]), (commit, reveal, complain), names)


def _json(content: str) -> Json:
    return parse_canonical(content.encode("utf-8"))


def _key_and_signature(content: str) -> tuple[VerificationKey, Proof]:
    found = fields(_json(content), ("verification_key", "group_signature"))
    return VerificationKey.from_json(found["verification_key"]), Proof.from_json(found["group_signature"])
