"""Two watchers catch a split view; a log that breaks what its box has signed is convicted; an honest one never is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.election.record_builder import VOTES
from tests.observer.logged_record import BOX, KEYS, LOG_SIGNER, acknowledged, checkpoint_of, receipt_of, shown, told, turn
from tests.observer.served_record import HASTY, Shown, send, served
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused, Unsupported
from veche.crypto.signed_note import NoteSigner
from veche.ledger.broken_acknowledgement import BrokenAcknowledgement, find_broken, parse_broken, verify_broken
from veche.ledger.receipt import parse_receipt
from veche.observer.evidence import Proven, describe, keep_evidence, parse_evidence, verify_evidence
from veche.observer.watch import Watch

SWAPPED = (VOTES[2], VOTES[1], VOTES[0], VOTES[3])
DROPPED = VOTES[1:]


class Watching:
    """A watch over servers of this test."""

    def __init__(self, stack: ExitStack, folder: Path, server: Shown, *peers: Shown) -> None:
        addresses = [stack.enter_context(served(one)) for one in (server, *peers)]
        self.addresses = addresses
        self.watch = Watch(addresses[0], addresses[1:], folder, HASTY)

    def step(self) -> list[str]:
        return self.watch.step()


def proven_by(watch: Watch) -> Proven:
    with pytest.raises(Proven) as proven:
        watch.step()
    verify_evidence(parse_evidence(proven.value.evidence.data()), KEYS, BOX.verifier)
    return proven.value


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_an_honest_log_that_grows_is_one_history(stack: ExitStack, tmp_path: Path) -> None:
    story = told()
    server, peer = shown(story, 9), shown(story, 12)
    watching = Watching(stack, tmp_path, server, peer)
    assert len(watching.step()) == 2
    assert watching.step() == []
    for size in range(10, len(story.entries) + 1):
        turn(server, story, size)
        assert len(watching.step()) == 1


@pytest.mark.parametrize("votes", [SWAPPED, DROPPED], ids=["reordered", "dropped"])
@pytest.mark.parametrize("sizes", [(None, None), (12, None), (None, 12)], ids=["same", "peer longer", "peer shorter"])
def test_a_split_view_is_caught_as_soon_as_two_views_meet(
    votes: tuple[object, ...], sizes: tuple[int | None, int | None], stack: ExitStack, tmp_path: Path
) -> None:
    watching = Watching(stack, tmp_path, shown(told(), sizes[0]), shown(told(votes), sizes[1]))
    path = keep_evidence(proven_by(watching.watch).evidence, tmp_path)
    assert keep_evidence(parse_evidence(path.read_bytes()), tmp_path) == path


def test_two_watchers_who_each_see_one_view_catch_it_by_what_one_hands_to_the_other(stack: ExitStack, tmp_path: Path) -> None:
    first = Watching(stack, tmp_path / "a", shown(told()))
    second = Watching(stack, tmp_path / "b", shown(told(SWAPPED)))
    first.step()
    second.step()
    remembered = next((tmp_path / "a").rglob("checkpoint-*"))
    second.watch.add(remembered.read_bytes())
    turn_again = Watch(second.addresses[0], [], tmp_path / "c", HASTY)
    turn_again.add(remembered.read_bytes())
    proven_by(turn_again)


@pytest.mark.parametrize("votes", [SWAPPED, DROPPED, (VOTES[0], *VOTES)], ids=["reordered", "dropped", "replayed"])
def test_a_voters_receipt_convicts_a_log_with_another_history(votes: tuple[object, ...], stack: ExitStack, tmp_path: Path) -> None:
    watching = Watching(stack, tmp_path, shown(told(votes)))
    watching.watch.add(receipt_of(told(), 1, 12))
    proven_by(watching.watch)


def test_what_was_seen_is_remembered_over_a_restart(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told())
    watching = Watching(stack, tmp_path, server)
    watching.step()
    turn(server, told(SWAPPED))
    proven_by(Watch(watching.addresses[0], [], tmp_path, HASTY))


def test_an_honest_beginning_is_told_and_is_no_proof(stack: ExitStack, tmp_path: Path) -> None:
    story = told()
    server = shown(story)
    watching = Watching(stack, tmp_path, server)
    watching.step()
    turn(server, story, 10)
    with pytest.raises(Inconsistent) as refused:
        watching.step()
    assert refused.value.code == "log-shrunk"
    assert not isinstance(refused.value, Proven)
    turn(server, story)
    assert watching.step() == []


def test_a_peer_that_lags_or_is_away_or_lies_is_only_told(stack: ExitStack, tmp_path: Path) -> None:
    story = told()
    lagging, away, lying = shown(story, 3), Shown({}), shown(story)
    lying.files["checkpoint"] = b"nonsense"
    sentences = Watching(stack, tmp_path, shown(story), lagging, away, lying).step()
    assert len(sentences) == 4
    assert "has no checkpoint" in sentences[2]


def refuses_tiles(reader: BaseHTTPRequestHandler, name: str) -> bool:
    if name.startswith("tile/"):
        send(reader, 503, b"{}")
    return name.startswith("tile/")


def test_what_was_seen_elsewhere_is_compared_even_when_nothing_is_new(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told())
    watching = Watching(stack, tmp_path, server)
    watching.step()
    again = Watch(watching.addresses[0], [], tmp_path, HASTY)
    again.add(receipt_of(told(SWAPPED), 1, 12))
    proven_by(again)


def test_a_split_view_is_proven_again_after_a_restart(stack: ExitStack, tmp_path: Path) -> None:
    watching = Watching(stack, tmp_path, shown(told()), shown(told(SWAPPED)))
    proven_by(watching.watch)
    proven_by(watching.watch)
    proven_by(Watch(watching.addresses[0], watching.addresses[1:], tmp_path, HASTY))


def test_a_fork_whose_tiles_are_refused_is_kept_and_convicts_when_the_log_goes_on(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told(), 12)
    watching = Watching(stack, tmp_path, server)
    watching.step()
    fork = server.files["checkpoint"] = checkpoint_of(told(SWAPPED).entries[:14])
    server.odd = refuses_tiles
    with pytest.raises(Unsupported):
        watching.step()
    assert fork in [path.read_bytes() for path in tmp_path.rglob("checkpoint-*")]
    server.odd = Shown({}).odd
    turn(server, told())
    proven_by(Watch(watching.addresses[0], [], tmp_path, HASTY))


def test_what_was_compared_is_forgotten_but_the_newest(stack: ExitStack, tmp_path: Path) -> None:
    story = told()
    server = shown(story, 9)
    watching = Watching(stack, tmp_path, server)
    for size in (10, 12, None):
        watching.step()
        turn(server, story, size)
    watching.step()
    assert [path.read_bytes() for path in tmp_path.rglob("checkpoint-*")] == [server.files["checkpoint"]]


def test_a_smaller_checkpoint_than_was_signed_is_kept(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told())
    watching = Watching(stack, tmp_path, server)
    watching.step()
    turn(server, told(), 10)
    for watch in (watching.watch, watching.watch, Watch(watching.addresses[0], [], tmp_path, HASTY)):
        with pytest.raises(Inconsistent) as refused:
            watch.step()
        assert refused.value.code == "log-shrunk"
    turn(server, told())
    watching.step()
    assert checkpoint_of(told().entries[:10]) in [path.read_bytes() for path in tmp_path.rglob("differing-*")]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "missing"])
def test_a_peer_whose_tiles_do_not_come_is_only_told_and_the_others_are_compared(
    refused: bool, stack: ExitStack, tmp_path: Path
) -> None:
    peer = shown(told())
    peer.files = {name: content for name, content in peer.files.items() if not name.startswith("tile/")}
    if refused:
        peer.odd = refuses_tiles
    server = shown(told(), 12)
    assert len(Watching(stack, tmp_path, server, peer).step()) == 3
    proven_by(Watching(stack, tmp_path / "b", server, peer, shown(told(SWAPPED), 12)).watch)


def test_a_fork_whose_tiles_are_hidden_is_told_and_both_checkpoints_are_kept(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told(), 12)
    watching = Watching(stack, tmp_path, server)
    watching.step()
    server.files["checkpoint"] = checkpoint_of(told(SWAPPED).entries)
    with pytest.raises(Inconsistent) as refused:
        watching.step()
    assert refused.value.code == "log-unproven"
    assert not isinstance(refused.value, Proven)
    assert server.files["checkpoint"] in [path.read_bytes() for path in tmp_path.rglob("differing-*")]


def test_the_elections_own_address_must_answer_with_its_own_signature(stack: ExitStack, tmp_path: Path) -> None:
    server = shown(told())
    watching = Watching(stack, tmp_path, server)
    server.files["checkpoint"] = server.files["checkpoint"].replace("— vote".encode(), "— note".encode())
    with pytest.raises(InvalidSignature):
        watching.step()
    del server.files["checkpoint"]
    with pytest.raises(Unsupported):
        watching.step()
    with pytest.raises(Inconsistent) as refused:
        Watch(watching.addresses[0], [watching.addresses[0].replace("TestA11", "TestB11")], tmp_path, HASTY)
    assert refused.value.code == "other-election"


def test_a_kept_acknowledgement_is_found_in_the_log(stack: ExitStack, tmp_path: Path) -> None:
    story = told()
    server = shown(story, 9)
    watching = Watching(stack, tmp_path, server)
    note = acknowledged(story, 3)
    watching.watch.add_acknowledgement(note)
    watching.step()
    assert watching.watch.place_of(note) is None
    turn(server, story)
    watching.step()
    index = watching.watch.place_of(note)
    assert index is not None
    assert b'"height":4,' in story.entries[index]


@pytest.mark.parametrize("ballot", range(4))
@pytest.mark.parametrize("votes", [SWAPPED, DROPPED, VOTES[:3]], ids=["reordered", "dropped", "ended before"])
def test_an_acknowledgement_that_the_log_breaks_convicts_it(
    ballot: int, votes: tuple[object, ...], stack: ExitStack, tmp_path: Path
) -> None:
    kept = told().entries[:11] == told(votes).entries[:11] and ballot < 3
    watching = Watching(stack, tmp_path, shown(told(votes)))
    watching.watch.add_acknowledgement(acknowledged(told(), ballot))
    if kept:
        watching.step()
        return
    found = proven_by(watching.watch).evidence
    assert isinstance(found, BrokenAcknowledgement)
    assert "the ballot box of" in describe(found)


def test_entries_that_are_not_those_that_were_signed_hide_no_broken_acknowledgement(stack: ExitStack, tmp_path: Path) -> None:
    server, other = shown(told(SWAPPED)), shown(told())
    signed = {name: content for name, content in server.files.items() if name.startswith("tile/entries/")}
    server.files |= {name: other.files[name] for name in signed}
    watching = Watching(stack, tmp_path, server)
    watching.watch.add_acknowledgement(acknowledged(told(), 0))
    with pytest.raises(Inconsistent) as refused:
        watching.step()
    assert refused.value.code == "root-differs"
    server.files |= signed
    proven_by(watching.watch)


def test_a_log_larger_than_any_election_is_not_scanned(stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veche.observer.mirror.MAX_ENTRIES", 11, raising=False)
    watching = Watching(stack, tmp_path, shown(told(), 12))
    watching.watch.add_acknowledgement(acknowledged(told(), 0))
    with pytest.raises(Malformed):
        watching.step()


def test_a_log_that_has_not_come_so_far_has_broken_nothing(stack: ExitStack, tmp_path: Path) -> None:
    watching = Watching(stack, tmp_path, shown(told(VOTES[:3], until="EndBallots")))
    watching.watch.add_acknowledgement(acknowledged(told(), 3))
    watching.step()


def broken() -> BrokenAcknowledgement:
    from tests.ledger.memory_store import MemoryStore
    from tests.observer.logged_record import tiles_of
    from veche.ledger.signed_checkpoint import parse_signed

    story = told(SWAPPED)
    signed, store = parse_signed(checkpoint_of(story.entries)), MemoryStore(tiles_of(story.entries))
    found = find_broken(acknowledged(told(), 0), BOX.verifier, signed, enumerate(story.entries), store, KEYS)
    assert found is not None
    return found


def test_evidence_of_a_broken_acknowledgement_is_read_back_and_each_part_of_it_matters() -> None:
    found = broken()
    again = parse_broken(found.data())
    assert again.data() == found.data()
    verify_broken(again, BOX.verifier, KEYS)
    stranger = NoteSigner(BOX.verifier.name, bytes(32))
    honest = parse_receipt(receipt_of(told(), 0))
    other = parse_receipt(receipt_of(told(), 1))
    moved = parse_receipt(found.receipt.data().replace(f"index {found.receipt.index}".encode(), b"index 1"))
    bare = type(honest)(found.receipt.index, found.receipt.proof, found.receipt.signed, None)
    for receipt, box, keys, error, code in (
        (found.receipt, stranger.verifier, KEYS, InvalidSignature, "note-unknown-key"),
        (found.receipt, BOX.verifier, (BOX.verifier,), InvalidSignature, "checkpoint-unsigned"),
        (moved, BOX.verifier, KEYS, ElectionError, "inclusion-wrong"),
        (bare, BOX.verifier, KEYS, Malformed, "evidence-malformed"),
        (honest, BOX.verifier, KEYS, Inconsistent, "evidence-void"),
        (other, BOX.verifier, KEYS, Inconsistent, "evidence-void"),
    ):
        changed = BrokenAcknowledgement(found.acknowledgement, receipt, BOX.verifier, KEYS)
        with pytest.raises(error) as refused:
            verify_broken(changed, box, keys)
        assert refused.value.code == code


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"veche":"broken-acknowledgement/1"}', b'{"veche":"other/1"}', b"\xff", b"{" * 5000]
)
def test_what_is_no_evidence_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        parse_evidence(data)
    assert refused.value.code == "evidence-malformed"


def test_evidence_about_the_box_needs_its_key_and_names_a_log() -> None:
    with pytest.raises(Refused):
        verify_evidence(broken(), KEYS)
    with pytest.raises(Malformed):
        BrokenAcknowledgement(b"", broken().receipt, BOX.verifier, ())
    assert LOG_SIGNER.verifier in KEYS
