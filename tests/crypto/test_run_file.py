"""Specifies crypto/run_file.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from tests.crypto.ceremony_story import (
    Table,
    all_commit,
    all_reveal,
    commitments_of,
    deal_badly,
    hold_ceremony,
    received,
    reveals_of,
    share,
    sit_down,
    stream,
)
from tests.vectors import load
from veche.crypto.canonical_json import dumps, parse_canonical
from veche.crypto.complaint import Complaint, complain
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.run_file import (
    EndedRun,
    FinishedRun,
    Run,
    ended_run,
    finished_run,
    parse_run,
    run_ended_by_complaint,
    verify_new_keys,
    verify_run,
    verify_run_matches,
)

KNOWN = load("spec/veche-record-vectors.json")["ceremony"]["runs"]
FILES = {one["kind"]: one["file"] for one in KNOWN}
TRUSTEES = KNOWN[2]["trustees.json"].encode()
OURS = hold_ceremony()


def group_of(trustees: bytes) -> ThresholdGroup:
    [item] = [value for kind, value in json.loads(trustees) if kind == "Pedersen"]
    return ThresholdGroup.from_json(item)


def code_of(run: Run) -> str:
    with pytest.raises(ElectionError) as refusal:
        verify_run(run)
    return refusal.value.code


@pytest.mark.parametrize("vector", KNOWN, ids=lambda vector: vector["kind"])
def test_known_run_files_are_good_and_written_as_they_are(vector: Any) -> None:
    run = parse_run(vector["file"].encode())
    verify_run(run)
    assert run.encode().decode() == vector["file"]
    assert sha256(run.encode()).hexdigest() == vector["sha256"]


def test_the_known_finished_run_gave_the_known_trustees() -> None:
    run = parse_run(FILES["finished"].encode())
    verify_run_matches(run, TRUSTEES, group_of(TRUSTEES))


def test_the_known_runs_name_each_other() -> None:
    runs = [parse_run(one["file"].encode()) for one in KNOWN]
    assert [one.previous for one in runs] == [None, KNOWN[0]["sha256"], KNOWN[1]["sha256"]]
    verify_new_keys(runs)


def test_our_own_run_is_good() -> None:
    assert parse_run(OURS.run.encode()) == OURS.run
    verify_run(OURS.run)
    verify_run_matches(OURS.run, OURS.trustees_json, OURS.group)
    assert OURS.run.lots() == tuple(one.lot for one in OURS.run.reveals)


def changed_file(kind: str, change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(FILES[kind])
    change(value)
    return dumps(value).encode()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("finished", lambda run: run.update(veche="ceremony/2")),
        ("finished", lambda run: run.update(more=1)),
        ("finished", lambda run: run.update(size=4)),
        ("finished", lambda run: run.update(size="3")),
        ("finished", lambda run: run.update(size=0)),
        ("finished", lambda run: run.update(threshold=0)),
        ("finished", lambda run: run.update(cipher="aes")),
        ("finished", lambda run: run["deadlines"].pop()),
        ("finished", lambda run: run.update(deadlines=["1", "2", "3"])),
        ("finished", lambda run: run["names"].pop()),
        ("finished", lambda run: run.update(names=[1, 2, 3])),
        ("finished", lambda run: run["certificates"].__setitem__(0, None)),
        ("finished", lambda run: run["certificates"].__setitem__(0, run["certificates"][0] + "\n")),
        ("finished", lambda run: run["certificates"].__setitem__(0, json.loads(run["certificates"][0]))),
        ("finished", lambda run: run["commitments"].__setitem__(0, None)),
        ("finished", lambda run: run["commitments"].__setitem__(0, "00")),
        ("finished", lambda run: run["reveals"].__setitem__(0, None)),
        ("finished", lambda run: run["reveals"][0]["secrets"].pop()),
        ("finished", lambda run: run["reveals"][0].update(lot="00")),
        ("finished", lambda run: run.pop("trustees")),
        ("finished", lambda run: run.update(trustees=1)),
        ("finished", lambda run: run.update(previous=None)),
        ("bad-share", lambda run: run.pop("named")),
        ("bad-share", lambda run: run.pop("code")),
        ("bad-share", lambda run: run.update(code="other")),
        ("bad-share", lambda run: run.update(code="no-reveal")),
        ("bad-share", lambda run: run.update(code="no-commitment")),
        ("bad-share", lambda run: run.update(named=[])),
        ("bad-share", lambda run: run.update(named=[2, 2])),
        ("bad-share", lambda run: run.update(named=[3, 2])),
        ("bad-share", lambda run: run.update(named=[0])),
        ("bad-share", lambda run: run.update(named=[4])),
        ("bad-share", lambda run: run["reveals"].__setitem__(0, None)),
        ("bad-share", lambda run: run["complaint"].pop("proof")),
        ("bad-share", lambda run: run["complaint"].update(more=1)),
    ],
)
def test_a_file_in_any_other_form_is_refused(kind: str, change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_run(changed_file(kind, change))
    assert refusal.value.code == "ceremony-malformed"


def test_a_run_cannot_be_both_finished_and_ended() -> None:
    ended = json.loads(FILES["bad-share"])
    both = {**ended, "trustees": "0" * 64}
    with pytest.raises(Malformed):
        parse_run(dumps(both).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", FILES["finished"].encode() + b"\n", b" " + FILES["finished"].encode()]
)
def test_bytes_that_are_no_run_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_run(data)
    assert refusal.value.code == "ceremony-malformed"


def test_certificates_must_fit_their_places_and_threshold() -> None:
    run = OURS.run
    first, second, third = run.certificates
    assert code_of(replace(run, certificates=(second, first, third))) == "ceremony-certificates"
    assert code_of(replace(run, certificates=(first, first, third))) == "ceremony-certificates"
    assert code_of(replace(run, terms=replace(run.terms, threshold=1))) == "ceremony-certificates"
    assert code_of(replace(run, terms=replace(run.terms, threshold=3))) == "ceremony-certificates"


def test_every_reveal_must_open_its_commitment_and_be_signed() -> None:
    run = OURS.run
    commitments, reveals = run.commitments, run.reveals
    exchanged = (commitments[1], commitments[0], commitments[2])
    assert code_of(replace(run, commitments=exchanged)) == "ceremony-commitment"
    unsigned = replace(reveals[0], signature=reveals[1].signature)
    assert code_of(replace(run, reveals=(unsigned, *reveals[1:]))) == "ceremony-reveal"
    other_lot = replace(reveals[0], lot=bytes(32))
    assert code_of(replace(run, reveals=(other_lot, *reveals[1:]))) == "ceremony-commitment"


def test_a_judgement_that_names_somebody_else_is_found() -> None:
    run = parse_run(FILES["bad-share"].encode())
    assert isinstance(run, EndedRun)
    assert run.complaint is not None
    assert code_of(replace(run, named=(3,))) == "ceremony-judgement"
    assert code_of(replace(run, named=(2, 3))) == "ceremony-judgement"
    assert code_of(replace(run, named=(3,), code="false-complaint")) == "ceremony-judgement"
    void = replace(run.complaint, message="another text")
    assert code_of(replace(run, complaint=void)) == "ceremony-judgement"
    unproven = replace(run.complaint, opening=None)
    assert code_of(replace(run, complaint=unproven)) == "ceremony-judgement"
    assert code_of(replace(run, complaint=None)) == "ceremony-judgement"
    assert code_of(replace(run, code="no-share")) == "ceremony-judgement"


def ended_by(table: Table, bad_dealer: int | None) -> tuple[EndedRun, Complaint]:
    committed = all_commit(table)
    sharing = share(table, committed if bad_dealer is None else deal_badly(table, committed, bad_dealer, 3))
    if bad_dealer is None:
        complaint = complain(table.keys[2], sharing[0].secrets[2], sharing[0].dealing(), 1, 3, stream("false"))
    else:
        taken = received(table, sharing, 3)[bad_dealer - 1]
        assert isinstance(taken, Complaint)
        complaint = taken
    lists = table.certificates, commitments_of(sharing), sharing[0].reveals
    return run_ended_by_complaint(table.terms, *lists, complaint), complaint


def test_a_run_ended_by_a_complaint_names_the_one_who_erred() -> None:
    dealt, _ = ended_by(sit_down(), bad_dealer=2)
    assert (dealt.code, dealt.named) == ("bad-share", (2,))
    accused, _ = ended_by(sit_down(), bad_dealer=None)
    assert (accused.code, accused.named) == ("false-complaint", (3,))


def test_a_void_complaint_does_not_end_a_run() -> None:
    table = sit_down()
    run, complaint = ended_by(table, bad_dealer=2)
    certificates = [one for one in run.certificates if one is not None]
    commitments = [one for one in run.commitments if one is not None]
    reveals = [one for one in run.reveals if one is not None]
    with pytest.raises(Refused) as refusal:
        run_ended_by_complaint(table.terms, certificates, commitments, reveals, replace(complaint, opening=None))
    assert refusal.value.code == "complaint-void"


def test_silence_ends_a_run_with_what_had_come() -> None:
    table = sit_down()
    states = all_reveal(table, all_commit(table))
    certificates, commitments, reveals = table.certificates, states[0].commitments, reveals_of(states)
    nothing = [None, None, None]
    ended_run(table.terms, [None, *certificates[1:]], nothing, nothing, [1], "no-certificate")
    ended_run(table.terms, certificates, [None, commitments[1], None], nothing, [1, 3], "no-commitment")
    ended_run(table.terms, certificates, commitments, [*reveals[:2], None], [3], "no-reveal")
    ended_run(table.terms, certificates, commitments, reveals, [2], "no-share")
    ended_run(table.terms, certificates, commitments, reveals, [1, 2], "no-key")


def test_nobody_can_be_named_for_silence_against_what_the_file_holds() -> None:
    table = sit_down()
    states = all_reveal(table, all_commit(table))
    certificates, commitments, reveals = table.certificates, states[0].commitments, reveals_of(states)
    nothing = [None, None, None]
    with pytest.raises(Malformed):
        ended_run(table.terms, [None, *certificates[1:]], nothing, nothing, [2], "no-certificate")
    with pytest.raises(Malformed):
        ended_run(table.terms, certificates, [None, *commitments[1:]], nothing, [2], "no-commitment")
    with pytest.raises(Malformed):
        ended_run(table.terms, certificates, commitments, [*reveals[:2], None], [2], "no-reveal")
    with pytest.raises(Malformed):
        ended_run(table.terms, certificates, [None, *commitments[1:]], [None, *reveals[1:]], [1], "no-commitment")


def test_a_wrong_reveal_names_exactly_those_whose_reveal_is_wrong() -> None:
    table = sit_down()
    states = all_reveal(table, all_commit(table))
    commitments, reveals = states[0].commitments, reveals_of(states)
    wrong = [reveals[0], replace(reveals[1], lot=bytes(32)), None]
    run = ended_run(table.terms, table.certificates, commitments, wrong, [2], "wrong-reveal")
    assert run.named == (2,)
    with pytest.raises(Inconsistent) as refusal:
        ended_run(table.terms, table.certificates, commitments, wrong, [1, 2], "wrong-reveal")
    assert refusal.value.code == "ceremony-commitment"
    with pytest.raises(Inconsistent) as refusal:
        ended_run(table.terms, table.certificates, commitments, wrong, [1], "wrong-reveal")
    assert refusal.value.code == "ceremony-commitment"


def test_nobody_is_named_for_a_reveal_that_is_not_signed_over_these_commitments() -> None:
    table = sit_down()
    committed = all_commit(table)
    states, others = all_reveal(table, committed), all_reveal(table, [*committed[:2], all_commit(table)[2]])
    reveals = [states[0].reveal, others[1].reveal, states[2].reveal]
    with pytest.raises(InvalidSignature) as refusal:
        finished_run(table.terms, table.certificates, states[0].commitments, reveals, b"[]")
    assert refusal.value.code == "ceremony-reveal"
    # The organizer could have shown trustee 2 other commitments, or put any text in its place.
    with pytest.raises(InvalidSignature) as refusal:
        ended_run(table.terms, table.certificates, states[0].commitments, reveals, [2], "wrong-reveal")
    assert refusal.value.code == "ceremony-reveal"


def test_the_last_run_must_be_the_one_that_gave_the_trustees() -> None:
    other = hold_ceremony(name="other")
    ended, _ = ended_by(sit_down(), bad_dealer=2)
    wrong: list[tuple[Run, bytes, ThresholdGroup]] = [
        (ended, OURS.trustees_json, OURS.group),
        (other.run, OURS.trustees_json, OURS.group),
        (OURS.run, OURS.trustees_json + b" ", OURS.group),
        (OURS.run, OURS.trustees_json, other.group),
        (OURS.run, OURS.trustees_json, replace(OURS.group, threshold=1)),
        (OURS.run, OURS.trustees_json, replace(OURS.group, coefficients=other.group.coefficients)),
    ]
    for run, trustees, group in wrong:
        with pytest.raises(Inconsistent) as refusal:
            verify_run_matches(run, trustees, group)
        assert refusal.value.code == "ceremony-trustees"


def test_a_key_of_an_ended_run_must_not_be_used_again() -> None:
    table = sit_down(name="ended")
    ended, _ = ended_by(table, bad_dealer=2)
    verify_new_keys([ended, OURS.run])
    again = hold_ceremony(name="ended", previous=ended.encode())
    assert again.run.previous == sha256(ended.encode()).hexdigest()
    with pytest.raises(Inconsistent) as refusal:
        verify_new_keys([ended, again.run])
    assert refusal.value.code == "ceremony-trustees"


def test_a_finished_run_may_serve_several_elections() -> None:
    verify_new_keys([OURS.run, OURS.run])
    assert isinstance(parse_run(OURS.run.encode()), FinishedRun)
    assert parse_canonical(OURS.trustees_json) == [["Pedersen", OURS.group.to_json()]]
