"""The folder that trustees share during a key ceremony: each puts its own public files there and reads those of the others.

Nothing in it is secret: shares are encrypted to their recipients. A memory stick that goes round, or any shared drive, will do.

- `terms.json`            size, threshold, cipher, deadlines, names; from the organizer, may be absent
- `certificate-I.json`    one line, the form of belenios-tool
- `commitment-I.json`, `reveal-I.json`, `key-I.json`
- `share-I-J.json` from I to J, `complaint-J-I.json`: J says that I dealt badly
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from veche.cli.private_files import read_content, read_json, read_line, write_new
from veche.crypto.canonical_json import Json, array, digest, dumps, fields, integer, text
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Cipher, json_of
from veche.crypto.complaint import Complaint
from veche.crypto.errors import ElectionError, Inconsistent, Malformed
from veche.crypto.pedersen import VerificationKey
from veche.crypto.proof import Proof
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import Terms

Found = TypeVar("Found")


class CeremonyFolder:
    """The shared folder of one run. What is there is as its author wrote it; the steps of the ceremony check it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def terms(self) -> Terms | None:
        """What the organizer fixed before the run, or None when nothing is there. Raises Malformed."""
        return self._read("terms.json", lambda path: parse_terms(read_json(path)))

    def certificates(self, size: int) -> tuple[Certificate | None, ...]:
        return self._each(size, "certificate", lambda path: Certificate.parse(read_line(path)))

    def commitments(self, size: int) -> tuple[str | None, ...]:
        return self._each(size, "commitment", lambda path: digest(fields(read_json(path), ("commitment",))["commitment"]))

    def reveals(self, size: int) -> tuple[Reveal | None, ...]:
        return self._each(size, "reveal", lambda path: Reveal.from_json(read_json(path)))

    def keys(self, size: int) -> tuple[tuple[VerificationKey, Proof] | None, ...]:
        """Verification key and group signature of each trustee that has finished."""
        return self._each(size, "key", _key_and_signature)

    def share(self, dealer: int, recipient: int) -> str | None:
        """The encrypted text from `dealer` to `recipient`, byte for byte."""
        return self._read(f"share-{dealer}-{recipient}.json", read_line)

    def complaints(self) -> tuple[Complaint, ...]:
        """All complaints there are."""
        names = sorted(path.name for path in self.path.glob("complaint-*.json"))
        found = [self._read(name, lambda path: Complaint.from_json(json_of(read_line(path)))) for name in names]
        return tuple(one for one in found if one is not None)

    def has_certificate(self, index: int) -> bool:
        """Whether somebody has taken this place."""
        return (self.path / f"certificate-{index}.json").exists()

    def put_terms(self, terms: Terms) -> None:
        self._put("terms.json", dumps(terms.to_json()))

    def put_certificate(self, index: int, certificate: Certificate) -> None:
        self._put(f"certificate-{index}.json", certificate.line())

    def put_commitment(self, index: int, commitment: str) -> None:
        self._put(f"commitment-{index}.json", dumps({"commitment": commitment}))

    def put_reveal(self, index: int, reveal: Reveal) -> None:
        self._put(f"reveal-{index}.json", dumps(reveal.to_json()))

    def put_share(self, dealer: int, recipient: int, message: str) -> None:
        self._put(f"share-{dealer}-{recipient}.json", message)

    def put_complaint(self, complaint: Complaint) -> str:
        name = f"complaint-{complaint.complainant}-{complaint.dealer}.json"
        self._put(name, dumps(complaint.to_json()))
        return name

    def put_key(self, index: int, key: VerificationKey, signature: Proof) -> None:
        self._put(f"key-{index}.json", dumps({"verification_key": key.to_json(), "group_signature": signature.to_json()}))

    def _put(self, name: str, content: str) -> None:
        """The file is there with this content. The same again changes nothing; another one is refused, never overwritten."""
        path = self.path / name
        if path.exists():
            if read_content(path) != content.encode("utf-8"):
                raise Inconsistent(
                    "ceremony-file",
                    f"{path} is there already and says something else: somebody else wrote in your name",
                )
            return
        write_new(path, content.encode("utf-8") + b"\n")

    def _read(self, name: str, read: Callable[[Path], Found]) -> Found | None:
        path = self.path / name
        if not path.is_file():
            return None
        try:
            return read(path)
        except ElectionError as error:
            raise Malformed("ceremony-file", f"{path}: {error}") from error

    def _each(self, size: int, kind: str, read: Callable[[Path], Found]) -> tuple[Found | None, ...]:
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


def _key_and_signature(path: Path) -> tuple[VerificationKey, Proof]:
    found = fields(read_json(path), ("verification_key", "group_signature"))
    return VerificationKey.from_json(found["verification_key"]), Proof.from_json(found["group_signature"])
