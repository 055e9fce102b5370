"""Drives the real belenios-tool, which nobody here wrote: one method per command, files in a folder of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.conftest import tool_version
from veche.crypto.channel import Cipher
from veche.ledger.chain_reader import ChainItem

Work = TypeVar("Work")
Outcome = TypeVar("Outcome")

AT_ONCE = 2
"""A call costs about 45 ms of processor time; two run side by side."""

FIRST_WITH_GCM = (3, 1)


class ToolRefused(Exception):
    """The tool ended with another exit code than 0. A failed check ends with 124, whatever its words are."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"exit code {code}: {words}")
        self.code = code


@dataclass(frozen=True)
class BeleniosTool:
    """An executable of some version."""

    executable: Path

    @cached_property
    def version(self) -> tuple[int, ...]:
        return tool_version(str(self.executable))

    @property
    def cipher(self) -> Cipher:
        """The one cipher in which this version writes the messages of a key ceremony."""
        return Cipher.GCM if self.version >= FIRST_WITH_GCM else Cipher.CCM

    def run(self, folder: Path, *arguments: str, given: bytes = b"") -> bytes:
        """What the command prints, run in `folder` with `given` on its standard input. Raises ToolRefused."""
        done = subprocess.run([self.executable, *arguments], cwd=folder, input=given, capture_output=True, check=False, timeout=300)
        if done.returncode != 0:
            raise ToolRefused(done.returncode, done.stderr.decode("utf-8", "replace")[-600:])
        return done.stdout

    def at(self, folder: Path) -> ToolFolder:
        """This tool, working in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        return ToolFolder(self, folder)

    def objection(self, ballot: bytes, archive: bytes, name: str) -> ToolRefused | None:
        """What `verify-ballot` has against a ballot that is offered to this archive, UUID.bel by name."""
        with TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(archive)
            try:
                self.at(Path(folder)).verify_ballot(ballot)
            except ToolRefused as refusal:
                return refusal
        return None

    def objections(self, record: Path, chain: Iterable[ChainItem]) -> list[str]:
        """What the tool has against the ballots of a record, each offered to the archive cut before it.

        The cut matters: a ballot that is in the archive already is refused as a duplicate.
        """
        archive = record.read_bytes()

        def about(item: ChainItem) -> str | None:
            refusal = self.objection(item.records[0].content, archive[: item.start], record.name)
            return None if refusal is None else f"ballot at height {item.event.height}: {refusal}"

        return [said for said in at_once(about, chain) if said]


@dataclass(frozen=True)
class ToolFolder:
    """A tool with a folder that holds one election's files: what setting up leaves, and at most one UUID.bel."""

    tool: BeleniosTool
    folder: Path

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        return self.tool.run(self.folder, *arguments, given=given)

    def file(self, name: str, content: bytes | str) -> Path:
        """A file of this name for the tool to read."""
        path = self.folder / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    def made(self, pattern: str, *before: Path) -> Path:
        """The only file of this pattern that was not there before."""
        (path,) = set(self.folder.glob(pattern)) - set(before)
        return path

    # --- setting up ---

    def generate_token(self) -> str:
        """A new uuid."""
        return self.run("setup", "generate-token").decode().strip()

    def generate_credentials(self, uuid: str, voters: Sequence[str]) -> dict[str, str]:
        """Login → private code for voters `address,login,weight`; the public list is left in public_creds.json."""
        self.file("voters.txt", "".join(f"{voter}\n" for voter in voters))
        self.run("setup", "generate-credentials", "--uuid", uuid, "--group", "Ed25519", "--file", "voters.txt")
        self.made("*.pubcreds").rename(self.folder / "public_creds.json")
        codes: dict[str, str] = json.loads(self.made("*.privcreds").read_bytes())
        return codes

    def derive(self, uuid: str, code: str) -> str:
        """The public credential of a code."""
        printed = self.run("setup", "generate-credentials", "--uuid", uuid, "--group", "Ed25519", "--derive", code)
        return printed.decode().strip()

    def generate_trustee_key(self) -> tuple[Path, bytes]:
        """A single key: its private file and the line to publish, which joins public_keys.jsons."""
        before = tuple(self.folder.glob("*.privkey"))
        self.run("setup", "generate-trustee-key", "--group", "Ed25519")
        private = self.made("*.privkey", *before)
        line = private.with_suffix(".pubkey").read_bytes().rstrip(b"\n") + b"\n"
        with (self.folder / "public_keys.jsons").open("ab") as keys:
            keys.write(line)
        return private, line

    def threshold_step(self, step: int, *arguments: str, given: bytes = b"") -> bytes:
        """A step of the threshold ceremony."""
        threshold = ("setup", "generate-trustee-key-threshold", "--group", "Ed25519")
        return self.run(*threshold, "--step", str(step), *arguments, given=given)

    def generate_certificate(self, place: int, threshold: int, size: int) -> Path:
        """Step 1: the trustee's `.key` file; its certificate stands beside it as `.cert`."""
        before = tuple(self.folder.glob("*.key"))
        self.threshold_step(1, "--threshold-context", f"{place}/{threshold}/{size}")
        return self.made("*.key", *before)

    def check_certificates(self, lines: Iterable[str]) -> None:
        """Step 2, on all certificates in the order of the places; they are left in certs.jsons."""
        self.file("certs.jsons", "".join(f"{line}\n" for line in lines))
        self.threshold_step(2, "--certs", "certs.jsons")

    def deal(self, key: Path) -> str:
        """Step 3 of the owner of `key`: its line for polynomials.jsons."""
        return self.threshold_step(3, "--certs", "certs.jsons", "--key", key.name).decode().strip()

    def route(self, polynomials: Iterable[str], names: Iterable[str]) -> list[str]:
        """Step 4: what each trustee gets, for trustees whose files have these names."""
        self.file("polynomials.jsons", "".join(f"{line}\n" for line in polynomials))
        self.threshold_step(4, "--certs", "certs.jsons", "--polynomials", "polynomials.jsons")
        return [(self.folder / f"{name}.vinput").read_text().strip() for name in names]

    def take_shares(self, key: Path, given: str) -> str:
        """Step 5 of the owner of `key`: its line of output."""
        return self.threshold_step(5, "--certs", "certs.jsons", "--key", key.name, given=given.encode()).decode().strip()

    def assemble(self, outputs: Iterable[str]) -> str:
        """Step 6: the Pedersen item, left in threshold.json; the `.dkey` files stand beside the `.key` files."""
        given = "".join(f"{line}\n" for line in outputs).encode()
        arguments = ("--certs", "certs.jsons", "--polynomials", "polynomials.jsons")
        group = self.threshold_step(6, *arguments, given=given).decode().strip()
        self.file("threshold.json", group)
        return group

    def make_trustees(self) -> bytes:
        """trustees.json from public_keys.jsons and threshold.json."""
        self.run("setup", "make-trustees")
        return (self.folder / "trustees.json").read_bytes().rstrip(b"\n")

    def make_election(self, uuid: str, template: object) -> bytes:
        """election.json of this template."""
        self.file("template.json", json.dumps(template, ensure_ascii=False))
        self.run("setup", "make-election", "--uuid", uuid, "--group", "Ed25519", "--template", "template.json")
        return (self.folder / "election.json").read_bytes().rstrip(b"\n")

    # --- the archive ---

    @property
    def archive(self) -> Path:
        """The election's UUID.bel."""
        return self.made("*.bel")

    def archive_init(self) -> bytes:
        """A new archive of election.json, trustees.json and public_creds.json."""
        self.run("archive", "init")
        return self.archive.read_bytes()

    def archive_make(self, extracted: Path) -> bytes:
        """The canonical archive of the records that stand as files in a folder."""
        return self.run("archive", "make", "--dir", str(extracted))

    def add_event(self, kind: str, *contents: bytes) -> None:
        """Append an event with its data; the tool checks nothing here."""
        given = b"".join(content + b"\n" for content in contents)
        self.run("archive", "add-event", "--type", kind, "--dir", ".", given=given)

    # --- the election ---

    def verify(self) -> None:
        """The tool's check of the whole archive. In 3.x it says nothing about ballots. Raises ToolRefused."""
        self.run("election", "verify", "--dir", ".")

    def verify_ballot(self, ballot: bytes) -> None:
        """The tool's check of one ballot that is not in the archive. Raises ToolRefused."""
        self.file("ballot.json", ballot)
        self.run("election", "verify-ballot", "--ballot", "ballot.json", "--dir", ".")

    def generate_ballot(self, code: str, choices: Sequence[Sequence[int]]) -> bytes:
        """A ballot by the holder of this private code."""
        self.file("code.txt", code + "\n")
        self.file("choice.json", json.dumps([list(marks) for marks in choices]) + "\n")
        arguments = ("--privcred", "code.txt", "--choice", "choice.json", "--dir", ".")
        return self.run("election", "generate-ballot", *arguments).rstrip(b"\n")

    def compute_encrypted_tally(self) -> tuple[bytes, bytes]:
        """The encrypted tally and its sizes, as the tool counts the ballots in the archive."""
        tally, sized = self.run("election", "compute-encrypted-tally", "--dir", ".").splitlines()
        return tally, sized

    def decrypt(self, owner: int, key: Path) -> tuple[bytes, bytes]:
        """The share of a single key, and whose it is."""
        arguments = ("--privkey", str(key), "--trustee-id", str(owner), "--dir", ".")
        share, owned = self.run("election", "decrypt", *arguments).splitlines()
        return share, owned

    def decrypt_threshold(self, owner: int, key: Path, decryption_key: Path) -> tuple[bytes, bytes]:
        """The share of a trustee in a threshold group, and whose it is."""
        files = ("--key", str(key), "--decryption-key", str(decryption_key))
        arguments = (*files, "--trustee-id", str(owner), "--dir", ".")
        share, owned = self.run("election", "decrypt-threshold", *arguments).splitlines()
        return share, owned

    def compute_result(self) -> bytes:
        """The result from the shares in the archive."""
        return self.run("election", "compute-result", "--dir", ".").rstrip(b"\n")

    def ballot_hashes(self) -> list[str]:
        """SHA-256 in hex of the counted ballots, in no promised order."""
        return [one["hash"] for one in json.loads(self.run("election", "compute-ballot-summary", "--dir", "."))]


def at_once(function: Callable[[Work], Outcome], work: Iterable[Work]) -> list[Outcome]:
    """The outcomes in order, worked on two at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, work))
