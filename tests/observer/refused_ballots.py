"""Inputs that phase 9.6 refuses: a record in which one ballot has one fault; its signature and the chain are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.crypto.ceremony_story import stream
from tests.election.record_builder import QUESTION, VOTES, Story
from tests.election.trustee_keys import single
from tests.election.voters import make_ballot, resigned, voter_key, voter_secret
from tests.observer.refusal_case import Case, Make, adding, bare, bel, changed, refusals, replacing, to, told, vector
from veche.ballot.election import Question
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.canonical_json import encode, parse
from veche.crypto.group import IDENTITY
from veche.crypto.scalar import Q
from veche.crypto.schnorr import sign_version1
from veche.crypto.version1 import ballot_signature_prefix, compact

UNREADABLE = "what cannot be read is not there"
NO_POINT = "what is no member of the group cannot be computed with"
ORDER_8 = "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"
OFF_CURVE = "0000000000000000000000000000000000000000000000000000000000000002"

BALLOT = "ballot [0-9a-f]{16}.*"
WITH_BLANK = Question(QUESTION.text, QUESTION.answers, 1, 1, True)
BLANK_VOTES = ((0, ((0, 1, 0),)), (1, ((1, 0, 0),)), (2, ((0, 0, 1),)))


def ballot(change: Callable[[Any], object], **given: Any) -> Make:
    """A record in which the ballot of voter 2, the fourth, is changed and signed again."""
    return told(changes={"ballot 4": lambda raw, _: resigned(raw, 2, change)}, **given)


def answer(change: Callable[[Any], object], **given: Any) -> Make:
    """The same for the answer to the first question."""
    return ballot(lambda value: change(value["answers"][0]), **given)


def signed(change: Callable[[Any], object]) -> Make:
    """A record in which the signature of the fourth ballot is changed."""

    def text(raw: bytes, _: Story) -> bytes:
        value: Any = parse(raw)
        change(value["signature"])
        return encode(value)

    return told(changes={"ballot 4": text})


def other_hash(raw: bytes, _: Story) -> bytes:
    """The ballot with a good signature of another hash than its own."""
    other = compact(b"another ballot")
    proof = sign_version1(voter_secret(2), ballot_signature_prefix(other), stream("other hash"))
    return encode({**_object(raw), "signature": {"hash": other, "proof": proof.to_json()}})


def three_answers(_: bytes, story: Story) -> bytes:
    """A ballot with an answer more than were asked, and every proof for it."""
    wider = replace(QUESTION, answers=(*QUESTION.answers, "In the square"))
    prepared = prepare_ballot(replace(story.election, questions=(wider,)), voter_key(2), ((0, 0, 0),), stream("three"))
    return prepared.sign(voter_secret(2), stream("three signed"))


def wider_range(_: bytes, story: Story) -> bytes:
    """Two marks where one is allowed, proven to lie between 0 and 2."""
    wider = replace(QUESTION, maximum=2)
    prepared = prepare_ballot(replace(story.election, questions=(wider,)), voter_key(2), ((1, 1),), stream("wide"))
    return prepared.sign(voter_secret(2), stream("wide signed"))


def of_stranger(_: bytes, story: Story) -> bytes:
    """A good ballot of somebody whose credential is not listed."""
    return make_ballot(story.election, 17, ((0, 0),), "stranger")


def copied(raw: bytes, story: Story) -> bytes:
    """Voter 2 casts the answers of voter 1 as its own."""
    return resigned(raw, 2, lambda value: value.update(answers=_object(story.cast[1][1])["answers"]))


def other_scalar(proof: Any) -> None:
    proof["response"] = str(int(proof["response"]) ^ 1)


def plus_q(proof: Any) -> None:
    """The same number mod q, written otherwise."""
    proof["response"] = str(int(proof["response"]) + Q)


def extra_key(value: Any) -> None:
    value["note"] = "x"


def _object(raw: bytes) -> dict[str, Any]:
    value = parse(raw)
    return value if isinstance(value, dict) else {}


def text(change: Callable[[bytes], bytes]) -> Make:
    """A record in which the text of the fourth ballot is another one."""
    return told(changes={"ballot 4": lambda raw, _: change(raw)})


def twice(_: bytes, story: Story) -> bytes:
    """The ballot that voter 1 has cast already."""
    return story.cast[1][1]


BALLOTS: list[Case] = [
    *refusals(
        "ballot-malformed",
        BALLOT,
        {
            "a field too many in an answer": answer(extra_key),
            "a field too many": ballot(extra_key),
            "a field too many in a choice": answer(lambda one: extra_key(one["choices"][0])),
            "no signature": text(lambda raw: raw[: raw.index(b',"signature"')] + b"}"),
            "a key twice": changed(ballot_4=replacing(b'"credential":', b'"credential":"x","credential":')),
            "white space": changed(ballot_4=replacing(b",", b", ")),
            "a newline at the end": changed(ballot_4=adding(b"\n")),
            "another object after it": changed(ballot_4=adding(b"{}")),
            "a byte order mark": text(lambda raw: b"\xef\xbb\xbf" + raw),
            "an escaped letter": changed(ballot_4=replacing(b'"credential"', b'"\\u0063redential"')),
            "bytes that are no text": changed(ballot_4=replacing(b'"hash":"', b'"hash":"\xff')),
            "a scalar that is a number": changed(ballot_4=lambda raw, _: unquoted(raw)),
            "a hundred thousand brackets": text(lambda _: b"[" * 50_000 + b"]" * 50_000),
            "a megabyte": ballot(lambda value: value.update(election_uuid="x" * 1_000_000)),
            "nothing": told(changes={"ballot 4": to(b""), "assets": to(b"no assets\n")}),
        },
    ),
    *refusals(
        "wrong-election",
        BALLOT,
        {
            "the uuid of another election": ballot(lambda value: value.update(election_uuid="4hVecheTestA12")),
            "the hash of another election": ballot(lambda value: value.update(election_hash=compact(b"another"))),
        },
    ),
    *refusals(
        "unknown-credential",
        BALLOT,
        {
            "a stranger": changed(ballot_4=of_stranger),
            "a credential in capitals": ballot(lambda value: value.update(credential=value["credential"].upper())),
        },
        ends="a stranger has no weight",
    ),
    *refusals(
        "ballot-shape",
        BALLOT,
        {
            "an answer more than asked": changed(ballot_4=three_answers),
            "two marks, proven to be at most two": changed(ballot_4=wider_range),
            "no answers": ballot(lambda value: value.update(answers=[])),
            "too few choices": answer(lambda one: (one["choices"].pop(), one["individual_proofs"].pop())),
            "a proof of nothing": answer(lambda one: one.update(overall_proof=[])),
            "a proof too few": answer(lambda one: one["individual_proofs"].pop()),
            "a proof of three parts": answer(lambda one: one["individual_proofs"][0].append(one["individual_proofs"][0][0])),
            "a blank proof where there is no blank vote": answer(lambda one: one.update(blank_proof=one["overall_proof"])),
            "no blank proof where there is a blank vote": told(
                changes={"ballot 3": lambda raw, _: resigned(raw, 2, lambda value: value["answers"][0].pop("blank_proof"))},
                questions=(WITH_BLANK,),
                votes=BLANK_VOTES,
            ),
        },
    ),
    *refusals(
        "ballot-scalar",
        BALLOT,
        {
            "a response plus q": answer(lambda one: plus_q(one["overall_proof"][0])),
            "a response plus q in the signature": signed(lambda one: plus_q(one["proof"])),
            "a leading zero": answer(
                lambda one: one["overall_proof"][0].update(response="0" + one["overall_proof"][0]["response"])
            ),
            "a negative number": answer(lambda one: one["overall_proof"][0].update(response="-1")),
            "digits of another script": answer(lambda one: one["overall_proof"][0].update(response="\u0661")),
            "no digits": answer(lambda one: one["overall_proof"][0].update(response="")),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "ballot-hash",
        BALLOT,
        {
            "a signature of another hash": changed(ballot_4=other_hash),
        },
    ),
    *refusals(
        "invalid-signature",
        BALLOT,
        {
            "another response": signed(lambda one: other_scalar(one["proof"])),
            "the signature of another voter": changed(ballot_4=lambda raw, _: resigned(raw, 1, lambda _: None)),
            "a ballot that the server made up": vector("ballot-invalid-proof.bel"),
        },
    ),
    *refusals(
        "ballot-point",
        BALLOT,
        {
            "an alpha of small order": answer(lambda one: one["choices"][0].update(alpha=ORDER_8)),
            "a beta that is the identity": answer(lambda one: one["choices"][0].update(beta=IDENTITY.hex())),
            "a beta that is no point": answer(lambda one: one["choices"][0].update(beta=OFF_CURVE)),
            "an alpha in capitals": answer(lambda one: one["choices"][0].update(alpha=one["choices"][0]["alpha"].upper())),
        },
        ends=NO_POINT,
    ),
    *refusals(
        "individual-proof",
        BALLOT,
        {
            "a mark that is not shown to be 0 or 1": answer(lambda one: other_scalar(one["individual_proofs"][1][0])),
            "the answers of another voter": changed(ballot_4=copied),
        },
    ),
    *refusals(
        "blank-proof",
        BALLOT,
        {
            "a blank vote that may mark more": told(
                changes={
                    "ballot 3": lambda raw, _: resigned(raw, 2, lambda value: other_scalar(value["answers"][0]["blank_proof"][0]))
                },
                questions=(WITH_BLANK,),
                votes=BLANK_VOTES,
            ),
        },
    ),
    *refusals(
        "overall-proof",
        BALLOT,
        {
            "a number of marks that is not shown": answer(lambda one: other_scalar(one["overall_proof"][0])),
            "marks or a blank vote that are not shown": told(
                changes={
                    "ballot 3": lambda raw, _: resigned(raw, 2, lambda value: other_scalar(value["answers"][0]["overall_proof"][0]))
                },
                questions=(WITH_BLANK,),
                votes=BLANK_VOTES,
            ),
        },
    ),
    *refusals(
        "duplicate-ballot",
        BALLOT,
        {
            "a ballot cast again": told(changes={"ballot 4": twice}, votes=(*VOTES[:3], VOTES[1])),
            "an older ballot cast again": bel(
                lambda: bare(
                    {"ballot 4": lambda _, story: story.cast[0][1]}, item=single("Anna"), shares=(1,), votes=(*VOTES[:3], VOTES[0])
                )
            ),
        },
    ),
]


def unquoted(raw: bytes) -> bytes:
    """The last number without its quotes."""
    start = raw.rindex(b'"response":"') + len(b'"response":')
    return raw[:start] + raw[start:].replace(b'"', b"")
