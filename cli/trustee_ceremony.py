"""A trustee's part in the key ceremony, from its private folder and the shared one. docs/protocol.md section 6.8.

The steps themselves are `crypto/ceremony.py`; here each keeps its state in a private file before anything is shown to others. So a
step repeated after a crash shows the same again and never something else, which would look like cheating.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from veche.ballot.trustees import parse_trustees
from veche.crypto.canonical_json import Json, dumps
from veche.crypto.ceremony import (
    Committed,
    Finished,
    Revealed,
    Sharing,
    State,
    check_reveals,
    commit,
    finish,
    receive_share,
    reveal,
    state_from_json,
    take_place,
    verify_outcome,
)
from veche.crypto.certificate import Certificate, Context, list_hash, verify_certificates
from veche.crypto.channel import Cipher, Seed, TrusteeKeys
from veche.crypto.complaint import Complaint
from veche.crypto.errors import Inconsistent, Malformed, Refused
from veche.crypto.run_file import FinishedRun, parse_run, verify_run, verify_run_matches
from veche.crypto.scalar import Randomness, Secret
from veche.observer.durable_files import make_private_folder, read_json, read_line, write_private
from veche.service.ceremony_board import CeremonyBoard

SEED: Final = "trustee.key"
DECRYPTION_KEY: Final = "trustee.dkey"
CERTIFICATE: Final = "0-certificate.json"
COMMITTED: Final = "1-committed.json"
REVEALED: Final = "2-revealed.json"
SHARING: Final = "3-sharing.json"
FINISHED: Final = "4-finished.json"
COMPLAINED: Final = "4-complained.json"

SomeState = TypeVar("SomeState", Committed, Revealed, Sharing, Finished)


@dataclass(frozen=True, slots=True)
class Desk:
    """One trustee's private folder for one run, and the board that all see."""

    private: Path
    shared: CeremonyBoard

    def keys(self) -> TrusteeKeys:
        """The keys of the seed in the private folder. Raises Malformed, or OSError."""
        return Seed.parse(read_line(self.private / SEED)).keys()

    def own_certificate(self) -> tuple[Certificate, Context]:
        path = self.private / CERTIFICATE
        if not path.exists():
            raise Refused("step-missing", f"{path} is not there: make your certificate first (veche trustee certificate)")
        certificate = Certificate.parse(read_line(path))
        if certificate.context is None:
            raise Malformed("certificate-malformed", "your own certificate names no place; begin again in a new folder")
        return certificate, certificate.context


def parse_place(written: str) -> Context:
    """`i/t/n`: place i of n, any t of whom can decrypt. Raises Malformed."""
    parts = written.split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        raise Malformed("place-malformed", "a place is written i/t/n, for example 1/2/3: trustee 1, any 2 of 3 can decrypt")
    index, threshold, size = (int(part) for part in parts)
    if not (1 <= index <= size and 1 <= threshold < size):
        raise Malformed(
            "place-malformed", f"place {index} of {size} with threshold {threshold}: 1 ≤ i ≤ n and 1 ≤ t < n are needed"
        )
    return Context(size, threshold, index)


def make_certificate(desk: Desk, context: Context, randomness: Randomness) -> Certificate:
    """Step 1: a new seed for this run, and its certificate with the public keys. Raises Refused where there is another seed."""
    _verify_terms(desk, context)
    if not (desk.private / CERTIFICATE).exists():
        if desk.shared.has_certificate(context.index):
            raise Refused("place-taken", f"place {context.index} is taken: its certificate is in the shared folder already")
        make_private_folder(desk.private)
        seed = Seed.random(randomness)
        write_private(desk.private / SEED, seed.characters.encode("ascii"))
        certificate = Certificate.make(seed.keys(), context, randomness)
        write_private(desk.private / CERTIFICATE, certificate.line().encode("utf-8"))
    certificate, own = desk.own_certificate()
    if own != context:
        raise Refused("place-taken", f"{desk.private} holds the keys for another place; a seed is never used for two")
    desk.shared.put_certificate(context.index, certificate)
    return certificate


