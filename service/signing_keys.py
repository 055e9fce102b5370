"""The keys of log and box of every election: files of their own, outside database and backup, for the server alone to read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from veche.ballot.manifest import Manifest
from veche.crypto.errors import Refused
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import NoteSigner
from veche.crypto.signing_key import Signer, SigningKey
from veche.observer.durable_files import make_private_folder, read_line, write_private

LOG_KEY: Final = "log.key"
BOX_KEY: Final = "box.key"


class SigningKeys:
    """The folder `keys/`, with one folder per election (uuid)."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._boxes: dict[str, NoteSigner] = {}

    def generate(self, uuid: str, origin: str, randomness: Randomness) -> tuple[NoteSigner, NoteSigner]:
        """New keys for the log and the box of this election, on the disk. Raises Refused `file-exists`, or OSError."""
        folder = self._folder(uuid)
        made = NoteSigner.generate(origin, randomness), NoteSigner.generate(f"{origin}/box", randomness)
        for name, signer in zip((LOG_KEY, BOX_KEY), made, strict=True):
            write_private(folder / name, signer.private_text().encode() + b"\n")
        return made

    def take(self, uuid: str, origin: str, randomness: Randomness) -> tuple[NoteSigner, NoteSigner]:
        """The keys of log and box of this election, those on the disk or new ones: an attempt before may have ended half-way.

        Raises Refused `log-key` when keys of another origin are there.
        """
        folder = self._folder(uuid)
        log = self._one(folder / LOG_KEY, origin, randomness)
        return log, self._one(folder / BOX_KEY, f"{origin}/box", randomness)

    def _one(self, path: Path, name: str, randomness: Randomness) -> NoteSigner:
        made = NoteSigner.generate(name, randomness)
        try:
            write_private(path, made.private_text().encode() + b"\n")
        except Refused:
            made = NoteSigner.from_private_text(read_line(path))
        if made.verifier.name != name:
            raise Refused("log-key", f"{path} holds the key {made.verifier.name}, not {name}")
        return made

    def _folder(self, uuid: str) -> Path:
        make_private_folder(self._root)
        make_private_folder(self._root / uuid)
        return self._root / uuid

    def log(self, manifest: Manifest) -> Signer:
        """The key that signs checkpoints, one of the manifest's; the file may be switched. Raises Refused `log-key`."""
        path = self._root / manifest.uuid / LOG_KEY
        try:
            signer = SigningKey.from_private_text(read_line(path))
        except FileNotFoundError as error:
            raise Refused("log-key", f"election {manifest.uuid}: the key of its log is not there ({path})") from error
        if manifest.log is None or signer.verifier not in manifest.log.keys:
            raise Refused("log-key", f"{path} is no key of the log that the manifest of {manifest.uuid} names")
        return signer

    def box(self, manifest: Manifest) -> NoteSigner:
        """The key that signs acknowledgements. Raises Refused `box-key`."""
        known = self._boxes.get(manifest.uuid)
        if known is not None:
            return known
        path = self._root / manifest.uuid / BOX_KEY
        try:
            signer = NoteSigner.from_private_text(read_line(path))
        except FileNotFoundError as error:
            raise Refused("box-key", f"election {manifest.uuid}: the key of its ballot box is not there ({path})") from error
        if manifest.log is None or signer.verifier != manifest.log.box:
            raise Refused("box-key", f"{path} is not the key of the ballot box that the manifest of {manifest.uuid} names")
        self._boxes[manifest.uuid] = signer
        return signer
