"""Every cheat of a server within eight steps, against what voters, watchers and a witness hold: docs/protocol.md section 12.9.

The server keeps two views of one election, signs whatever it likes with the right keys, and may accept, lose, swallow, repeat,
reorder and take back ballots. All states are visited, up to the order of the views. What is
harmful is said in the words of people; what convicts is found and verified by the real code over real keys, events and tiles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from tests.ledger.memory_store import MemoryStore
from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement
from veche.crypto.errors import InvalidProof
from veche.crypto.signed_note import NoteSigner
from veche.crypto.signing_key import SigningKey
from veche.ledger.broken_acknowledgement import find_broken, verify_broken
from veche.ledger.chain import append
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.contradiction import find_contradiction, verify_contradiction
from veche.ledger.event import Event, EventType
from veche.ledger.signed_checkpoint import SignedCheckpoint, parse_signed, sign_checkpoint
from veche.ledger.tile_growth import Edge, grow
from veche.ledger.tile_reader import TileReader, proven_consistency

STEPS = 8
VOTERS = {"a": 2, "b": 1}
"""The voters, and how many ballots each may send: one votes again, one does not."""
END = "end"

Ballot = str
"""`a1` is the first ballot of voter a."""
View = tuple[str, ...]
"""The ballots of the chain in order, and END."""

ORIGIN = "vote.example/e/model"
LOG = SigningKey(ORIGIN, sha256(b"log").digest())
BOX = NoteSigner(f"{ORIGIN}/box", sha256(b"box").digest())
KEYS = (LOG.verifier,)


@dataclass(frozen=True, slots=True)
class State:
    """`views` are the server's; all the rest is in the hands of others and can only grow.

    `acknowledged`: for each acknowledgement the chain up to its ballot, which is what the event's hash fixes. `signed`: what
    checkpoints were shown of. `cosigned`: what the witness has seen. `cast`: every ballot that a voter has sent.
    """

    views: tuple[View, View] = ((), ())
    cast: frozenset[Ballot] = frozenset()
    acknowledged: frozenset[View] = frozenset()
    signed: frozenset[View] = frozenset()
    cosigned: tuple[View, ...] = ()

    def with_view(self, which: int, view: View) -> State:
        return replace(self, views=(view, self.views[1]) if which == 0 else (self.views[0], view))


# --- the real objects behind a view ---


@cache
def chain_of(view: View) -> tuple[Event, ...]:
    """Setup and one event for each element."""
    if not view:
        return (append(None, EventType.SETUP, sha256(b"setup").hexdigest()),)
    before = chain_of(view[:-1])
    kind = EventType.END_BALLOTS if view[-1] == END else EventType.BALLOT
    payload = None if view[-1] == END else sha256(view[-1].encode()).hexdigest()
    return (*before, append(before[-1], kind, payload))


@cache
def log_of(view: View) -> tuple[SignedCheckpoint, MemoryStore]:
    """What the log signs of this view, and its tiles."""
    growth = grow(Edge(), [event.text() for event in chain_of(view)])
    store = MemoryStore({resource.path(): data for resource, data in growth.files})
    checkpoint = Checkpoint(ORIGIN, growth.edge.size, growth.edge.root())
    return parse_signed(sign_checkpoint(checkpoint, [LOG])), store


@cache
def note_of(view: View) -> bytes:
    """What the box signs for the last ballot of this chain."""
    chain, ballot = chain_of(view), sha256(view[-1].encode()).hexdigest()
    said = Acknowledgement(ORIGIN, "A" * 43, chain[0].digest, ballot, chain[-1].height, chain[-1].digest, 0)
    return make_acknowledgement(said, BOX)


@cache
def two_histories(one: View, other: View) -> bool:
    """Whether two checkpoints convict the log; the evidence is verified."""
    shorter, longer = sorted((one, other), key=len)
    signed, store = log_of(longer)
    found = find_contradiction(log_of(shorter)[0], signed, TileReader(store, signed.checkpoint.size), KEYS)
    if found is not None:
        verify_contradiction(found, KEYS)
    return found is not None


@cache
def broken(acknowledged: View, view: View) -> bool:
    """Whether the log of this view breaks the acknowledgement; the evidence is verified."""
    signed, store = log_of(view)
    entries = enumerate(event.text() for event in chain_of(view))
    found = find_broken(note_of(acknowledged), BOX.verifier, signed, entries, store, KEYS)
    if found is not None:
        verify_broken(found, BOX.verifier, KEYS)
    return found is not None


@cache
def continues(older: View, newer: View) -> bool:
    """Whether a witness that has cosigned the one cosigns the other: it asks for a proof that holds."""
    if len(newer) < len(older):
        return False
    signed, store = log_of(newer)
    try:
        proven_consistency(store, log_of(older)[0].checkpoint, signed.checkpoint)
    except InvalidProof:
        return False
    return True


# --- what the server can do ---


def honest_steps(state: State, which: int = 0) -> Iterator[State]:
    """What an honest server does in its one view."""
    view = state.views[which]
    if END not in view:
        for voter in VOTERS:
            ballot = next_of(state, voter)
            if ballot is not None:
                longer = (*view, ballot)
                after = replace(state, cast=state.cast | {ballot}, acknowledged=state.acknowledged | {longer})
                yield after.with_view(which, longer)
        yield state.with_view(which, (*view, END))
    yield replace(state, signed=state.signed | {view})


def witness_steps(state: State, which: int) -> Iterator[State]:
    """The log asks the witness for its cosignature of what it has signed."""
    view = state.views[which]
    if view in state.signed and view not in state.cosigned and all(continues(one, view) for one in state.cosigned[-1:]):
        yield replace(state, cosigned=(*state.cosigned, view))


def cheating_steps(state: State, which: int) -> Iterator[State]:
    """What else one can do that holds all the keys."""
    view = state.views[which]
    for voter in VOTERS:
        ballot = next_of(state, voter)
        if ballot is not None:
            # Swallowed: sent, never acknowledged. Lost: acknowledged, and not in the record.
            swallowed = replace(state, cast=state.cast | {ballot})
            yield swallowed
            if END not in view:
                yield replace(swallowed, acknowledged=state.acknowledged | {(*view, ballot)})
    for ballot in sorted(state.cast):
        # Put anywhere, late, in another order, or in the other view. What no audit lets pass is a story of its own below.
        if END not in view and ballot not in view:
            yield state.with_view(which, (*view, ballot))
    if view:
        yield state.with_view(which, view[:-1])


def witnessed_steps(state: State) -> Iterator[State]:
    """Views that the server changes at will, is made to sign, and brings to the witness; voters are not asked here."""
    for which in (0, 1):
        view = state.views[which]
        yield from (state.with_view(which, (*view, ballot)) for ballot in ("a1", "b1") if ballot not in view)
        if view:
            yield state.with_view(which, view[:-1])
        yield replace(state, signed=state.signed | {view})
        yield from witness_steps(state, which)


def next_of(state: State, voter: str) -> Ballot | None:
    """What the voter sends: the same ballot until it is acknowledged, and only then another one (section 8.7)."""
    number = sum(ballot[0] == voter for ballot in state.cast)
    last = f"{voter}{number}"
    if number and all(chain[-1] != last for chain in state.acknowledged):
        return last
    return f"{voter}{number + 1}" if number < VOTERS[voter] else None


def every_step(state: State) -> Iterator[State]:
    for which in (0, 1):
        yield from honest_steps(state, which)
        yield from cheating_steps(state, which)


def canonical(state: State) -> State:
    """One of the two states that differ by the order of the views only."""
    one, other = state.views
    return state if one <= other else replace(state, views=(other, one))


# --- what people suffer, and what they can show ---


def is_legal(view: View) -> bool:
    """What every audit and mirror asks of a record: no ballot twice, and none after the end."""
    return len(set(view)) == len(view) and (END not in view or view[-1] == END)


def harms(state: State) -> Iterator[str]:
    """In words of people, without a thought of proofs."""
    shown = [view for view in state.signed if is_legal(view)]
    if any(one[: len(other)] != other and other[: len(one)] != one for one in shown for other in shown):
        yield "two people were shown different records"
    for view in shown:
        if END in view:
            for voter in VOTERS:
                yield from _harm_of(state, view, voter)


def _harm_of(state: State, view: View, voter: str) -> Iterator[str]:
    accepted = [chain[-1] for chain in state.acknowledged if chain[-1][0] == voter]
    counted = [ballot for ballot in view if ballot[0] == voter and ballot != END]
    if accepted and (not counted or counted[-1] < max(accepted)):
        yield "a vote that was accepted is not counted, or an older one of the same voter is"
    if any(ballot not in view for ballot in accepted):
        yield "a ballot that was accepted has gone, though a later one replaced it"
    in_order = [chain[:-1] for chain in state.acknowledged if chain[-1][0] == voter]
    if any(view[: len(chain)] != chain for chain in in_order):
        yield "what stood before an accepted ballot was changed"


def is_convicted(state: State) -> bool:
    """Whether what others hold proves it, or a record was signed that every audit refutes."""
    shown = sorted(state.signed)
    return (
        not all(map(is_legal, shown))
        or any(two_histories(one, other) for place, one in enumerate(shown) for other in shown[:place])
        or any(broken(chain, view) for chain in state.acknowledged for view in shown)
    )


def test_every_harm_within_eight_steps_leaves_evidence_that_the_real_code_verifies() -> None:
    seen, edge, found = {State()}, {State()}, Counter[str]()
    for step in range(1, STEPS + 1):
        after = {(state, canonical(one)) for state in edge for one in every_step(state)}
        if step == STEPS:
            # What nobody sees any more needs no look.
            after = {(state, one) for state, one in after if (state.signed, state.acknowledged) != (one.signed, one.acknowledged)}
        edge = {one for _, one in after} - seen
        seen |= edge
        convicted = {state for state in edge if is_convicted(state)}
        for state in edge:
            for harm in harms(state):
                assert state in convicted, (harm, state)
                found[harm] += 1
        # What others hold only grows: who is convicted stays it, and need not be followed further.
        edge -= convicted
    assert len(found) == 4, found
    assert len(seen) > 50_000


def test_a_witness_never_cosigns_two_histories_whatever_it_is_shown() -> None:
    seen, edge, refused = {State()}, {State()}, 0
    for _ in range(2 * STEPS):
        edge = {canonical(after) for state in edge for after in witnessed_steps(state)} - seen
        seen |= edge
        for state in edge:
            assert all(continues(one, other) for place, other in enumerate(state.cosigned) for one in state.cosigned[:place]), state
            refused += any(not continues(one, other) for one in state.cosigned[-1:] for other in state.signed)
    assert refused > 100


def test_what_no_audit_lets_pass_needs_no_evidence_of_ours() -> None:
    for view in (("a1", "a1"), ("a1", "b1", "a1"), ("a1", END, "b1"), (END, END)):
        assert is_convicted(State(signed=frozenset({view})))


def test_an_honest_server_is_never_convicted_and_harms_nobody() -> None:
    seen, edge = {State()}, {State()}
    for _ in range(STEPS):
        edge = {after for state in edge for after in honest_steps(state)} - seen
        seen |= edge
        for state in edge:
            assert not list(harms(state)), state
            assert not is_convicted(state), state
    assert len(seen) > 200


def test_what_the_model_calls_harm_is_seen_in_each_story() -> None:
    split = State(signed=frozenset({("a1",), ("b1",)}))
    gone = State(acknowledged=frozenset({("a1",)}), signed=frozenset({(END,)}))
    swapped = State(acknowledged=frozenset({("a1",), ("a1", "a2")}), signed=frozenset({("a2", "a1", END)}))
    superseded = State(acknowledged=frozenset({("a1",), ("a1", "a2")}), signed=frozenset({("a2", END)}))
    for state in (split, gone, swapped, superseded):
        assert list(harms(state))
        assert is_convicted(state)


def test_a_ballot_that_was_sent_and_never_acknowledged_leaves_no_evidence() -> None:
    # A limit of the theorem, said in section 12.9: who has no acknowledgement has nothing to show, and sends again.
    swallowed = State(cast=frozenset({"a1"}), signed=frozenset({(END,)}))
    assert not list(harms(swallowed))
    assert not is_convicted(swallowed)


def test_who_makes_a_new_ballot_before_the_old_one_is_acknowledged_can_be_cheated_without_evidence() -> None:
    # The other limit, found by this model when it let voters do so: the old ballot, kept back, is put behind the new one. It is
    # a good ballot of hers in a good record. So the tools send the same bytes until they are acknowledged.
    state = State(cast=frozenset({"a1", "a2"}), acknowledged=frozenset({("a2",)}), signed=frozenset({("a2", "a1", END)}))
    assert list(harms(state)) == ["a vote that was accepted is not counted, or an older one of the same voter is"]
    assert not is_convicted(state)
