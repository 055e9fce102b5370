"""Nothing that was acknowledged is ever lost: seen from the kernel, after power cuts at every fsync, and after failed writes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.service.hand_clock import HandClock
from tests.service.real_server import COMMAND, RealServer, audited, begin, cast_at_once, fresh_ballots, open_now, running
from tests.service.strace import Call, read_trace, require_strace, traced
from tests.service.town import ServedTown
from tests.service.written_files import cuts, folder_at
from veche.crypto.errors import Inconsistent
from veche.observer.database import Database
from veche.observer.record_rows import ballot_row
from veche.service.server import open_server
from veche.service.settings import Settings

pytestmark = pytest.mark.slow

CALLS = "fsync,fdatasync,pwrite64,write,ftruncate,rename,renameat,renameat2,unlink,unlinkat,openat,sendto,recvfrom"
SYNCS = ("fsync", "fdatasync")
UNSAFE = (
    sys.executable,
    "-c",
    """import sys
from veche.observer import database
database._PRAGMAS["synchronous"] = 0
database._UNSAFE.clear()
from veche.cli.main import run
sys.exit(run(sys.argv[1:]))
""",
)
"""A server for this test alone, which does not wait for the disk and does not mind."""


@pytest.fixture
def served(tmp_path: Path, database: str) -> ServedTown:
    return open_now(tmp_path, database)


def too_early(calls: Sequence[Call], write_ahead: str) -> list[str]:
    """The acknowledgements that left without an fsync of the write-ahead log between the ballot's arrival and them."""
    arrived: dict[str, int] = {}
    wrong: list[str] = []
    for call in sorted(calls, key=lambda one: one.begun):
        if call.name == "recvfrom" and call.data.startswith(b"POST "):
            arrived[call.path] = call.ended
        if call.name == "sendto" and call.data.startswith(b"HTTP/1.1 201"):
            since = arrived.pop(call.path)
            syncs = [one for one in calls if one.name in SYNCS and one.result == 0 and write_ahead in one.path]
            if not any(since < one.begun and one.ended < call.begun for one in syncs):
                wrong.append(call.path)
    return wrong


def acknowledged(calls: Sequence[Call]) -> int:
    return sum(call.name == "sendto" and call.data.startswith(b"HTTP/1.1 201") for call in calls)


def postgres_processes(url: str) -> list[int]:
    """The processes of the test's PostgreSQL: all are traced, since any of them may sync the log for another."""
    connected = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(connected) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()
    assert folder is not None
    try:
        postmaster = int(Path(str(folder[0]), "postmaster.pid").read_text().split("\n")[0])
    except OSError as error:
        pytest.skip(f"PostgreSQL runs where its processes cannot be looked at: {error}")
    return [postmaster, *children(postmaster)]


def children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def casts_traced(town: ServedTown, database: str, command: Sequence[str], out: Path, environment: dict[str, str]) -> list[Call]:
    """The calls of a server that took four ballots one after the other and then eight at once."""
    require_strace()
    ballots = fresh_ballots(town, 12)
    with running(town, database, command, **environment) as server:
        pids = [server.process.pid, *(postgres_processes(database) if database else [])]
        with traced(pids, "fsync,fdatasync,sendto,recvfrom", out):
            answers = [server.cast(raw) for raw in ballots[:4]]
            answers += asyncio.run(cast_at_once(server, ballots[4:]))
        assert [answer.status_code for answer in answers] == [201] * 12
    calls = read_trace(out)
    assert acknowledged(calls) == 12
    return calls


def write_ahead(database: str) -> str:
    return "/pg_wal/" if database else "veche.sqlite3-wal"


def test_between_a_ballot_and_its_acknowledgement_the_log_reaches_the_disk(
    served: ServedTown, database: str, tmp_path: Path
) -> None:
    calls = casts_traced(served, database, COMMAND, tmp_path / "trace", {})
    assert too_early(calls, write_ahead(database)) == []
    # The same holds for the head outside the database.
    assert too_early(calls, f"heads/{served.uuid}") == []


def test_a_server_that_does_not_wait_for_the_disk_is_found_out(served: ServedTown, database: str, tmp_path: Path) -> None:
    environment = {"PGOPTIONS": "-c synchronous_commit=off"}
    calls = casts_traced(served, database, UNSAFE, tmp_path / "trace", environment)
    # PostgreSQL's log writer, or another database of that server, may sync the log in time by chance: they do not count here.
    ours = {call.pid for call in calls if call.name == "recvfrom" and served.uuid.encode() in call.data}
    mine = [call for call in calls if call.name not in SYNCS or not database or call.pid in ours]
    assert len(too_early(mine, write_ahead(database))) == 12