def uncompared_certificates(desk: Desk) -> str | None:
    """The hash of all certificates, checked, before this trustee has chosen its part for them; None when it has.

    Raises Refused while a certificate is missing, and what is wrong with one.
    """
    if (desk.private / COMMITTED).exists():
        return None
    certificates, context = _all_certificates(desk)
    verify_certificates(certificates, context.size, context.threshold)
    return certificates_seal(certificates)


def make_commitment(desk: Desk, cipher: Cipher | None, randomness: Randomness, compared: str | None = None) -> Committed:
    """Step 2: all certificates checked, and a hash of this trustee's part published. Raises Refused while one is missing.

    `compared`: the hash of all certificates that people have compared. For others nothing is chosen: Inconsistent `split-view`.
    """

    def choose() -> Committed:
        certificates, context = _all_certificates(desk)
        if compared not in (None, certificates_seal(certificates)):
            raise Inconsistent("split-view", "other certificates are shown now than those that you compared: stop, tell the others")
        terms = desk.shared.terms()
        chosen = cipher or (terms.cipher if terms is not None else Cipher.GCM)
        _verify_terms(desk, context)
        keys = desk.keys()
        place = take_place(keys, certificates, context.size, context.threshold, context.index, chosen)
        return commit(keys, place, randomness)

    state = _step(desk.private / COMMITTED, Committed, choose)
    desk.shared.put_commitment(state.place.index, state.commitment)
    return state


def make_reveal(desk: Desk, randomness: Randomness) -> Revealed:
    """Step 3: with all commitments seen, this trustee's part itself, signed over them. Raises Refused while one is missing."""

    def show() -> Revealed:
        before = _read(desk.private / COMMITTED, Committed)
        return reveal(desk.keys(), before, desk.shared.commitments(before.place.size), randomness)

    state = _step(desk.private / REVEALED, Revealed, show)
    desk.shared.put_reveal(state.committed.place.index, state.reveal)
    return state


def hand_out_shares(desk: Desk) -> Sharing:
    """Step 4: every reveal found good, the encrypted shares go out. Raises Inconsistent naming whoever revealed something else."""

    def check() -> Sharing:
        before = _read(desk.private / REVEALED, Revealed)
        return check_reveals(before, desk.shared.reveals(before.committed.place.size))

    state = _step(desk.private / SHARING, Sharing, check)
    index = state.place.index
    for recipient, message in enumerate(state.secrets, start=1):
        if recipient != index:
            desk.shared.put_share(index, recipient, message)
    return state


def take_shares(desk: Desk, name: str | None, randomness: Randomness) -> Finished | Complaint:
    """Step 5: every share opened and checked. Either the key (its files written), or a complaint that anyone can judge.

    Raises Refused while a share is missing, or when one was changed on the way: then it is asked for again, nobody is named.
    """
    if (desk.private / FINISHED).exists():
        return _publish_key(desk, _read(desk.private / FINISHED, Finished))
    if (desk.private / COMPLAINED).exists():
        complaint = Complaint.from_json(read_json(desk.private / COMPLAINED))
    else:
        outcome = _open_shares(desk, name, randomness)
        if isinstance(outcome, Finished):
            write_private(desk.private / FINISHED, dumps(outcome.to_json()).encode("utf-8"))
            return _publish_key(desk, outcome)
        complaint = outcome
        # Kept first: a trustee that complained must never send a key for the same run.
        write_private(desk.private / COMPLAINED, dumps(complaint.to_json()).encode("utf-8"))
    desk.shared.put_complaint(complaint)
    return complaint


def _open_shares(desk: Desk, name: str | None, randomness: Randomness) -> Finished | Complaint:
    state, keys = _read(desk.private / SHARING, Sharing), desk.keys()
    index, shares = state.place.index, list[Secret]()
    messages = [_message(desk, state, dealer) for dealer in range(1, state.place.size + 1)]
    for dealer, message in enumerate(messages, start=1):
        taken = receive_share(keys, state, dealer, message, randomness)
        if isinstance(taken, Complaint):
            return taken
        shares.append(taken)
    terms = desk.shared.terms()
    chosen = name or (terms.names[index - 1] if terms is not None else None)
    return finish(keys, state, shares, chosen or None, randomness)


