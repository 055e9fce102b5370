"""One trustee's part in the key ceremony, as values: commit, reveal, deal, receive, finish.

docs/protocol.md section 6.5 (veche-record section 5). Each step takes the state before it and gives the next one;
what a state cannot do it has no function for. The seed stays with the trustee and is an argument (`keys`); the
polynomial is forgotten as soon as the encrypted shares are made. States are kept between steps by their JSON form,
which is the trustee's private file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from veche.crypto.canonical_json import Json, array, digest, dumps, fields, integer, text
from veche.crypto.certificate import Certificate, list_hash, verify_certificates
from veche.crypto.channel import Cipher, TrusteeKeys, json_of, receive, send
from veche.crypto.complaint import Complaint, Dealing, take_share
from veche.crypto.errors import Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.pedersen import Coefficients, ThresholdGroup, VerificationKey, sign_group, verify_threshold_group
from veche.crypto.proof import Proof
from veche.crypto.reveal import (
    LOT_BYTES,
    Reveal,
    commitment,
    reveal_message,
    verify_opening,
    verify_reveal_signature,
    verify_revealed_coefficients,
)
from veche.crypto.scalar import Randomness, Secret
from veche.crypto.schnorr import sign
from veche.crypto.shamir import Polynomial, public_shares

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,99}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trustee stands: its number from 1, and the certificates of all, checked before it chose anything."""

    certificates: tuple[Certificate, ...]
    threshold: int
    index: int
    cipher: Cipher

    @property
    def size(self) -> int:
        return len(self.certificates)

    def to_json(self) -> dict[str, Json]:
        return {
            "certificates": [one.line() for one in self.certificates],
            "threshold": self.threshold,
            "index": self.index,
            "cipher": self.cipher.value,
        }

    @classmethod
    def from_json(cls, value: Json) -> Place:
        found = fields(value, ("certificates", "threshold", "index", "cipher"))
        certificates = tuple(Certificate.parse(text(one)) for one in array(found["certificates"]))
        threshold, index = integer(found["threshold"]), integer(found["index"], 1, len(certificates))
        return cls(certificates, threshold, index, Cipher.from_json(found["cipher"]))


def take_place(
    keys: TrusteeKeys, certificates: Sequence[Certificate], size: int, threshold: int, index: int, cipher: Cipher
) -> Place:
    """The place of the owner of `keys` among these certificates, all of them checked.

    Raises as `verify_certificates`, and Inconsistent `not-my-certificate` when place `index` holds other keys.
    """
    verify_certificates(certificates, size, threshold)
    own = certificates[index - 1] if 1 <= index <= size else None
    if own is None or (own.verification, own.encryption) != (keys.verification, keys.encryption):
        raise Inconsistent("not-my-certificate", f"the certificate at place {index} is not the one made with this seed")
    return Place(tuple(certificates), threshold, index, cipher)


def deal_shares(keys: TrusteeKeys, place: Place, polynomial: Polynomial, randomness: Randomness) -> tuple[str, ...]:
    """The n encrypted texts, each with f(j) for trustee j, the trustee's own among them."""
    return tuple(
        send(keys, one.encryption, dumps({"secret": str(polynomial.at(j).expose())}), place.cipher, randomness)
        for j, one in enumerate(place.certificates, start=1)
    )


@dataclass(frozen=True, slots=True)
class Committed:
    """The trustee has chosen its part and shows only a hash of it. E_i, lot and texts are secret until the reveal."""

    place: Place
    coefexps: str = field(repr=False)
    lot: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def commitment(self) -> str:
        """commitment_i (hex), the only thing to publish now."""
        return commitment(list_hash(self.place.certificates), self.place.index, self.coefexps, self.lot)

    def to_json(self) -> dict[str, Json]:
        return {
            "step": "committed",
            "place": self.place.to_json(),
            "coefexps": self.coefexps,
            "lot": self.lot.hex(),
            "secrets": list(self.secrets),
        }

    @classmethod
    def from_json(cls, value: Json) -> Committed:
        found = fields(value, ("step", "place", "coefexps", "lot", "secrets"))
        _expect_step(found, "committed")
        secrets = tuple(text(one) for one in array(found["secrets"]))
        lot = bytes.fromhex(digest(found["lot"]))
        return cls(Place.from_json(found["place"]), text(found["coefexps"]), lot, secrets)


def commit(keys: TrusteeKeys, place: Place, randomness: Randomness) -> Committed:
    """A fresh polynomial, dealt and committed to, and forgotten: its values live on in the encrypted texts only."""
    polynomial = Polynomial.random(place.threshold, randomness)
    coefficients = Coefficients.make(keys.signing, polynomial.commitments(), randomness)
    lot = randomness(LOT_BYTES)
    if not any(lot):
        raise Refused("randomness-failed", "the random generator gave only zeros; nothing was made")
    return Committed(place, coefficients.line(), lot, deal_shares(keys, place, polynomial, randomness))


