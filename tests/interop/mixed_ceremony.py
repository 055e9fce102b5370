"""Threshold keys with their files: made among ourselves, or by our trustees and the tool's at one table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.crypto.ceremony_story import Table, all_finish, share
from tests.interop.tool import ToolFolder
from veche.cli.trustee_key import parse_threshold_key
from veche.crypto.canonical_json import dumps
from veche.crypto.ceremony import Place, assemble, take_place
from veche.crypto.certificate import Certificate, Context
from veche.crypto.channel import Cipher, Seed, json_of
from veche.crypto.pedersen import ThresholdGroup
from veche.crypto.scalar import Secret, system_randomness
from veche.crypto.tool_steps import (
    ToolInput,
    ToolOutput,
    ToolPolynomial,
    tool_group,
    tool_inputs,
    tool_output,
    tool_polynomial,
)

NAMES = ("Anna", "Boris", "Vera")


@dataclass(frozen=True)
class KeyFiles:
    """What a trustee of a threshold group keeps: its seed (`.key`) and its encrypted share of the key (`.dkey`)."""

    key: Path
    decryption_key: Path

    @classmethod
    def write(cls, folder: Path, name: str, seed: Seed, decryption_key: str) -> KeyFiles:
        """The files as our command writes them: no newline at the end."""
        folder.mkdir(parents=True, exist_ok=True)
        files = cls(folder / f"{name}.key", folder / f"{name}.dkey")
        files.key.write_text(seed.characters)
        files.decryption_key.write_text(decryption_key)
        return files

    @property
    def paths(self) -> tuple[Path, Path]:
        """Both, in the order in which the tool asks for them."""
        return self.key, self.decryption_key

    def secret(self) -> Secret:
        """The secret as our command reads it."""
        return parse_threshold_key(self.key.read_text().strip(), self.decryption_key.read_text().strip()).secret


def hold_our_ceremony(folder: Path, size: int, threshold: int, cipher: Cipher) -> tuple[ThresholdGroup, list[KeyFiles]]:
    """Everybody uses our program: commit, reveal, share, finish."""
    seeds = [Seed.random(system_randomness) for _ in range(size)]
    keys = tuple(seed.keys() for seed in seeds)
    contexts = [Context(size, threshold, place) for place in range(1, size + 1)]
    certificates = [
        Certificate.make(own, context, system_randomness) for own, context in zip(keys, contexts, strict=True)
    ]
    places = tuple(
        take_place(own, certificates, size, threshold, context.index, cipher)
        for own, context in zip(keys, contexts, strict=True)
    )
    table = Table(keys, places, system_randomness)
    sharing = share(table)
    finished = all_finish(table, sharing)
    shown = [(one.verification_key, one.group_signature) for one in finished]
    group = assemble(shown, sharing[0].dealing(), sharing[0].reveals, threshold)
    files = [
        KeyFiles.write(folder, f"ours{place}", seed, one.decryption_key)
        for place, (seed, one) in enumerate(zip(seeds, finished, strict=True), 1)
    ]
    return group, files


class OurTrustee:
    """A trustee with our program, at a table where belenios-tool lays down the steps."""

    def __init__(self, place: int, threshold: int, size: int) -> None:
        self.index, self.threshold = place, threshold
        self.seed = Seed.random(system_randomness)
        self.certificate = Certificate.make(self.seed.keys(), Context(size, threshold, place), system_randomness)

    def line(self) -> str:
        """Step 1."""
        return self.certificate.line()

    def deal(self, certificates: list[str], cipher: Cipher) -> str:
        """Step 3, once the certificates of all are found good (step 2)."""
        parsed = [Certificate.parse(line) for line in certificates]
        keys = self.seed.keys()
        self.place: Place = take_place(keys, parsed, len(parsed), self.threshold, self.index, cipher)
        return dumps(tool_polynomial(keys, self.place, system_randomness).to_json())

    def take_shares(self, given: str) -> str:
        """Step 5."""
        name = NAMES[self.index - 1]
        made = tool_output(self.seed.keys(), self.place, ToolInput.from_json(json_of(given)), name, system_randomness)
        self.decryption_key = made.private_key
        return dumps(made.to_json())

    def files(self, folder: Path) -> KeyFiles:
        """What it keeps at the end."""
        return KeyFiles.write(folder, f"ours{self.index}", self.seed, self.decryption_key)


class TheirTrustee:
    """A trustee with belenios-tool, whose files stand in the tool's folder."""

    def __init__(self, place: int, threshold: int, size: int, table: ToolFolder) -> None:
        self.table = table
        self.key = table.generate_certificate(place, threshold, size)

    def line(self) -> str:
        return self.key.with_suffix(".cert").read_text().strip()

    def deal(self, _certificates: list[str], _cipher: Cipher) -> str:
        return self.table.deal(self.key)

    def take_shares(self, given: str) -> str:
        return self.table.take_shares(self.key, given)

    def files(self, _folder: Path) -> KeyFiles:
        return KeyFiles(self.key, self.key.with_suffix(".dkey"))


def hold_mixed_ceremony(
    table: ToolFolder, size: int, threshold: int, ours: Collection[int], cipher: Cipher | None = None
) -> tuple[ThresholdGroup, list[KeyFiles]]:
    """The trustees at the places `ours` use our program, the others the tool, which also plays the server.

    What the server does in steps 4 and 6 is done by us, too, and must come out the same. Ours write in `cipher`, or
    else in the one that this version of the tool reads. Raises ToolRefused where the tool does not go on.
    """
    trustees = [
        OurTrustee(place, threshold, size) if place in ours else TheirTrustee(place, threshold, size, table)
        for place in range(1, size + 1)
    ]
    certificates = [one.line() for one in trustees]
    parsed = [Certificate.parse(line) for line in certificates]
    table.check_certificates(certificates)
    dealt = [one.deal(certificates, cipher or table.tool.cipher) for one in trustees]
    given = table.route(dealt, [one.file_name() for one in parsed])
    polynomials = [ToolPolynomial.from_json(json_of(line)) for line in dealt]
    assert given == [dumps(one.to_json()) for one in tool_inputs(parsed, threshold, polynomials)]
    outputs = [one.take_shares(line) for one, line in zip(trustees, given, strict=True)]
    group = tool_group(parsed, threshold, polynomials, [ToolOutput.from_json(json_of(line)) for line in outputs])
    assert table.assemble(outputs) == dumps(group.to_json())
    return group, [one.files(table.folder) for one in trustees]
