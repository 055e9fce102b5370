"""A mirror keeps what it has checked, through every crash, and convicts a log that shows it two histories."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.election.record_builder import VOTES, Story
from tests.observer.logged_record import KEYS, ORIGIN, checkpoint_of, shown, told, turn
from tests.observer.served_record import HASTY, UUID, Shown, send, served
from veche.crypto.errors import ElectionError, Inconsistent, Refused, Unsupported
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.tile_growth import Edge, edge_of
from veche.ledger.tile_reader import verify_tiles
from veche.observer.audit import audit
from veche.observer.evidence import Proven, keep_evidence, parse_evidence, verify_evidence
from veche.observer.mirror import Mirror
from veche.observer.mirror_folder import AT_ONCE, MirrorFolder
from veche.observer.mirror_server import MirrorServer
from veche.observer.sources import open_source
from veche.observer.url_source import UrlSource

SWAPPED = (VOTES[2], VOTES[1], VOTES[0], VOTES[3])
"""The revote of voter 0 before her first vote."""
DROPPED = VOTES[1:]
"""The superseded ballot of voter 0 is not there."""


@contextmanager
def mirroring(server: Shown, path: Path) -> Iterator[Mirror]:
    with served(server) as address, MirrorFolder(path, UUID).held():
        yield Mirror(address, path, patience=HASTY)


def refusal(server: Shown, path: Path) -> ElectionError:
    with mirroring(server, path) as mirror, pytest.raises(ElectionError) as refused:
        mirror.step()
    return refused.value


def audited(path: Path, level: str = "strict") -> str:
    report = audit(open_source(str(path)), level=level)
    assert report.codes() == (), report.findings
    return report.state


def test_what_a_mirror_holds_stands_the_strict_audit(tmp_path: Path) -> None:
    with mirroring(shown(told()), tmp_path / "m") as mirror:
        assert mirror.step()
        assert not mirror.step()
    assert audited(tmp_path / "m") == "certified"


def test_a_mirror_that_follows_entry_by_entry_holds_the_same_as_one_that_came_late(tmp_path: Path) -> None:
    story = told()
    server = shown(story, 1)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        for size in range(2, len(story.entries) + 1):
            turn(server, story, size)
            assert mirror.step(), size
    with mirroring(shown(story), tmp_path / "late") as mirror:
        mirror.step()
    assert audited(tmp_path / "m") == "certified"
    for path in (tmp_path / "late").rglob("*"):
        if path.is_file() and path.name[0] != ".":
            assert (tmp_path / "m" / path.relative_to(tmp_path / "late")).read_bytes() == path.read_bytes(), path


def test_only_what_is_new_of_the_archive_is_asked_for(tmp_path: Path) -> None:
    story = told()
    server = shown(story, 9)
    starts: list[int] = []

    def odd(reader: object, name: str) -> bool:
        if name == "archive.bel":
            starts.append(int(reader.headers["Range"].removeprefix("bytes=").split("-")[0]))  # type: ignore[attr-defined]
        return False

    server.odd = odd
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        held = mirror.held.archive_bytes
        turn(server, story)
        mirror.step()
    assert starts == [0, held]
    assert held > 0


@pytest.mark.parametrize("votes", [SWAPPED, DROPPED, (VOTES[0], *VOTES)], ids=["reordered", "dropped", "replayed"])
def test_another_history_of_the_same_key_is_proven_and_what_was_held_stays(votes: tuple[object, ...], tmp_path: Path) -> None:
    server = shown(told())
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        before = (tmp_path / "m" / "checkpoint").read_bytes()
        turn(server, told(votes))
        with pytest.raises(Proven) as proven:
            mirror.step()
    kept = keep_evidence(proven.value.evidence, tmp_path / "m")
    verify_evidence(parse_evidence(kept.read_bytes()), KEYS)
    assert (tmp_path / "m" / "checkpoint").read_bytes() == before
    assert audited(tmp_path / "m") == "certified"


def test_an_old_backup_that_goes_on_with_other_ballots_is_proven(tmp_path: Path) -> None:
    story = told(until="EndBallots")
    server = shown(story)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        server.files.update(shown(told((*VOTES[:2], (3, ((1, 0),)), (2, ((1, 0),)), (1, ((1, 0),))))).files)
        with pytest.raises(Proven):
            mirror.step()


def test_an_old_backup_alone_is_told_and_is_no_proof(tmp_path: Path) -> None:
    story = told()
    server = shown(story)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        turn(server, story, 10)
        with pytest.raises(Inconsistent) as refused:
            mirror.step()
        assert refused.value.code == "log-shrunk"
        assert not isinstance(refused.value, Proven)
        turn(server, story)
        assert not mirror.step()


def test_a_fork_whose_tiles_are_not_shown_is_told_and_its_checkpoint_kept(tmp_path: Path) -> None:
    server = shown(told(), 12)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        server.files["checkpoint"] = checkpoint_of(told(SWAPPED).entries)
        with pytest.raises(ElectionError) as refused:
            mirror.step()
        assert refused.value.code == "log-unproven"
    assert [path.read_bytes() for path in (tmp_path / "m").glob("differing-*")] == [server.files["checkpoint"]]


def test_a_checkpoint_that_was_seen_before_a_crash_still_convicts(tmp_path: Path) -> None:
    server = shown(told())
    del server.files["archive.bel"]
    assert refusal(server, tmp_path / "m").code == "folder-form"
    assert not (tmp_path / "m" / "checkpoint").exists()
    assert isinstance(refusal(shown(told(SWAPPED)), tmp_path / "m"), Proven)


def refuses_tiles(reader: BaseHTTPRequestHandler, name: str) -> bool:
    if name.startswith("tile/"):
        send(reader, 503, b"{}")
    return name.startswith("tile/")


def test_a_fork_whose_tiles_are_refused_is_kept_and_convicts_when_the_log_goes_on(tmp_path: Path) -> None:
    server = shown(told(), 12)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        server.odd = refuses_tiles
        for size in (14, 15):
            server.files["checkpoint"] = checkpoint_of(told(SWAPPED).entries[:size])
            with pytest.raises(Unsupported):
                mirror.step()
        turn(server, told(), 12)
        server.odd = Shown({}).odd
    turn(server, told())
    assert isinstance(refusal(server, tmp_path / "m"), Proven)


def test_a_smaller_checkpoint_than_was_signed_is_kept_and_the_mirror_goes_on(tmp_path: Path) -> None:
    server = shown(told(), 12)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        turn(server, told(), 10)
        with pytest.raises(Inconsistent):
            mirror.step()
        turn(server, told())
        assert mirror.step()
    assert [path.read_bytes() for path in (tmp_path / "m").glob("differing-*")] == [checkpoint_of(told().entries[:10])]
    assert list((tmp_path / "m").glob(".pending*")) == []


def bad_ballot(right: bytes, _: Story) -> bytes:
    return right.replace(b'"challenge":"', b'"challenge":"1', 1)


def test_a_bad_ballot_in_the_record_is_refused_before_it_joins(tmp_path: Path) -> None:
    changes = {"ballot 2": bad_ballot, **told().changes}
    error = refusal(shown(Story(changes=changes)), tmp_path / "m")
    assert error.code == "mirror-ballot"
    assert not (tmp_path / "m" / "checkpoint").exists()


def test_a_ballot_that_stands_twice_is_refused(tmp_path: Path) -> None:
    story = Story(changes={"ballot 2": lambda _, told: told.cast[0][1], **told().changes})
    assert refusal(shown(story), tmp_path / "m").code == "duplicate-ballot"


@pytest.mark.parametrize(
    ("name", "code"),
    [("tile/entries/000.p/", "root-differs"), ("archive.bel", "record-hash"), ("data/", "data-hash"), ("manifest.json", "")],
)
def test_one_changed_byte_is_noticed_and_nothing_of_it_is_kept(name: str, code: str, tmp_path: Path) -> None:
    server = shown(told())
    for one in [one for one, content in server.files.items() if one.startswith(name) and content]:
        changed = bytearray(server.files[one])
        changed[len(changed) // 2] ^= 1
        server.files[one] = bytes(changed)
    if code:
        assert refusal(server, tmp_path / "m").code == code
    else:
        with pytest.raises(ElectionError), mirroring(server, tmp_path / "m") as mirror:
            mirror.step()
    assert not (tmp_path / "m" / "checkpoint").exists()


def test_a_checkpoint_of_somebody_else_is_refused(tmp_path: Path) -> None:
    server = shown(told())
    server.files["checkpoint"] = server.files["checkpoint"].replace("— vote".encode(), "— note".encode())
    assert refusal(server, tmp_path / "m").code == "checkpoint-unsigned"


def test_an_archive_with_other_events_than_the_log_is_refused(tmp_path: Path) -> None:
    server = shown(told())
    other = told(SWAPPED)
    entries = server.files["entries.jsonl"]
    from tests.observer.served_record import summary

    server.files |= {"archive.bel": other.archive, "": summary(other.archive, entries)}
    assert refusal(server, tmp_path / "m").code == "chain-differs"


def test_an_election_without_a_log_and_a_server_that_is_away_cannot_be_followed(tmp_path: Path) -> None:
    from tests.observer.served_record import record

    with pytest.raises(Unsupported) as refused, mirroring(record(), tmp_path / "m"):
        pass
    assert refused.value.code == "no-log"
    server = shown(told())
    del server.files["checkpoint"]
    assert refusal(server, tmp_path / "n").code == "unreachable"


def test_a_folder_of_something_else_and_a_second_mirror_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(Refused), MirrorFolder(tmp_path / "photos", UUID).held():
        pass
    folder = MirrorFolder(tmp_path / "m", UUID)
    with folder.held(), pytest.raises(Refused), MirrorFolder(tmp_path / "m", UUID).held():
        pass
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


@pytest.mark.parametrize("name", ["entries.jsonl", f"{UUID}.bel", "tile/entries/000.p/", "manifest.json"])
def test_a_flipped_bit_in_what_is_held_is_noticed_at_the_next_start(name: str, tmp_path: Path) -> None:
    server = shown(told())
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
    files = [one for one in (tmp_path / "m").rglob("*") if one.is_file()]
    path = next(one for one in files if one.relative_to(tmp_path / "m").as_posix().startswith(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Inconsistent) as refused, mirroring(server, tmp_path / "m"):
        pass
    assert refused.value.code in ("mirror-damaged", "tile-changed")


def test_lost_tiles_are_made_again(tmp_path: Path) -> None:
    import shutil

    server = shown(told())
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
    before = {path: path.read_bytes() for path in (tmp_path / "m" / "tile").rglob("*") if path.is_file()}
    shutil.rmtree(tmp_path / "m" / "tile")
    with mirroring(server, tmp_path / "m"):
        pass
    assert {path: path.read_bytes() for path in before} == before


def test_a_mirror_serves_what_it_holds_and_can_be_audited_and_mirrored_in_its_turn(tmp_path: Path) -> None:
    with mirroring(shown(told(), 20), tmp_path / "m") as mirror:
        mirror.step()
        with MirrorServer("127.0.0.1", 0, mirror.folder, mirror.log, mirror.address) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            server.show(mirror.held)
            report = audit(UrlSource(server.election, HASTY), level="strict")
            assert report.codes() == ()
            with MirrorFolder(tmp_path / "second", UUID).held():
                second = Mirror(server.election, tmp_path / "second", patience=HASTY)
                assert second.step()
            assert server.find(f"/observer/elections/{UUID}/../m/.mirror.lock") is None
            assert server.find(f"/observer/elections/{UUID}/mirror.json") is None
            assert server.find(f"/observer/elections/{UUID}/data/../manifest.json") is None
            server.shutdown()
    first, other = ((tmp_path / name / "checkpoint").read_bytes() for name in ("m", "second"))
    assert first == other


def test_a_full_disk_leaves_what_was_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = told()
    server = shown(story, 11)
    with mirroring(server, tmp_path / "m") as mirror:
        mirror.step()
        turn(server, story)

        def full(*_: object) -> None:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="space"):
                mirror.step()
        assert mirror.step()
    assert audited(tmp_path / "m") == "certified"


@pytest.mark.parametrize("bound", ["MAX_ENTRIES", "MAX_ENTRY_FILE"])
def test_a_log_larger_than_any_election_does_not_fill_the_disk(bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"veche.observer.mirror.{bound}", 11, raising=False)
    server = shown(told(), 12)
    assert refusal(server, tmp_path / "m").code == "folder-form"
    assert not (tmp_path / "m" / "entries.jsonl").exists()
    assert ("tile/entries/000.p/12" in server.asked) == (bound == "MAX_ENTRY_FILE")


def test_what_comes_in_pieces_leaves_every_tile_that_its_size_shows(tmp_path: Path) -> None:
    texts = [b"%d" % number for number in range(AT_ONCE + 6)]
    folder, root = MirrorFolder(tmp_path, UUID), edge_of(texts).root()
    folder.write_tiles(Edge(), (texts[at : at + AT_ONCE] for at in (0, AT_ONCE)), len(texts))
    verify_tiles(folder.tiles, Checkpoint(ORIGIN, len(texts), root))
