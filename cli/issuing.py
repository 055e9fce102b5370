"""The registrar's signed word on whose code was handed out: the entry `issued`. docs/protocol.md section 8.

It names credentials, never people, in the order of Setup's list, which says nothing about anybody (veche-record section 8). Small
batches would show who came when, so the registrar waits until five have theirs, except with the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from veche.crypto.canonical_json import array, encode, parse_canonical, text
from veche.crypto.errors import Inconsistent, Refused
from veche.crypto.signed_note import NoteSigner, VerifierKey, verify_line
from veche.ledger.annex import Closed, Issued, unsigned_issued_text
from veche.observer.board import Sealed, read_annexes
from veche.observer.sources import Source

LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class IssuedSoFar:
    """What the public record names already: the credentials (hex), and whether voting has closed and its last word was given."""

    named: frozenset[str]
    closed: bool
    final: bool


def issued_so_far(source: Source, sealed: Sealed, registrar: VerifierKey) -> IssuedSoFar:
    """Every `issued` of the record, each signed by `registrar` and adding up. Raises Inconsistent or InvalidSignature if not.

    A false one would let a ballot of somebody who never got a code be counted, in the registrar's name.
    """
    named: set[str] = set()
    closed = final = False
    for annex in read_annexes(source, sealed.election.uuid):
        if isinstance(annex, Closed):
            closed = True
        if isinstance(annex, Issued):
            named |= _verified(annex, source, sealed, registrar, named)
            final = closed
    return IssuedSoFar(frozenset(named), closed, final)


def _verified(annex: Issued, source: Source, sealed: Sealed, registrar: VerifierKey, named: AbstractSet[str]) -> set[str]:
    verify_line(registrar, annex.signed_text().decode("utf-8"), annex.signature)
    # Everybody at once, in a list without weights: then it is Setup's own list, which is not kept a second time.
    whole = annex.credentials == sealed.credentials.digest
    raw = sealed.credentials.raw if whole else source.data(annex.credentials)
    listed = [text(one) for one in array(parse_canonical(raw))]
    added = set(listed)
    if len(added) != len(listed) or added & named or annex.total != len(named) + len(added):
        raise Inconsistent(
            "issued-total", f"an issued of the record says {annex.total} in all, and its lists do not add up to that"
        )
    if not added <= set(sealed.credentials.weights):
        raise Inconsistent("issued-credentials", "an issued of the record names a credential that is not in the election's list")
    return added


def next_issued(
    sealed: Sealed, so_far: IssuedSoFar, handed_out: Iterable[str], signer: NoteSigner, last: bool = False
) -> tuple[Issued, bytes]:
    """The entry for what was handed out (hex) and is not named yet, and the data file that it names.

    Raises Refused: a credential that is not listed, fewer than five new ones without `last`, more than the electorate, or the
    record has the registrar's last word already.
    """
    wanted = set(handed_out)
    unlisted = wanted - set(sealed.credentials.weights)
    if unlisted:
        raise Refused(
            "not-this-election",
            f"{len(unlisted)} of these codes are not for election {sealed.election.uuid}: not in its list",
        )
    new = [credential for credential in sealed.credentials.weights if credential in wanted and credential not in so_far.named]
    _verify_batch(sealed, so_far, len(new), last)
    data = encode(list(new))
    total, digest = len(so_far.named) + len(new), sha256(data).hexdigest()
    line = signer.line(unsigned_issued_text(sealed.election.uuid, total, digest).decode("utf-8"))
    return Issued(sealed.election.uuid, total, digest, line), data


def _verify_batch(sealed: Sealed, so_far: IssuedSoFar, new: int, last: bool) -> None:
    if so_far.final:
        raise Refused("issued-final", "after the close one issued is given, and the record has it already")
    if so_far.closed and not last:
        raise Refused("issued-last", "voting has closed: the one issued that may still come is the last; say so with --last")
    if new < LEAST and not last:
        raise Refused(
            "issued-few",
            f"only {new} new; a small batch would show who came when, so wait for {LEAST}, or say --last after the close",
        )
    electorate = None if sealed.manifest is None else sealed.manifest.electorate
    total = len(so_far.named) + new
    if electorate is not None and total > electorate:
        raise Refused("issued-electorate", f"{total} codes handed out, but the manifest promises an electorate of {electorate}")


def verify_registrar(sealed: Sealed, key: VerifierKey) -> None:
    """Check that `key` is the registrar's key that the manifest fixed. Raises Refused."""
    expected = None if sealed.manifest is None else sealed.manifest.registrar
    if expected is None:
        raise Refused("registrar-key", "this record has no manifest that names a registrar; nothing can be signed for it")
    if expected != key:
        raise Refused("registrar-key", f"the manifest names the registrar {expected.text()}; this key is {key.text()}")


def handed_out(codes: dict[str, str], logins: Iterable[str]) -> dict[str, str]:
    """The codes of these people. Raises Refused naming the first unknown login by its place."""
    chosen: dict[str, str] = {}
    for place, login in enumerate(logins, 1):
        if login not in codes:
            raise Refused("login-unknown", f'line {place} of the list of logins: "{login[:60]}" has no code')
        chosen[login] = codes[login]
    return chosen
