"""Inputs that phase 9.3 refuses: election, public credentials, trustees' keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.crypto.ceremony_story import stream
from tests.election.record_builder import QUESTION, Story
from tests.election.trustee_keys import Dealt, Item, single, with_json
from tests.election.voters import voter_key
from tests.observer.refusal_case import Case, Make, bare, bel, changed_bare, refusals, replacing, told, vector
from veche.ballot.election import Question
from veche.crypto.canonical_json import Json, encode, parse
from veche.crypto.certificate import Context
from veche.crypto.group import IDENTITY, G, secret_multiple
from veche.crypto.scalar import Secret
from veche.crypto.shamir import Polynomial

UNREADABLE = "what cannot be read is not there"
NO_POINT = "what is no member of the group cannot be computed with"
ORDER_8 = "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"
"""A point of the curve whose order is 8, in the form of Belenios."""


def group(change: Callable[[Any], Any] = lambda content: content, **dealt: Any) -> Make:
    """A bare archive whose threshold group is dealt so, and then changed as JSON."""

    def tell() -> Story:
        item = Dealt(**dealt).item()
        return bare(item=with_json(item, change(parse(encode(item.json[1])))))

    return bel(tell)


def alone(change: Callable[[Any], Any]) -> Make:
    """A bare archive with one single trustee, whose JSON is changed."""
    return bel(lambda: bare(item=with_json(single("Anna"), change(parse(encode(single("Anna").json[1])))), shares=(1,)))


def put(*path: str | int, value: Any) -> Callable[[Any], Any]:
    """The JSON value with something else at the end of the path; a function is given what stood there."""

    def change(content: Any) -> Any:
        inner = content
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value(inner[path[-1]]) if callable(value) else value
        return content

    return change


def drafted(change: Callable[[Any], Any]) -> Make:
    """A record that is not sealed yet; the trustees.json that the ceremony gave is changed."""
    return told(changes={"trustees": lambda raw, _: encode(change(parse(raw)))}, until="Setup")


def other_number(decimal: str) -> str:
    """Another scalar."""
    return str(int(decimal) ^ 1)


def election(change: Callable[[dict[str, Any]], object], **given: Any) -> Make:
    """A bare archive whose election.json is changed."""

    def text(raw: bytes, _: Story) -> bytes:
        value: Any = parse(raw)
        change(value)
        return encode(value)

    return bel(lambda: bare({"election": text}, **given))


def credentials(change: Callable[[list[str]], list[str]], **given: Any) -> Make:
    """A bare archive whose list of public credentials is changed."""

    def text(raw: bytes, _: Story) -> bytes:
        value: Any = parse(raw)
        return encode(list[Json](change(value)))

    return bel(lambda: bare({"credentials": text}, **given))


DRILLS = [f"drill {owner}" for owner in range(1, 5)]


def key_twice() -> Item:
    """A group that lists the verification key of its last member twice."""
    item = Dealt().item()
    content: Any = parse(encode(item.json[1]))
    return with_json(item, {"verification_keys": [*content["verification_keys"], content["verification_keys"][2]]})


def zeros(threshold: int) -> Polynomial:
    """A polynomial with one coefficient more than it should have: the highest is 0, so that nothing else is wrong."""
    return Polynomial((*Polynomial.random(threshold, stream("zeros")).coefficients, Secret.of(0)))


def another_key() -> Item:
    """A group whose second member shows, with good proofs, a key that does not follow from the coefficients."""
    return Dealt(keys={2: Secret.random(stream("another key"))}).item()


def not_of_trustees() -> Story:
    """The election's key is somebody's own; nothing is decrypted in this story."""
    return bare(public_key=secret_multiple(Secret.random(stream("somebody")), G), until="EncryptedTally")


def no_context(certificate: Any) -> Any:
    """The certificate as before 2.5.1. (Its signature is not looked at any more.)"""
    message: Any = parse(certificate["message"].encode())
    del message["context"]
    return {**certificate, "message": encode(message).decode()}


def unsigned_keys(content: Any) -> Any:
    """Contexts stay, the signatures that new groups have are gone."""
    keys = [{name: part for name, part in key.items() if name != "signature"} for key in content["verification_keys"]]
    return {**content, "signatures": None, "verification_keys": keys}


WIDE = Question(QUESTION.text, QUESTION.answers, 0, 3, False)

SETUPS: list[Case] = [
    *refusals(
        "setup-data",
        "setup data",
        {
            "another list of credentials": changed_bare(setup=lambda text, _: text[:-66] + b"ab" * 32 + b'"}'),
            "white space": changed_bare(setup=replacing(b",", b", ")),
        },
    ),
    *refusals(
        "election-malformed",
        "election.json",
        {
            "an unknown field": election(lambda value: value.update(secret="yes")),
            "no name": election(lambda value: value.pop("name")),
            "a key twice": changed_bare(election=replacing(b'"version":1', b'"version":1,"version":1')),
            "a number with a point": changed_bare(election=replacing(b'"max":1', b'"max":1.0')),
            "twenty lists in each other": changed_bare(election=replacing(b'"name":"Trees"', b'"name":' + b"[" * 20 + b"]" * 20)),
            "a short uuid": election(lambda value: value.update(uuid="4hVeche")),
            "questions that are a number": told(changes={"election": replacing(b'"questions":[', b'"questions":1,"q":[')}),
            "no question": election(lambda value: value.update(questions=[])),
            "the identity as key": election(lambda value: value.update(public_key=IDENTITY.hex())),
            "a key of small order": election(lambda value: value.update(public_key=ORDER_8)),
            "a blank vote that is a number": election(lambda value: value["questions"][0].update(blank=1)),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "question-limits",
        "election.json",
        {
            "more marks than answers": bel(lambda: bare(questions=(WIDE,))),
            "the least above the most": election(lambda value: value["questions"][0].update(min=2)),
            "a negative limit": election(lambda value: value["questions"][0].update(min=-1)),
            "no answers": election(lambda value: value["questions"][0].update(answers=[], max=0)),
        },
    ),
    *refusals(
        "credentials-malformed",
        "public credentials",
        {
            "a weight with a leading zero": credentials(lambda listed: [listed[0][:-1] + "01", *listed[1:]], weights=(1, 1, 1, 1)),
            "a weight here and none there": credentials(lambda listed: [listed[0], listed[1] + ",1", *listed[2:]]),
            "an empty list": credentials(lambda _: []),
            "a negative weight": credentials(lambda listed: [listed[0][:-1] + "-1", *listed[1:]], weights=(1, 1, 1, 1)),
            "a login": credentials(lambda listed: [f"{one},anna" for one in listed], weights=(1, 1, 1, 1)),
            "white space": changed_bare(credentials=replacing(b",", b", ")),
        },
    ),
    *refusals(
        "credential-invalid",
        "public credentials",
        {
            "a point of small order": credentials(lambda listed: [ORDER_8 if one == voter_key(3).hex() else one for one in listed]),
            "the identity": credentials(lambda listed: [IDENTITY.hex() if one == voter_key(3).hex() else one for one in listed]),
            "capitals": credentials(lambda listed: [one.upper() if one == voter_key(3).hex() else one for one in listed]),
        },
    ),
    *refusals(
        "duplicate-credential",
        "public credentials",
        {
            "one voter twice": credentials(lambda listed: [*listed, listed[0]]),
            "two voters with one credential": vector("duplicate-credential.bel"),
        },
        ends="the list is then not given back at all",
    ),
    *refusals(
        "trustees-malformed",
        "trustees.json",
        {
            "a group half of the old form": group(unsigned_keys),
            "an empty list": changed_bare(trustees=lambda *_: b"[]"),
            "before there is a Setup": drafted(put(0, 0, value="Petersen")),
            "an unknown kind": changed_bare(trustees=replacing(b'"Pedersen"', b'"Petersen"')),
            "white space": changed_bare(trustees=replacing(b",", b", ")),
            "an unknown field": alone(lambda content: {**content, "share": "yes"}),
            "one certificate of the old form": group(put("certs", 0, value=no_context)),
        },
    ),
    *refusals(
        "threshold-limits",
        "trustees.json",
        {
            "a coefficient too many": group(polynomials={place: zeros(2) for place in (1, 2, 3)}),
            "a threshold of 0": group(lambda content: {**content, "threshold": 0}),
            "a threshold above the number": group(lambda content: {**content, "threshold": 4}),
            "a key too many": told(ceremony=None, level="belenios", items=(key_twice(),), skip=frozenset(("dkg", *DRILLS))),
            "a member without a key": group(lambda content: {**content, "verification_keys": content["verification_keys"][:2]}),
        },
    ),
    *refusals(
        "trustee-key",
        "trustees.json",
        {
            "one encryption key for two": group(encryption={2: 1}),
            "the identity": alone(put("public_key", value=IDENTITY.hex())),
            "a key of small order": alone(put("public_key", value=ORDER_8)),
            "a verification key of small order": group(put("verification_keys", 0, "public_key", value=ORDER_8)),
        },
    ),
    *refusals(
        "trustee-pok",
        "trustees.json",
        {
            "a member that does not show its secret": group(put("verification_keys", 1, "pok", "response", value=other_number)),
            "before there is a Setup": drafted(put(0, 1, "verification_keys", 1, "pok", "response", value=other_number)),
            "a single trustee that does not show its secret": alone(put("pok", "response", value=other_number)),
        },
    ),
    *refusals(
        "certificate-context",
        "trustees.json",
        {
            "a certificate for another place": group(contexts={2: Context(3, 2, 1)}),
            "a certificate for another threshold": group(contexts={2: Context(3, 1, 2)}),
            "a certificate for another number of trustees": group(contexts={2: Context(4, 2, 2)}),
            "a certificate for another group": group(contexts={2: Context(3, 2, 2, "Ed448")}),
        },
    ),
    *refusals(
        "certificate-signature",
        "trustees.json",
        {
            "a certificate signed by another trustee": group(signers={2: 1}),
        },
    ),
    *refusals(
        "coefficients-signature",
        "trustees.json",
        {
            "coefficients with another signature": group(put("coefexps", 1, "signature", "response", value=other_number)),
        },
    ),
    *refusals(
        "group-signature",
        "trustees.json",
        {
            "a dealer that did not sign the list of certificates": group(put("signatures", 1, "response", value=other_number)),
        },
    ),
    *refusals(
        "verification-key",
        "trustees.json",
        {
            "a key that does not follow from the coefficients": bel(lambda: bare(item=another_key())),
        },
    ),
    *refusals(
        "key-signature",
        "trustees.json",
        {
            "a verification key with another signature": group(
                put("verification_keys", 1, "signature", "response", value=other_number)
            ),
        },
    ),
    *refusals(
        "election-key",
        "trustees.json",
        {
            "a key of somebody else": bel(not_of_trustees),
            "a key of the administrator": vector("election-key-not-of-trustees.bel"),
        },
    ),
]
