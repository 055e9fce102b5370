"""An append to the public record is whole or did not happen, whatever kills the process; a damaged record is never patched."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.rehearsals import contents
from tests.observer.test_durable_files import small_disk
from tests.repository.tree import ROOT
from veche.cli.record_folder import JOURNAL, create_folder, open_folder
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused, Unsupported
from veche.ledger.annex import Incident, Software
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.ledger.event import Event, EventType
from veche.service.record_store import Addition

UUID = "4hVecheTestA11"
MANIFEST = b'{"veche":"manifest/1"}'
ASSETS = b"list of assets\n"
BALLOT = b"a ballot, as far as the folder knows"
TEXT = b"a text beside the archive"


def first() -> list[Addition]:
    return [
        Addition(ManifestAnnex(UUID, sha256(MANIFEST).hexdigest())),
        Addition(Software(UUID, "1", sha256(ASSETS).hexdigest())),
    ]


def growth() -> tuple[list[Addition], list[bytes]]:
    """An append with everything in it: an event with data, an annex, a data file that is new, one that becomes a record."""
    event = Event(None, 0, EventType.BALLOT, sha256(BALLOT).hexdigest())
    return [Addition(event, (BALLOT,)), Addition(Incident(UUID, 5, "nothing"))], [TEXT]


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A record of two entries; the later ballot lies among its data, as trustees.json does before Setup."""
    create_folder(tmp_path / "town", UUID, MANIFEST, 1000, first(), [ASSETS, BALLOT])
    return tmp_path / "town"


def grow(town: Path) -> None:
    with open_folder(town) as folder:
        folder.append(*growth(), frozenset())


def data_path(town: Path, content: bytes) -> Path:
    name = sha256(content).hexdigest()
    return town / "data" / name[:2] / name


