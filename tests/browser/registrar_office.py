"""The registrar with the real commands: codes, letters and signed words are made without the pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from html import unescape
from io import StringIO
from pathlib import Path

from veche.cli.letter_pages import qr_code
from veche.cli.main import FINE, run


def veche(*arguments: str) -> str:
    """What the command prints; it must end well. It runs in this process, as starting many is slow."""
    said, told = StringIO(), StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        ended = run(arguments)
    assert ended == FINE, told.getvalue()
    return said.getvalue()


@dataclass(slots=True)
class Office:
    """The registrar's own computer. `link` is the invitation, `records` the addresses of the contests' records."""

    folder: Path
    voters: Sequence[str]
    link: str = ""

    def key(self) -> str:
        """The public half of a new signing key."""
        self.folder.mkdir()
        key, public = str(self.folder / "key"), str(self.folder / "key.pub")
        return veche("registrar", "key", "--name", "vote.example/registrar", "--private", key, "--public", public).strip()

    def draw(self) -> dict[str, Path]:
        """The public list of each contest by uuid, from the manifests that the server shows."""
        made = veche("registrar", "manifests", "--out", str(self.folder / "manifests"), "--server", self.link).split()
        table = self.folder / "voters.csv"
        table.write_text("login,name\n" + "".join(f"{one.lower()},{one}\n" for one in self.voters), "utf-8")
        chosen = [part for one in made for part in ("--manifest", one)]
        veche("registrar", "credentials", str(table), *self._private(), "--public", str(self.folder / "public"), *chosen)
        return {Path(one).stem: self.folder / "public" / Path(one).stem / "public_creds.json" for one in made}

    def letters(self, records: Sequence[str], server: str) -> dict[str, str]:
        """For each voter the address that is in the QR code of the printed letter."""
        folders = [part for one in records for part in ("--folder", one)]
        out = self.folder / "letters"
        veche("registrar", "letters", *self._private(), *folders, "--out", str(out), "--language", "en", "--server", server)
        found: dict[str, str] = {}
        for sheet in (out / "letters.html").read_text("utf-8").split("<article")[1:]:
            (name,), (code,) = re.findall(r'class="to">(.*?)<', sheet), re.findall(r'class="code">(.*?)<', sheet)
            (page,) = re.findall(r"<strong>(.*?)</strong>", sheet)
            address = f"{unescape(page)}#{unescape(code)}"
            assert qr_code(address).decode() in sheet
            found[unescape(name)] = address
        return found

    def sign(self, records: Sequence[str], *who: str) -> None:
        """It is signed and handed in for each contest who has a code: `--all`, after the end with `--last`."""
        for record in records:
            self._sign(record, *who)

    def _sign(self, record: str, *who: str) -> None:
        uuid = record.rpartition("/")[2]
        out = self.folder / f"issued-{uuid}"
        key = ("--key", str(self.folder / "key"))
        made = veche("registrar", "issue", "--folder", record, *self._private(), *key, "--out", str(out), *who)
        veche("registrar", "upload-issued", uuid, made.split()[0], "--server", self.link)

    def _private(self) -> tuple[str, str]:
        return "--private", str(self.folder / "private")
