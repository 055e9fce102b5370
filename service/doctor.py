"""Everything that an operator can get wrong, looked at without changing anything. Each finding is one line that says what to do."""

from __future__ import annotations

import os
import shutil
import smtplib
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from veche.ballot.manifest import parse_manifest
from veche.crypto.errors import ElectionError
from veche.observer.database import Database, why
from veche.observer.published_files import PublishedFiles
from veche.observer.record_rows import all_elections, manifest_of
from veche.service.log_report import log_faults
from veche.service.postgres_tools import has_tool
from veche.service.schema import verify_current
from veche.service.settings import Settings, secrets_folder
from veche.service.settings_check import contradictions, unknown_names
from veche.service.signing_keys import SigningKeys
from veche.service.storage import Storage
from veche.service.tables import jobs

LEAST_FREE: Final = 2 * 1024**3
"""Bytes: some 160,000 ballots of five options, and the copies that the database makes of them."""

LATE: Final = 300
"""Seconds after which a job that nobody took means that no worker runs."""

NETWORK_SECONDS: Final = 5
_FINAL: Final = ("certified", "cancelled", "annulled", "published", "withheld", "tallied", "closed")
"""States in which the ballot box signs nothing any more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names what was looked at; the sentence says what was found and, when it is not fine, what to do."""

    about: str
    fine: bool
    sentence: str