def test_a_database_that_does_not_wait_for_the_disk_is_no_database_for_ballots(
    served: ServedTown, database: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VECHE_")}
    if database:
        command, environment = [*COMMAND], {**environment, "PGOPTIONS": "-c synchronous_commit=off", "VECHE_DATABASE": database}
    else:
        switched = (
            "import sys; from sqlalchemy import event; from sqlalchemy.engine import Engine\n"
            "off = lambda connection, _: connection.execute('PRAGMA synchronous=0')\n"
            "from veche.observer import database; made = database._engine\n"
            "def engine(*given):\n    it = made(*given); event.listen(it, 'connect', off); return it\n"
            "database._engine = engine\nfrom veche.cli.main import run; sys.exit(run(sys.argv[1:]))"
        )
        command = [sys.executable, "-c", switched]
    data = str(served.server.settings.data)
    done = subprocess.run(
        [*command, "serve", "--port", "0", "--data", data],
        env=environment, cwd=served.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, "not-durable" in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr


def lost_at_a_cut(town: ServedTown, command: Sequence[str], folder: Path) -> list[str]:
    """What a power cut after some fsync would lose of a run of fifteen ballots; each cut's server is opened and audited."""
    data = town.server.settings.data
    before = folder / "before"
    shutil.copytree(data, before)
    ballots = fresh_ballots(town, 15)
    with running(town, "", command) as server, traced([server.process.pid], CALLS, folder / "trace"):
        answers = [server.cast(raw) for raw in ballots[:9]] + asyncio.run(cast_at_once(server, ballots[9:]))
    assert [answer.status_code for answer in answers] == [201] * 15
    trackers = {sha256(raw).hexdigest() for raw in ballots}
    lost: list[str] = []
    number = 0
    for number, cut in enumerate(cuts(read_trace(folder / "trace"), data, trackers)):
        copy = folder_at(cut, before, folder / f"cut-{number}")
        lost += [f"cut {number}: {tracker}" for tracker in missing(town, copy, cut.acknowledged)]
        shutil.rmtree(copy)
    assert number >= 15
    return lost


def missing(town: ServedTown, data: Path, trackers: frozenset[str]) -> list[str]:
    """The acknowledged ballots that a server over this copy does not have. It must open, and its record must stand the audit."""
    server = open_server(Settings(data=data, database="", checkers=1), HandClock(town.manifest.opens_at + 3600))
    try:
        with server.storage.database.reading() as connection:
            gone = [tracker for tracker in sorted(trackers) if ballot_row(connection, town.uuid, tracker) is None]
    finally:
        server.close()
    assert audited(town, "", data).verdict == "ok"
    return gone


def test_a_power_cut_after_any_fsync_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    assert lost_at_a_cut(town, COMMAND, tmp_path) == []


def test_that_test_notices_a_database_that_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    # Without syncs of its log the database falls behind the heads, and the start refuses it: what was acknowledged is gone.
    with pytest.raises(Inconsistent, match="acknowledged"):
        lost_at_a_cut(town, UNSAFE, tmp_path)


FAULTS = [
    ("fdatasync", "EIO", "veche.sqlite3-wal"),
    ("pwrite64", "ENOSPC", "veche.sqlite3-wal"),
    ("pwrite64", "EIO", "veche.sqlite3-wal"),
    ("fsync", "EIO", "heads/UUID"),
    ("pwrite64", "ENOSPC", "heads/UUID"),
]


@pytest.mark.parametrize(("call", "error", "path"), FAULTS, ids=[f"{call}-{error}-{path[-4:]}" for call, error, path in FAULTS])
def test_after_a_failed_write_nothing_more_is_taken_and_a_new_start_has_all_that_was_acknowledged(
    tmp_path: Path, call: str, error: str, path: str
) -> None:
    require_strace()
    town = open_now(tmp_path, "")
    ballots = fresh_ballots(town, 6)
    target = town.server.settings.data.absolute() / path.replace("UUID", town.uuid)
    with running(town, "") as server:
        notes = [server.cast(raw) for raw in ballots[:3]]
        with traced([server.process.pid], call, tmp_path / "trace", "-P", str(target), "-e", f"inject={call}:error={error}"):
            assert refused(server.cast(ballots[3]))
        # The disk is well again, but nobody knows what it has kept: nothing is tried a second time.
        assert refused(server.cast(ballots[4]))
        assert httpx.get(f"{server.url}/readyz").status_code == 503
        assert "nothing is accepted any more" in server.log.read_text()
        server.kill()
    assert_whole_after_restart(town, "", ballots, [note.content for note in notes])


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and "retry-after" in answer.headers and answer.json()["code"] in ("busy", "storage-failed")


def assert_whole_after_restart(town: ServedTown, database: str, ballots: Sequence[bytes], notes: Sequence[bytes]) -> None:
    """A new server has what was acknowledged under the same notes, takes all the others once, and its record is good."""
    with running(town, database) as server:
        again = [server.cast(raw) for raw in ballots]
        assert {answer.status_code for answer in again} <= {200, 201}
        assert [answer.content for answer in again[: len(notes)]] == list(notes)
        assert server.stop() == 0
    report = audited(town, database)
    assert (report.verdict, report.counts["ballots"]) == ("ok", len(ballots))


@pytest.mark.parametrize("state", ["53100", *(pytest.param(state, marks=pytest.mark.soak) for state in ("58030", "XX001"))])
@pytest.mark.postgresql
def test_a_postgresql_that_cannot_write_is_not_asked_again(tmp_path: Path, postgres_database: str, state: str) -> None:
    town = open_now(tmp_path, postgres_database)
    ballots = fresh_ballots(town, 5)
    admin = Database(postgres_database)
    with running(town, postgres_database) as server:
        notes = [server.cast(raw).content for raw in ballots[:2]]
        with admin.writing() as connection:
            connection.execute(
                text(
                    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '{state}'; END $$"
                )
            )
            connection.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON ballot EXECUTE FUNCTION full_disk()"))
        assert refused(server.cast(ballots[2]))
        with admin.writing() as connection:
            connection.execute(text("DROP TRIGGER full_disk ON ballot"))
        assert refused(server.cast(ballots[3]))
        server.kill()
    admin.close()
    assert_whole_after_restart(town, postgres_database, ballots, notes)


@pytest.mark.postgresql
def test_a_lost_connection_to_postgresql_is_found_again(tmp_path: Path, postgres_database: str) -> None:
    town = open_now(tmp_path, postgres_database)
    ballots = fresh_ballots(town, 4)
    admin = Database(postgres_database)
    with running(town, postgres_database) as server:
        for raw in ballots:
            assert server.cast(raw).status_code == 201
            with admin.writing() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
        assert server.stop() == 0
    admin.close()
    assert audited(town, postgres_database).counts["ballots"] == 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_box_and_leaves_nothing_half_written(small_disk: Path) -> None:
    town = open_now(small_disk, "")
    ballots = fresh_ballots(town, 200)
    notes: list[bytes] = []
    with running(town, "") as server:
        free = shutil.disk_usage(small_disk).free
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * max(0, free - 200_000))
        for raw in ballots:
            answer = server.cast(raw)
            if answer.status_code != 201:
                assert refused(answer)
                break
            notes.append(answer.content)
        assert 0 < len(notes) < len(ballots)
        filler.unlink()
        assert refused(server.cast(ballots[-1]))
        server.kill()
    assert_whole_after_restart(town, "", ballots[: len(notes) + 2], notes)


def test_a_second_server_on_the_same_folder_refuses_to_start(tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    with running(town, "") as first:
        (raw,) = fresh_ballots(town, 1)
        with pytest.raises(AssertionError, match="already-running"):
            begin(town, "")
        assert first.cast(raw).status_code == 201


def test_an_older_copy_of_the_database_is_refused_at_start(tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    data, copy = town.server.settings.data, tmp_path / "older"
    ballots = fresh_ballots(town, 2)
    stopped(town, ballots[:1])
    shutil.copytree(data, copy)
    stopped(town, ballots[1:])
    for name in ("veche.sqlite3", "veche.sqlite3-wal", "veche.sqlite3-shm"):
        (data / name).unlink(missing_ok=True)
        if (copy / name).exists():
            shutil.copy(copy / name, data / name)
    with pytest.raises(AssertionError, match="database-older"):
        begin(town, "")


def stopped(town: ServedTown, ballots: Sequence[bytes]) -> None:
    with running(town, "") as server:
        assert [server.cast(raw).status_code for raw in ballots] == [201] * len(ballots)
        assert server.stop() == 0


def test_an_older_database_of_a_killed_server_is_refused_too(tmp_path: Path) -> None:
    town = open_now(tmp_path, "")
    older = tmp_path / "older.sqlite3"
    shutil.copy(town.server.settings.data / "veche.sqlite3", older)
    server: RealServer = begin(town, "")
    assert server.cast(fresh_ballots(town, 1)[0]).status_code == 201
    server.kill()
    for suffix in ("-wal", "-shm"):
        (town.server.settings.data / f"veche.sqlite3{suffix}").unlink(missing_ok=True)
    shutil.copy(older, town.server.settings.data / "veche.sqlite3")
    with pytest.raises(AssertionError, match="database-older"):
        begin(town, "")
