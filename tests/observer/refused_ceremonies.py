"""Inputs that phase 9.5 refuses: the key ceremony and the drills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from tests.crypto.ceremony_story import (
    Table,
    all_commit,
    commitments_of,
    deal_badly,
    received,
    share,
    sit_down,
    stream,
)
from tests.election.record_builder import Story
from tests.election.trustee_keys import Ceremony, Dealt, honest_ceremony, single
from tests.election.voters import Text
from tests.observer.refusal_case import (
    Case,
    Input,
    Make,
    changed,
    fields,
    refusals,
    replacing,
    told,
)
from veche.crypto.canonical_json import encode, parse
from veche.crypto.complaint import Complaint, complain
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import EndedRun

ORDER_8 = "7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"
UNREADABLE = "what cannot be read is not there"


def ceremony(made: Callable[[], Ceremony], **given: Any) -> Make:
    """A record whose key was made so."""
    return lambda folder: Story(ceremony=made(), **given).write(folder)


def run(change: Callable[[Any], object]) -> Make:
    """A record whose run file is changed."""

    def text(raw: bytes, _: Story) -> bytes:
        value = parse(raw)
        change(value)
        return encode(value)

    return changed(run=text)


def after_run(ended: Callable[[], EndedRun]) -> Make:
    """A record whose ceremony was held a second time, after this run."""

    def tell() -> Ceremony:
        return replace(honest_ceremony(), earlier=(ended().encode(),))

    return ceremony(tell)


def after_file(text: Callable[[], bytes]) -> Make:
    """The same, for the text of a file that need not be a run."""
    return ceremony(lambda: replace(honest_ceremony(), earlier=(text(),)))


def key_of(run: EndedRun, place: int) -> str:
    """The verification key in a certificate of a run."""
    certificate = run.certificates[place - 1]
    return "" if certificate is None else certificate.verification.hex()


@cache
def bad_dealing() -> tuple[Table, tuple[Any, ...], Complaint]:
    """A run in which trustee 1 deals a bad share to trustee 2, and the complaint that names it."""
    table = sit_down(name="earlier")
    sharing = share(table, deal_badly(table, all_commit(table), 1, 2))
    complaint = next(one for one in received(table, sharing, 2) if isinstance(one, Complaint))
    return table, tuple(sharing), complaint


def ended_by(change: Callable[[Complaint], Complaint], named: int, code: str) -> EndedRun:
    """The run of `bad_dealing`, ended by a complaint."""
    table, sharing, complaint = bad_dealing()
    lists = table.certificates, commitments_of(sharing), sharing[0].reveals
    return EndedRun(table.terms, *lists, change(complaint), (named,), code, None)


def false_complaint(code: str = "false-complaint", named: int = 3) -> EndedRun:
    """The run of `bad_dealing`, ended by a complaint of trustee 3 about a good share."""
    table, sharing, _ = bad_dealing()
    message, dealing = sharing[0].secrets[2], sharing[0].dealing()
    complaint = complain(table.keys[2], message, dealing, 1, 3, stream("false complaint"))
    return ended_by(lambda _: complaint, named, code)


def silent(name: str = "earlier", code: str = "no-key") -> EndedRun:
    """A run that ended because somebody said nothing at the end."""
    table = sit_down(name=name)
    sharing = share(table)
    lists = table.certificates, commitments_of(sharing), sharing[0].reveals
    return EndedRun(table.terms, *lists, None, (2,), code, None)


def wrongly_named() -> EndedRun:
    """Trustee 2 is named for a wrong reveal, but its reveal is good."""
    return replace(silent(), code="wrong-reveal")


def really_wrong() -> EndedRun:
    """Trustee 2 revealed another lot than it had committed to."""
    ended = wrongly_named()
    reveals = tuple(replace(one, lot=bytes(32)) if one and place == 2 else one for place, one in enumerate(ended.reveals, 1))
    return replace(ended, reveals=reveals)


def other_response(reveal: Reveal) -> Reveal:
    return replace(reveal, signature=replace(reveal.signature, response=reveal.signature.response ^ 1))


def other_trustees(raw: bytes, story: Story) -> bytes:
    """The run names another trustees.json, which is there, too."""
    return encode({**_object(raw), "trustees": story.keep(b"[]")})


def _object(raw: bytes) -> Text:
    value = parse(raw)
    return value if isinstance(value, dict) else {}


def other_lot(reveal: Reveal) -> Reveal:
    return replace(reveal, lot=bytes(32))


def second_factor(right: Text, story: Story) -> Text:
    """What trustee 2 would give, as the drill of trustee 1."""
    entry = next(entry for entry in Story(until="Setup").entries if entry.startswith(b'{"annex":"drill"') and b'"owner":2' in entry)
    value = _object(entry)
    return {"owner": 1, "factor": value["factor"], "proof": value["proof"]}


def drill(**changes: Any) -> Make:
    return changed(drill_1=fields(**changes))


def spoiled(right: Text, _: Story) -> Text:
    proof = right["proof"]
    return right | {"proof": proof | {"response": str(int(proof["response"]) ^ 1)}}


CEREMONIES: list[Case] = [
    *refusals(
        "ceremony-malformed",
        "key ceremony",
        {
            "an unknown field": run(lambda value: value.update(notes="x")),
            "white space": changed(run=replacing(b",", b", ")),
            "an unknown code": after_run(lambda: silent(code="no-luck")),
            "a certificate that is no JSON": after_file(lambda: silent().encode().replace(b'"{\\"message', b'"{message')),
            "nobody named": after_run(lambda: replace(silent(), named=())),
        },
        ends=UNREADABLE,
    ),
    *refusals(
        "ceremony-certificates",
        "key ceremony|run.*",
        {
            "two of two": ceremony(lambda: Dealt(2, 2).ceremony(), shares=(1, 2)),
            "a certificate of an earlier run for another place": after_run(
                lambda: replace(silent(), certificates=swapped(silent().certificates))
            ),
            "a key of small order in an earlier run": after_file(
                lambda: silent().encode().replace(key_of(silent(), 1).encode(), ORDER_8.encode())
            ),
        },
    ),
    *refusals(
        "ceremony-commitment",
        "key ceremony|run.*",
        {
            "a commitment to something else": ceremony(lambda: Dealt(commitments={2: "ab" * 32}).ceremony()),
            "a lot that was chosen later": ceremony(lambda: Dealt(reveals={2: other_lot}).ceremony()),
            "a good reveal that is called wrong": after_run(wrongly_named),
        },
    ),
    *refusals(
        "ceremony-reveal",
        "key ceremony|run.*",
        {
            "a reveal that is not signed": ceremony(lambda: Dealt(reveals={2: other_response}).ceremony()),
            "other encrypted shares than were signed for": ceremony(
                lambda: Dealt(reveals={2: lambda one: replace(one, secrets=("ab" * 32,) * 3)}).ceremony()
            ),
        },
    ),
    *refusals(
        "ceremony-judgement",
        "key ceremony|run.*",
        {
            "a void complaint that names the dealer": after_run(
                lambda: ended_by(lambda one: replace(one, message="{}"), 1, "bad-share")
            ),
            "a complaint without proof that names the dealer": after_run(
                lambda: ended_by(lambda one: replace(one, opening=None), 1, "bad-share")
            ),
            "a complaint that nothing judged": after_run(lambda: ended_by(lambda one: one, 1, "no-key")),
            "a judgement without a complaint": after_run(lambda: silent(code="bad-share")),
            "a true complaint that names the complainant": Input(
                after_run(lambda: ended_by(lambda one: one, 2, "false-complaint")), opened=True
            ),
            "a false complaint that names the dealer": Input(after_run(lambda: false_complaint("bad-share", 1)), opened=True),
        },
    ),
    *refusals(
        "ceremony-trustees",
        "key ceremony",
        {
            "a run that made other keys": changed(run=other_trustees),
            "the certificates of another run": ceremony(lambda: replace(honest_ceremony(), item=Dealt().item())),
            "a seed of an ended run": after_run(lambda: silent("record")),
            "a last run without a key": changed(run=lambda raw, story: silent().encode()),
            "two threshold groups at level strict": told(items=(Dealt().item(),), shares=(1, 3, 4, 5)),
            "no threshold group at level strict": told(ceremony=replace(honest_ceremony(), item=single("Anna")), shares=(1,)),
        },
    ),
    *refusals(
        "drill-proof",
        r"entry \d+",
        {
            "a proof that does not hold": changed(drill_1=spoiled),
            "the drill of another trustee": changed(drill_1=second_factor),
            "a factor of small order": drill(factor=ORDER_8),
        },
    ),
]


def swapped(certificates: tuple[Any, ...]) -> tuple[Any, ...]:
    return (certificates[1], certificates[0], *certificates[2:])