def _message(desk: Desk, state: Sharing, dealer: int) -> str:
    index = state.place.index
    if dealer == index:
        return state.secrets[index - 1]
    message = desk.shared.share(dealer, index)
    if message is None:
        raise Refused("shares-missing", f"share-{dealer}-{index}.json is not there yet: trustee {dealer} has not dealt")
    return message


def _publish_key(desk: Desk, state: Finished) -> Finished:
    path = desk.private / DECRYPTION_KEY
    if not path.exists():
        write_private(path, state.decryption_key.encode("utf-8"))
    desk.shared.put_key(state.place.index, state.verification_key, state.group_signature)
    return state


def confirm_outcome(desk: Desk, trustees_json: bytes, run_file: bytes | None) -> None:
    """Step 6: the published trustees.json, and the run file, tell what this trustee took part in and saw itself.

    Raises Inconsistent: another group, or other commitments and reveals than were shown to this trustee.
    """
    state = _read(desk.private / FINISHED, Finished)
    groups = parse_trustees(trustees_json).groups
    lines = [one.line() for one in state.place.certificates]
    mine = next((group for group in groups if [one.line() for one in group.certificates] == lines), None)
    if mine is None:
        raise Inconsistent("other-group", "trustees.json holds no threshold group made with the certificates of your ceremony")
    verify_outcome(state, mine)
    if run_file is None:
        return
    run = parse_run(run_file)
    verify_run(run)
    verify_run_matches(run, trustees_json, mine)
    seen = _read(desk.private / SHARING, Sharing)
    if not isinstance(run, FinishedRun) or (run.commitments, run.reveals) != (seen.revealed.commitments, seen.reveals):
        raise Inconsistent(
            "split-view",
            "the run file shows other commitments or reveals than you saw: stop and compare with the others",
        )


def bad_share(complaint: Complaint) -> Refused:
    """What a trustee is told after its complaint."""
    dealer = complaint.dealer
    return Refused(
        "bad-share", f"trustee {dealer} dealt you a bad share; your complaint is where all see it, and this run ends with it"
    )


def certificates_seal(certificates: Sequence[Certificate]) -> str:
    """L, the hash of all certificates (hex): it names the run, and the trustees read it to each other."""
    return list_hash(certificates).hex()


def trustees_hash(trustees_json: bytes) -> str:
    """SHA-256 (hex) of trustees.json."""
    return sha256(trustees_json).hexdigest()


def _verify_terms(desk: Desk, context: Context) -> None:
    """The organizer's terms, where there are some, are the ones this trustee agreed to."""
    terms = desk.shared.terms()
    if terms is not None and (terms.size, terms.threshold) != (context.size, context.threshold):
        raise Inconsistent(
            "other-terms",
            f"terms.json says {terms.threshold} of {terms.size}, you took a place among {context.threshold} of {context.size}",
        )


def _all_certificates(desk: Desk) -> tuple[tuple[Certificate, ...], Context]:
    """Everybody's certificate as the board shows it, this trustee's own among them, and its place."""
    own, context = desk.own_certificate()
    certificates = _complete(desk.shared.certificates(context.size), "certificate")
    if certificates[context.index - 1].line() != own.line():
        raise Inconsistent("not-my-certificate", f"certificate-{context.index}.json is not the one you made")
    return certificates, context


def _complete(found: Sequence[Certificate | None], what: str) -> tuple[Certificate, ...]:
    missing = [str(place) for place, one in enumerate(found, start=1) if one is None]
    if missing:
        raise Refused(f"{what}s-missing", f"the {what} of trustee {', '.join(missing)} is not there yet")
    return tuple(one for one in found if one is not None)


def _step(path: Path, kind: type[SomeState], make: Callable[[], SomeState]) -> SomeState:
    """The state in the private file, made and kept now if it is not there yet."""
    if path.exists():
        return _read(path, kind)
    state = make()
    write_private(path, _encoded(state))
    return state


def _encoded(state: State) -> bytes:
    value: dict[str, Json] = state.to_json()
    return dumps(value).encode("utf-8")


def _read(path: Path, kind: type[SomeState]) -> SomeState:
    if not path.exists():
        raise Refused("step-missing", f"{path} is not there: the step of the ceremony before this one has not been done")
    state = state_from_json(read_json(path))
    if not isinstance(state, kind):
        raise Malformed("wrong-step", f"{path} holds another step of the ceremony")
    return state