def examine(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Every finding, in the order in which an operator would put things right."""
    found = [*_settings(settings, environment), *_folder(settings), *_keys(settings.data / "keys"), _clock(), *_mail(settings)]
    if not _has_database(settings):
        return [*found, Finding("database", True, "there is none yet; the server makes it at its first start")]
    database = Database(settings.database_url, pool=2)
    try:
        return [*found, *_database(settings, database)]
    finally:
        database.close()


def _settings(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    wrong = [f"{name} is no setting; see veche config check" for name in unknown_names(environment, Path(".env"))]
    wrong += contradictions(settings, environment)
    yield from (Finding("settings", False, sentence) for sentence in wrong)
    if not wrong:
        yield Finding("settings", True, f"no contradiction; people reach the server at {settings.public_url}")
    if not settings.database_url.startswith("sqlite") and not has_tool("pg_dump"):
        yield Finding("backup", False, "pg_dump is not here, so veche backup cannot work: install PostgreSQL's client programs")


def _folder(settings: Settings) -> Iterator[Finding]:
    data = settings.data
    if not data.is_dir():
        yield Finding("folder", True, f"{data.absolute()} is not there yet; the server makes it")
        return
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding("folder", False, f"{data} cannot be written by this user: run as the server's user, or chown it")
    elif data.stat().st_mode & 0o007:
        yield Finding("folder", False, f"others can look into {data}: chmod o= {data}")
    else:
        yield Finding("folder", True, f"{data.absolute()} is the server's own")
    free = shutil.disk_usage(data).free
    told = f"{free / 1024**3:.1f} GiB free"
    yield Finding("disk", free >= LEAST_FREE, told if free >= LEAST_FREE else f"only {told}: make room before a contest opens")


def _keys(folder: Path) -> Iterator[Finding]:
    """Only the server's user reads the keys."""
    if not folder.is_dir():
        yield Finding("keys", True, "none yet; they are made with the first contest")
        return
    paths = [folder, *sorted(folder.rglob("*"))]
    open_ones = [path for path in paths if path.stat().st_mode & 0o077]
    foreign = [path for path in paths if path.stat().st_uid != folder.parent.stat().st_uid]
    if open_ones:
        yield Finding("keys", False, f"others can read {open_ones[0]}: chmod -R go= {folder}")
    if foreign:
        yield Finding("keys", False, f"{foreign[0]} belongs to another user than {folder.parent}: chown -R it to the server's user")
    if not open_ones and not foreign:
        yield Finding("keys", True, f"{sum(path.is_file() for path in paths)} files that only their owner reads")


def _clock() -> Finding:
    program = shutil.which("timedatectl")
    if program is None:
        return Finding("clock", True, f"it is {_utc()} here; compare it with another clock (no timedatectl to ask)")
    asked = [program, "show", "--property=NTPSynchronized", "--value"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=10)
    if said.returncode != 0:
        return Finding("clock", True, f"it is {_utc()} here; compare it with another clock (timedatectl does not answer)")
    if said.stdout.strip() == "yes":
        return Finding("clock", True, f"it is {_utc()}, kept by a time server")
    return Finding("clock", False, f"no time server keeps the clock ({_utc()}): timedatectl set-ntp true, then restart the server")


def _utc() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.smtp:
        yield Finding("mail", True, "no mail server is set: links are printed on the command line")
        return
    place = urlsplit(settings.smtp)
    host, port = place.hostname or "", place.port or (465 if place.scheme == "smtps" else 587)
    try:
        if place.scheme == "smtps":
            context = ssl.create_default_context()
            with smtplib.SMTP_SSL(host, port, timeout=NETWORK_SECONDS, context=context) as mail:
                mail.noop()
        else:
            with smtplib.SMTP(host, port, timeout=NETWORK_SECONDS) as mail:
                mail.noop()
    except (OSError, smtplib.SMTPException) as error:
        # The text of a refusal may repeat what was sent; its kind is enough.
        reason = getattr(error, "strerror", None) or type(error).__name__
        yield Finding("mail", False, f"{host} port {port} does not answer ({reason}): check VECHE_SMTP and the firewall")
        return
    yield Finding("mail", True, f"{host} port {port} answers; nothing was sent")


def _has_database(settings: Settings) -> bool:
    """Looking must not make a file."""
    url = make_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def _database(settings: Settings, database: Database) -> Iterator[Finding]:
    try:
        database.verify_durable()
    except ElectionError as error:
        yield Finding("database", False, error.message)
        return
    yield Finding("database", True, "what is committed reaches the disk before anybody hears of it")
    try:
        verify_current(database)
    except ElectionError as error:
        yield Finding("tables", False, error.message)
        return
    yield Finding("tables", True, "of this version")
    try:
        yield from _record(settings, database)
    except DBAPIError as error:
        yield Finding("database", False, f"it does not answer any more: {why(error)}")


def _record(settings: Settings, database: Database) -> Iterator[Finding]:
    storage = Storage(database, settings.data)
    try:
        storage.verify_heads()
        yield Finding("heads", True, "the database is as new as what was acknowledged")
    except ElectionError as error:
        yield Finding("heads", False, error.message)
    yield from _files(storage.files, database)
    yield from _box_keys(settings, database)
    yield from _logs(settings, database)
    yield _record_times(database)
    yield from _jobs(database)


def _files(files: PublishedFiles, database: Database) -> Iterator[Finding]:
    """The served files begin as the database says. A file that lacks something is only made longer when it is next asked for."""
    with database.reading() as connection:
        rows = all_elections(connection)
    wrong = [row.uuid for row in rows if not files.agrees(database, row.uuid)]
    for uuid in wrong:
        sentence = f"election {uuid}: its files are not the database's. Stop the server, move {files.root / uuid} away, start it"
        yield Finding("files", False, sentence)
    if not wrong:
        yield Finding("files", True, f"those of {len(rows)} elections agree with the database")


def _box_keys(settings: Settings, database: Database) -> Iterator[Finding]:
    keys = SigningKeys(settings.data / "keys")
    with database.reading() as connection:
        for row in all_elections(connection):
            if row.state in _FINAL:
                continue
            try:
                keys.box(parse_manifest(manifest_of(connection, row.uuid)))
            except ElectionError as error:
                yield Finding("box key", False, f"{error.message}. Bring keys/ back from where you keep it")


def _logs(settings: Settings, database: Database) -> Iterator[Finding]:
    if not settings.sign_log:
        yield Finding("log", True, "none is signed: VECHE_SIGN_LOG is off")
        return
    wrong = list(log_faults(settings, database, SigningKeys(settings.data / "keys", secrets_folder(os.environ))))
    yield from (Finding(about, False, sentence) for about, sentence in wrong)
    if not wrong:
        yield Finding("log", True, "each is signed as far as its record goes, and confirmed by the witnesses of its policy")


def _record_times(database: Database) -> Finding:
    """A real election's newest time lies in the past, or this machine's clock is slow."""
    with database.reading() as connection:
        newest = max((row.latest_time for row in all_elections(connection) if row.clock_offset == 0), default=0)
    ahead = newest - int(time.time())
    if ahead > 0:
        return Finding("times", False, f"the record is {ahead} seconds ahead of this machine's clock: set the clock, then start")
    return Finding("times", True, "the clock is not behind the record")


def _jobs(database: Database) -> Iterator[Finding]:
    with database.reading() as connection:
        failed = connection.execute(select(func.count()).select_from(jobs).where(jobs.c.status == "failed")).scalar_one()
        waiting = jobs.c.status == "waiting"
        oldest = connection.execute(select(func.min(jobs.c.due_at)).where(waiting)).scalar()
    if failed:
        yield Finding("jobs", False, f"{failed} have failed for good; the log says why")
    if oldest is not None and time.time() - oldest > LATE:
        yield Finding("jobs", False, "one has been due for minutes: no worker runs (VECHE_WORKER, or veche worker)")
    elif not failed:
        yield Finding("jobs", True, "none has failed, none is late")
