"""`veche backup` and `veche restore`: a copy of everything but the keys, and the way back. docs/operating.md."""

from __future__ import annotations

from pathlib import Path

import typer

from veche.cli.terminal import answer, tell, warn
from veche.crypto.errors import Refused

DATA = typer.Option(None, "--data", metavar="DIR", help="The folder of everything that the server keeps.  [veche-data]")


def backup(
    to: Path = typer.Argument(..., metavar="TO", help="A new folder."),
    data: Path | None = DATA,
    with_keys: Path | None = typer.Option(None, "--with-keys", metavar="FILE", help="Also write the signing keys to a new file."),
) -> None:
    """Copy the database to a new folder, with hashes and date, while the server runs.

    The keys that sign acknowledgements are not in it: they lie in keys/ of the data folder, and so do the heads in heads/. Keep
    both on another medium than the backup, e.g. the keys by --with-keys, a file that only you can read.
    """
    from veche.service.backup import make_backup
    from veche.service.restore import pack_keys
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    if with_keys is not None:
        if with_keys.absolute().is_relative_to(to.absolute()):
            raise Refused("keys-in-backup", "keys never lie in the folder of the backup; name a file elsewhere, on another medium")
        if with_keys.exists():
            raise Refused("file-exists", f"{with_keys} is already there and is never overwritten; name another file")
    made = make_backup(settings, to)
    entries = sum(head.entries for head in made.heads.values())
    answer(f"{to}: {made.kind} of {made.made_at}, {len(made.heads)} elections, {entries} entries")
    if with_keys is not None:
        count = pack_keys(settings.data, with_keys)
        warn(f"{with_keys} holds {count} signing keys. Whoever reads it can sign as your ballot box: lock it away.")
    else:
        tell(f"The signing keys are not in it. They lie in {settings.data / 'keys'}; keep a copy elsewhere (--with-keys FILE).")


def restore(
    source: Path = typer.Argument(..., metavar="FROM", help="The folder of a backup."),
    data: Path | None = DATA,
    keys: Path | None = typer.Option(None, "--keys", metavar="FILE", help="A file of keys that --with-keys wrote."),
) -> None:
    """Bring a backup back, into a place that has no database yet.

    First put keys/ and heads/ of the lost server into the data folder, if you have them: a backup that is older than what was
    acknowledged to voters is then refused. VECHE_DATABASE, when set, names an empty PostgreSQL database.
    """
    from veche.service.restore import restore as bring_back
    from veche.service.schema import wanted_version
    from veche.service.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    made = bring_back(settings, source, keys)
    answer(f"{source}: {made.kind} of {made.made_at} is restored, {len(made.heads)} elections")
    lacking = [uuid for uuid in sorted(made.heads) if not (settings.data / "keys" / uuid / "box.key").exists()]
    if lacking:
        warn(f"Without its key no ballot is taken in {', '.join(lacking)}. Put keys/ into {settings.data} before you start.")
    if made.schema != wanted_version():
        warn(f"Its tables have version {made.schema}, this program needs {wanted_version()}: first run veche db upgrade.")
    tell("Now run veche doctor, then start the server.")
