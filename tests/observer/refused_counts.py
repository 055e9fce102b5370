"""Inputs that phases 9.8 to 9.11 refuse: the tally, shares, the result, and an older copy."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.crypto.ceremony_story import stream
from tests.election.record_builder import CLOSES, DAY, OPENS, VOTES, Story
from tests.election.trustee_keys import Dealt, Item, single
from tests.election.voters import Text
from tests.observer.refusal_case import (
    Case,
    Input,
    Make,
    adding,
    annex,
    bare,
    bel,
    changed,
    changed_bare,
    fields,
    record,
    refusals,
    replacing,
    to,
    told,
    vector,
)
from veche.ballot.tally import add_weighted, nothing
from veche.crypto.canonical_json import encode, parse
from veche.crypto.group import IDENTITY
from veche.crypto.scalar import Q, Secret
from veche.crypto.shamir import Polynomial
from veche.crypto.signed_note import NoteSigner

UNREADABLE = "what cannot be read is not there"
NO_POINT = "what is no member of the group cannot be computed with"
UNPROVEN = "the proof of a wrong factor does not hold either"
OTHER_POINT = "a count outside the range is another point, so it is no true result either"
ORDER_8 = "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"
STRANGER = NoteSigner("vote.example/e/registrar", bytes(32))
ENTRY = r"entry \d+"


# --- the tally --------------------------------------------------------------------------------------------------------


def of_fewer(_: bytes, story: Story) -> bytes:
    """The tally without the last voter; the shares are of the right one."""
    rest = [(1, rows) for voter, rows in story.last.items() if voter != 2]
    return add_weighted(rest, nothing(story.election)).encode()


def sized(**changes: Any) -> Make:
    def text(raw: bytes, _: Story) -> bytes:
        value: Any = parse(raw)
        return encode(value | changes)

    return changed(sized=text)


# --- shares -----------------------------------------------------------------------------------------------------------


def share(change: Callable[[Any], object], *, level: str = "strict") -> Make:
    """A record in which the share of trustee 1 is changed; everything that names it names what it has become."""

    def text(raw: bytes, _: Story) -> bytes:
        value: Any = parse(raw)
        change(value)
        return encode(value)

    return changed(share_1=text) if level == "strict" else bel(lambda: bare({"share 1": text}))


def first_factor(text: str) -> Callable[[Any], object]:
    return lambda value: value["decryption_factors"][0].__setitem__(0, text)


def spoiled(value: Any) -> None:
    """Another response in the first Belenios proof."""
    proof = value["decryption_proofs"][0][0]
    proof["response"] = str(int(proof["response"]) ^ 1)


def plus_q(value: Any) -> None:
    proof = value["decryption_proofs"][0][0]
    proof["response"] = str(int(proof["response"]) + Q)


def other_response(right: Text, _: Story) -> Text:
    """The strong proof with another response."""
    proof = right["proof"]
    return right | {"proof": proof | {"response": str(int(proof["response"]) ^ 1)}}


def other_payload(right: Text, story: Story) -> Text:
    """A strong proof that names something else: the manifest."""
    return right | {"payload": sha256(story.manifest_text).hexdigest()}


def proof_of_another(right: Text, story: Story) -> Text:
    """The strong proof of trustee 3, as that of trustee 1."""
    owned = story.delivery(1).owned
    return right | {"proof": story.strong_proof(3, owned).to_json()}


def owner_9(raw: bytes, _: Story) -> bytes:
    return raw.replace(b'"owner":2', b'"owner":9')


def another_key() -> Item:
    """A group whose third member shows, with good proofs, a key that does not follow from the coefficients."""
    return Dealt(keys={3: Secret.random(stream("another key"))}).item()


def one_is_enough() -> Item:
    """A group with threshold 2 whose dealers chose constant polynomials: every share alone decrypts."""
    constant = {place: Polynomial((Secret.random(stream(f"constant {place}")), Secret.of(0))) for place in (1, 2, 3)}
    return Dealt(polynomials=constant).item()


def refused(change: Callable[[Story], None], **given: Any) -> Make:
    """A record in which the share of trustee 2 was refused before those of 1 and 3 came."""
    return told(extra={"share 1": change}, **given)


def bad_share(story: Story) -> bytes:
    """A share of trustee 2 whose Belenios proof does not hold."""
    value: Any = parse(story.delivery(2).share)
    spoiled(value)
    return encode(value)


def unsigned(right: Text, _: Story) -> Text:
    return {name: value for name, value in right.items() if name not in ("proof", "signature")}


# --- the result, an older copy ----------------------------------------------------------------------------------------


def result(rows: list[list[Any]]) -> Make:
    return changed(result=to(encode({"result": [list(row) for row in rows]})))


def other_result(right: Text, story: Story) -> Text:
    """Published is another text, which is there, too."""
    return right | {"result": story.keep(b'{"result":[[3,0]]}')}


def older(**given: Any) -> Make:
    """An older copy: the story, up to a step, told otherwise."""
    return record(lambda: Story(**given))


def shortened(folder: Path) -> Path:
    """The record as it is now, which lacks what the older copy has."""
    return Story(until="EndBallots").write(folder)


def bad(raw: bytes) -> bytes:
    value: Any = parse(raw)
    spoiled(value)
    return encode(value)


TALLIES: list[Case] = [
    *refusals(
        "encrypted-tally",
        "EncryptedTally",
        {
            "a voter left out": changed(tally=of_fewer),
            "white space": changed(tally=replacing(b",", b", ")),
            "a ballot dropped": vector("ballot-dropped.bel"),
        },
    ),
    *refusals(
        "sized-tally",
        "EncryptedTally",
        {
            "a voter more": sized(num_tallied=4),
            "a greater weight": sized(total_weight=4),
            "a voter more in other people's archive": vector("num-tallied-changed.bel"),
        },
    ),
    *refusals(
        "share-malformed",
        "trustee 1",
        {
            "an unknown field": share(lambda value: value.update(note="x")),
            "a factor too few": share(lambda value: value["decryption_factors"][0].pop()),
            "a factor that is a number": share(lambda value: value["decryption_factors"][0].__setitem__(0, 1)),
            "a response plus q": share(plus_q),
            "a newline": changed(share_1=adding(b"\n")),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "share-owner",
        "trustee 9",
        {
            "a trustee that there is not": bel(lambda: bare({"owned 2": owner_9}, shares=(1, 3, 2))),
        },
        ends="nobody has no key",
    ),
    *refusals(
        "share-factor",
        "trustee 1",
        {
            "a factor that is the identity": share(first_factor(IDENTITY.hex())),
            "a factor of small order": share(first_factor(ORDER_8)),
        },
        ends=UNPROVEN,
    ),
    *refusals(
        "decryption-proof",
        "trustee 1",
        {
            "a proof that does not hold": share(spoiled),
            "the share of another trustee": bel(lambda: bare({"share 1": lambda _, story: story.delivery(2).share}, shares=(1, 3))),
            "a bad share of a single trustee": bel(
                lambda: bare({"share 1": lambda raw, _: bad(raw)}, item=single("Anna"), shares=(1,))
            ),
        },
    ),
    *refusals(
        "strong-proof",
        "trustee 1",
        {
            "a proof that does not hold": changed(proof_1=other_response),
            "the proof of another trustee": changed(proof_1=proof_of_another),
            "a proof that names something else": changed(proof_1=other_payload),
            "a bad one that level belenios would not have needed": told(
                level="belenios", changes={"proof 1": other_response}, strong=True
            ),
        },
    ),
    *refusals(
        "share-refused",
        ENTRY,
        {
            "a good share": refused(lambda story: story.refuse(2, "belenios-proof", story.delivery(2).share)),
            "a bad share, for another reason": refused(lambda story: story.refuse(2, "malformed", bad_share(story))),
            "a share that the trustee did not sign": refused(
                lambda story: story.refuse(2, "belenios-proof", bad_share(story), key=story.secrets[3])
            ),
            "a share without what it was delivered with": refused(
                lambda story: story.refuse(2, "belenios-proof", bad_share(story)), changes={"share-refused": unsigned}
            ),
        },
    ),
    *refusals(
        "shares-disagree",
        "shares|trustee.*",
        {
            "a third share that decrypts otherwise": Input(
                bel(lambda: bare(item=another_key(), shares=(1, 2, 3))), off=("verification-key",)
            ),
        },
    ),
]

RESULTS: list[Case] = [
    *refusals(
        "shares-missing",
        "Result",
        {
            "one share of two": bel(lambda: bare(item=one_is_enough(), shares=(1,))),
            "one of two mandatory shares": vector("share-missing.bel"),
        },
    ),
    *refusals(
        "result-malformed",
        "Result",
        {
            "white space": changed_bare(result=replacing(b",", b", ")),
            "an option too few": result([[0]]),
            "a number that is a text": result([["0", 2]]),
            "a number below 0": result([[-1, 2]]),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "result-range",
        "Result",
        {
            "more votes than weight": result([[0, 4]]),
        },
        ends=OTHER_POINT,
    ),
    *refusals(
        "result",
        "Result",
        {
            "a vote for the other": result([[1, 1]]),
            "another result in other people's archive": vector("result-changed.bel"),
        },
    ),
    *refusals(
        "published-result",
        ENTRY,
        {
            "another result published": changed(published=other_result),
            "another result certified": changed(certified=other_result),
        },
    ),
    *refusals(
        "appeal-days",
        ENTRY,
        {
            "certified a second early": changed(certified=fields(time=CLOSES + 100 + 3 * DAY - 1)),
        },
    ),
    *refusals(
        "history-changed",
        ".*",
        {
            "a replaced ballot dropped": Input(
                vector("superseded-ballot-dropped.bel"), against=vector("snapshot-before-close.bel")
            ),
            "first and last ballot of a voter exchanged": Input(
                vector("revote-reordered.bel"), against=vector("snapshot-before-close.bel")
            ),
            "an incident that is not told any more": Input(
                told(), against=told(extra={"ballot 3": annex("incident", time=OPENS, code="outage")}, until="EndBallots")
            ),
            "another vote": Input(told(), against=older(votes=(*VOTES[:2], (0, ((1, 0),)), VOTES[3]))),
            "a record that has become shorter": Input(shortened, against=told()),
        },
    ),
]