@dataclass(frozen=True, slots=True)
class Revealed:
    """The trustee has seen all n commitments, and signed its reveal over exactly these."""

    committed: Committed
    commitments: tuple[str, ...]
    reveal: Reveal

    def to_json(self) -> dict[str, Json]:
        return {
            "step": "revealed",
            "committed": self.committed.to_json(),
            "commitments": list(self.commitments),
            "reveal": self.reveal.to_json(),
        }

    @classmethod
    def from_json(cls, value: Json) -> Revealed:
        found = fields(value, ("step", "committed", "commitments", "reveal"))
        _expect_step(found, "revealed")
        commitments = tuple(digest(one) for one in array(found["commitments"]))
        return cls(Committed.from_json(found["committed"]), commitments, Reveal.from_json(found["reveal"]))


def reveal(keys: TrusteeKeys, state: Committed, commitments: Sequence[str | None], randomness: Randomness) -> Revealed:
    """The reveal, made only when all n commitments (64 hex digits each) are there.

    Raises Refused `commitments-missing`: whoever reveals earlier lets the others choose their parts after its own;
    Inconsistent `own-commitment` when the list holds another commitment in this trustee's name.
    """
    place = state.place
    complete = tuple(digest(one) for one in commitments if one is not None)
    if len(complete) != place.size or len(commitments) != place.size:
        raise Refused("commitments-missing", f"{place.size} commitments are needed before anything is revealed")
    if complete[place.index - 1] != state.commitment:
        raise Inconsistent("own-commitment", f"the commitment shown for trustee {place.index} is not the one it made")
    hashes = tuple(sha256(one.encode("utf-8")).hexdigest() for one in state.secrets)
    message = reveal_message(list_hash(place.certificates), place.index, complete, hashes)
    signature = sign(keys.signing, keys.verification, message, randomness)
    return Revealed(state, complete, Reveal(state.coefexps, state.lot, hashes, signature))