def test_a_new_record_has_the_folder_form(town: Path) -> None:
    data = [str(data_path(town, one).relative_to(town)) for one in (ASSETS, BALLOT)]
    assert sorted(contents(town)) == sorted([f"{UUID}.bel", "manifest.json", "entries.jsonl", *data])
    assert (town / "entries.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("there", ["file", "full folder"])
def test_a_record_is_never_made_over_something_else(there: str, tmp_path: Path) -> None:
    target = tmp_path / "town"
    if there == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")
    with pytest.raises(Refused) as refusal:
        create_folder(target, UUID, MANIFEST, 1000, first(), [ASSETS])
    assert refusal.value.code == "file-exists"
    assert [path.name for path in tmp_path.iterdir()] == ["town"]


def test_a_record_that_cannot_be_made_whole_is_not_made(tmp_path: Path) -> None:
    with small_disk(600), pytest.raises(OSError, match="too large"):
        create_folder(tmp_path / "town", UUID, bytes(5000), 1000, first(), [ASSETS])
    assert list(tmp_path.iterdir()) == []


def test_an_append_writes_archive_entries_and_data_and_takes_away_what_became_a_record(town: Path) -> None:
    before = contents(town)
    grow(town)
    after = contents(town)
    assert after[f"{UUID}.bel"].startswith(before[f"{UUID}.bel"])
    assert after["entries.jsonl"].startswith(before["entries.jsonl"])
    assert data_path(town, TEXT).read_bytes() == TEXT
    assert not data_path(town, BALLOT).exists()
    assert not data_path(town, BALLOT).parent.exists()
    assert JOURNAL not in after


def test_what_the_archive_holds_already_is_not_kept_a_second_time(town: Path) -> None:
    with open_folder(town) as folder:
        folder.append([Addition(Incident(UUID, 5, "nothing"))], [TEXT, MANIFEST], frozenset([sha256(TEXT).hexdigest()]))
    assert not data_path(town, TEXT).exists()
    assert not data_path(town, MANIFEST).exists()


@pytest.mark.parametrize("entries", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("archive", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("data", [False, True], ids=["no data", "data"])
def test_an_append_that_was_cut_short_anywhere_is_taken_back(
    archive: float, entries: float, data: bool, town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(town)
    shutil.copytree(town, tmp_path / "grown")
    grow(tmp_path / "grown")
    after = contents(tmp_path / "grown")
    journal = {
        "task": "undo",
        "archive": len(before[f"{UUID}.bel"]),
        "entries": len(before["entries.jsonl"]),
        "data": [sha256(TEXT).hexdigest()],
    }
    (town / JOURNAL).write_text(json.dumps(journal, separators=(",", ":")))
    for name, part in ((f"{UUID}.bel", archive), ("entries.jsonl", entries)):
        torn = len(before[name]) + int(part * (len(after[name]) - len(before[name])))
        (town / name).write_bytes(after[name][:torn])
    if data:
        data_path(town, TEXT).parent.mkdir()
        data_path(town, TEXT).write_bytes(TEXT[:7])
    with open_folder(town):
        pass
    assert contents(town) == before
    assert "cut short" in capsys.readouterr().err
    grow(town)
    assert contents(town) == after


def test_a_crash_after_the_append_finishes_the_tidying(town: Path, tmp_path: Path) -> None:
    shutil.copytree(town, tmp_path / "grown")
    grow(tmp_path / "grown")
    after = contents(tmp_path / "grown")
    for name in (f"{UUID}.bel", "entries.jsonl"):
        (town / name).write_bytes(after[name])
    data_path(town, TEXT).parent.mkdir()
    data_path(town, TEXT).write_bytes(TEXT)
    sizes = {"archive": len(after[f"{UUID}.bel"]), "entries": len(after["entries.jsonl"])}
    journal = {"task": "remove", **sizes, "data": [sha256(BALLOT).hexdigest()]}
    (town / JOURNAL).write_text(json.dumps(journal, separators=(",", ":")))
    with open_folder(town):
        pass
    assert contents(town) == after


KILLED = """
import resource, signal, sys
from pathlib import Path
from tests.cli.test_record_folder import grow
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
grow(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("beyond", [1, 511, 700, 1500])
def test_a_process_killed_in_the_middle_of_a_write_leaves_the_record_as_it_was(beyond: int, town: Path) -> None:
    before = contents(town)
    limit = len(before[f"{UUID}.bel"]) + beyond
    done = subprocess.run([sys.executable, "-c", KILLED, str(town), str(limit)], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGXFSZ
    assert len((town / f"{UUID}.bel").read_bytes()) == limit
    with open_folder(town):
        pass
    assert contents(town) == before


def test_a_full_disk_leaves_the_record_as_it_was(town: Path) -> None:
    before = contents(town)
    with small_disk(len(before[f"{UUID}.bel"]) + 700), pytest.raises(OSError, match="too large"):
        grow(town)
    assert contents(town) == before


def test_two_processes_cannot_write_at_once(town: Path) -> None:
    with open_folder(town), pytest.raises(Refused) as refusal, open_folder(town):
        pass
    assert refusal.value.code == "record-busy"
    with open_folder(town):
        pass


def test_a_file_shorter_than_the_journal_says_was_damaged_by_something_else(town: Path) -> None:
    sizes = {"archive": (town / f"{UUID}.bel").stat().st_size + 1, "entries": 10}
    (town / JOURNAL).write_text(json.dumps({"task": "undo", **sizes, "data": []}, separators=(",", ":")))
    before = contents(town)
    with pytest.raises(Inconsistent) as refusal, open_folder(town):
        pass
    assert refusal.value.code == "record-damaged"
    assert contents(town) == before


@pytest.mark.parametrize("journal", ["", "{}", '{"task":"burn","archive":0,"entries":0,"data":[]}'])
def test_a_journal_that_cannot_be_read_stops_everything(journal: str, town: Path) -> None:
    (town / JOURNAL).write_text(journal)
    before = contents(town)
    with pytest.raises(Malformed) as refusal, open_folder(town):
        pass
    assert refusal.value.code == "record-damaged"
    assert contents(town) == before


@pytest.mark.parametrize("missing", ["manifest.json", "entries.jsonl", f"{UUID}.bel"])
def test_a_folder_that_is_no_record_is_not_opened(missing: str, town: Path) -> None:
    (town / missing).unlink()
    with pytest.raises(Unsupported) as refusal, open_folder(town):
        pass
    assert refusal.value.code == "unreadable"


def test_an_archive_that_is_none_is_refused(town: Path) -> None:
    (town / f"{UUID}.bel").write_bytes(b"something else")
    with pytest.raises(ElectionError), open_folder(town):
        pass


def test_a_data_file_with_another_content_is_noticed(town: Path) -> None:
    data_path(town, ASSETS).write_bytes(b"other")
    with open_folder(town) as folder:
        assert folder.data(sha256(b"nothing").hexdigest()) is None
        with pytest.raises(Inconsistent) as refusal:
            folder.data(sha256(ASSETS).hexdigest())
    assert refusal.value.code == "data-hash"