@dataclass(frozen=True, slots=True)
class Sharing:
    """The trustee has found all n reveals good against the commitments it saw itself.

    Now its encrypted shares may go out.
    """

    revealed: Revealed
    reveals: tuple[Reveal, ...]

    @property
    def place(self) -> Place:
        return self.revealed.committed.place

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts to hand out: the one at place j is for trustee j."""
        return self.revealed.committed.secrets

    def dealing(self) -> Dealing:
        """What all have seen, by which shares and complaints are judged."""
        return Dealing.of(self.place.certificates, self.place.cipher, self.reveals)

    def to_json(self) -> dict[str, Json]:
        return {
            "step": "sharing",
            "revealed": self.revealed.to_json(),
            "reveals": [one.to_json() for one in self.reveals],
        }

    @classmethod
    def from_json(cls, value: Json) -> Sharing:
        found = fields(value, ("step", "revealed", "reveals"))
        _expect_step(found, "sharing")
        reveals = tuple(Reveal.from_json(one) for one in array(found["reveals"]))
        return cls(Revealed.from_json(found["revealed"]), reveals)


def check_reveals(state: Revealed, reveals: Sequence[Reveal | None]) -> Sharing:
    """All reveals, each found good against the commitments that this trustee saw.

    Raises Refused `reveals-missing`; Inconsistent `wrong-reveal`, which names the trustee that revealed something
    else than it committed to; Inconsistent `split-view` when one signed over other commitments: then nobody is named,
    everybody stops.
    """
    place = state.committed.place
    complete = tuple(one for one in reveals if one is not None)
    if len(complete) != place.size or len(reveals) != place.size:
        raise Refused("reveals-missing", f"{place.size} reveals are needed before any share goes out")
    if complete[place.index - 1] != state.reveal:
        raise Inconsistent("own-reveal", f"the reveal shown for trustee {place.index} is not the one it made")
    for i, one in enumerate(complete, start=1):
        # The signature first: only who signed over what we saw, and cannot open its own entry there, is to blame.
        try:
            verify_reveal_signature(one, i, place.certificates, state.commitments)
        except InvalidSignature as error:
            raise Inconsistent(
                "split-view", f"trustee {i} did not sign over the commitments that {place.index} saw: stop and compare"
            ) from error
        try:
            verify_opening(one, i, place.certificates, state.commitments[i - 1])
            verify_revealed_coefficients(one, i, place.certificates, place.threshold)
        except Inconsistent as error:
            raise Inconsistent("wrong-reveal", f"trustee {i} is named: {error}") from error
    return Sharing(state, complete)


def receive_share(keys: TrusteeKeys, state: Sharing, dealer: int, message: str, randomness: Randomness) -> Secret | Complaint:
    """The share from `dealer`, found good, or the complaint that names the dealer.

    Raises Refused: ask for the message again.
    """
    return take_share(keys, message, state.dealing(), dealer, state.place.index, randomness)


@dataclass(frozen=True, slots=True)
class Finished:
    """The trustee has its share of the key, in a file only it can open, and has sent its verification key.

    It opens nothing more.
    """

    place: Place
    coefexps: tuple[str, ...]
    group_signature: Proof
    verification_key: VerificationKey
    decryption_key: str

    def to_json(self) -> dict[str, Json]:
        return {
            "step": "finished",
            "place": self.place.to_json(),
            "coefexps": list(self.coefexps),
            "group_signature": self.group_signature.to_json(),
            "verification_key": self.verification_key.to_json(),
            "decryption_key": self.decryption_key,
        }

    @classmethod
    def from_json(cls, value: Json) -> Finished:
        names = ("step", "place", "coefexps", "group_signature", "verification_key", "decryption_key")
        found = fields(value, names)
        _expect_step(found, "finished")
        return cls(
            Place.from_json(found["place"]),
            tuple(text(one) for one in array(found["coefexps"])),
            Proof.from_json(found["group_signature"]),
            VerificationKey.from_json(found["verification_key"]),
            text(found["decryption_key"]),
        )


def finish(keys: TrusteeKeys, state: Sharing, shares: Sequence[Secret], name: str | None, randomness: Randomness) -> Finished:
    """S_j, the sum of all n good shares: its verification key, its `.dkey` text and the signature over the group.

    Raises Inconsistent `shares-wrong` when the shares do not add up to the key that the coefficients give.
    """
    place = state.place
    dealers = state.dealing().coefficients
    signature = sign_group(keys.signing, place.certificates, dealers[place.index - 1], randomness)
    key, decryption_key = make_key(keys, place, dealers, shares, name, randomness)
    return Finished(place, tuple(one.coefexps for one in state.reveals), signature, key, decryption_key)


def make_key(
    keys: TrusteeKeys,
    place: Place,
    dealers: Sequence[Sequence[Point]],
    shares: Sequence[Secret],
    name: str | None,
    randomness: Randomness,
) -> tuple[VerificationKey, str]:
    """The verification key and the `.dkey` text for S_j = Σ_i s_ij mod q. Raises Inconsistent `shares-wrong`."""
    share = Secret.of(0)
    for one in shares:
        share = share + one
    public = secret_multiple(share, G)
    if len(shares) != place.size or public != public_shares(dealers, place.size)[place.index - 1] or public.is_identity:
        raise Inconsistent("shares-wrong", "the shares do not add up to the key that the coefficients give")
    message = dumps({"decryption_key": str(share.expose())})
    decryption_key = send(keys, keys.encryption, message, place.cipher, randomness)
    return VerificationKey.make(keys.signing, share, public, name, randomness), decryption_key


def assemble(
    finished: Sequence[tuple[VerificationKey, Proof]], dealing: Dealing, reveals: Sequence[Reveal], threshold: int
) -> ThresholdGroup:
    """The threshold group of all verification keys and group signatures, in order, fully checked.

    Raises as `verify_threshold_group`.
    """
    group = ThresholdGroup(
        threshold,
        dealing.certificates,
        tuple(one.coefficients() for one in reveals),
        tuple(signature for _, signature in finished),
        tuple(key for key, _ in finished),
    )
    # Read back from its own text, so that what is published passes every check on form, too.
    checked = ThresholdGroup.from_json(group.to_json())
    verify_threshold_group(checked)
    return checked


def verify_outcome(state: Finished, group: ThresholdGroup) -> None:
    """Check that the published group is the one this trustee helped to make.

    Raises Inconsistent `other-group`, or as the group does.
    """
    place = state.place
    verify_threshold_group(group)
    same = (
        group.threshold == place.threshold
        and [one.line() for one in group.certificates] == [one.line() for one in place.certificates]
        and tuple(one.line() for one in group.coefficients) == state.coefexps
        and group.verification_keys[place.index - 1] == state.verification_key
    )
    if not same:
        raise Inconsistent("other-group", f"the published group is not the one that trustee {place.index} helped to make")


def open_decryption_key(keys: TrusteeKeys, message: str) -> Secret:
    """S_j from the trustee's `.dkey` text, in either cipher. Raises Malformed without showing it.

    Tools of version 2 wrote it without reducing it mod q; it is reduced here.
    """
    found = fields(json_of(receive(keys, keys.verification, message)), ("decryption_key",))["decryption_key"]
    if type(found) is not str or _DECIMAL.fullmatch(found) is None:
        raise Malformed("key-malformed", "a decryption key is written as a decimal number")
    return Secret.from_wide_digest(int(found).to_bytes(64, "big"))


State = Committed | Revealed | Sharing | Finished


def state_from_json(value: Json) -> State:
    """The state of a trustee's private file, whichever it is. Raises Malformed."""
    step = value.get("step") if type(value) is dict else None
    if step == "committed":
        return Committed.from_json(value)
    if step == "revealed":
        return Revealed.from_json(value)
    if step == "sharing":
        return Sharing.from_json(value)
    return Finished.from_json(value)


def _expect_step(found: dict[str, Json], step: str) -> None:
    if found["step"] != step:
        raise Malformed("wrong-step", f'the state of a trustee at step "{step}" was expected')
