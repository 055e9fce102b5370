"""The keys of log and box of every election: files of their own, outside database and backup, for the server alone to read.

A log's key may also be a credential that systemd or Docker hands over, `UUID.log.key` in the folder of secrets: it comes first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from veche.ballot.manifest import Manifest
from veche.crypto.errors import Refused
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import ED25519, ML_DSA_44, NoteSigner, VerifierKey
from veche.crypto.signing_key import Signer, SigningKey
from veche.observer.durable_files import make_private_folder, read_line, write_private

LOG_KEY: Final = "log.key"
BOX_KEY: Final = "box.key"
ML_DSA_KEY: Final = "log-ml-dsa.key"
"""The second key of a log, where the server's setting asked for one when the election was planned."""


class SigningKeys:
    """The folder `keys/`, with one folder per election (uuid); `credentials` is the folder of secrets."""

    def __init__(self, root: Path, credentials: Path | None = None) -> None:
        self._root = root
        self._credentials = credentials
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

    def ml_dsa(self, uuid: str, origin: str, randomness: Randomness) -> VerifierKey:
        """The second key of this election's log, that on the disk or a new one. Raises Refused `log-key`."""
        path, made = self._folder(uuid) / ML_DSA_KEY, SigningKey.generate(origin, randomness, ML_DSA_44)
        try:
            write_private(path, made.private_text().encode() + b"\n")
        except Refused:
            made = SigningKey.from_private_text(read_line(path))
        if (made.verifier.name, made.verifier.kind) != (origin, ML_DSA_44):
            raise Refused("log-key", f"{path} holds the key {made.verifier.name}, not one of ML-DSA-44 for {origin}")
        return made.verifier

    def log(self, manifest: Manifest) -> tuple[Signer, ...]:
        """The keys that sign checkpoints, of the manifest's: an Ed25519 one, and that of ML-DSA-44 where there is one.

        They are read each time: the file may be switched for that of the spare key, whatever its name. Raises Refused `log-key`.
        """
        second = self._root / manifest.uuid / ML_DSA_KEY
        try:
            first = self._log_key(manifest, self._log_path(manifest.uuid), ED25519)
            return (first, self._log_key(manifest, second, ML_DSA_44)) if second.exists() else (first,)
        except OSError as error:
            # A key that cannot be read is no failure of storage: ballots are taken all the same.
            reason = f"a key of its log cannot be read ({error.strerror}: {error.filename})"
            raise Refused("log-key", f"election {manifest.uuid}: {reason}") from error

    def _log_path(self, uuid: str) -> Path:
        """Where the key of the log is; a credential comes before the file in `keys/`."""
        if self._credentials is not None and (handed := self._credentials / f"{uuid}.{LOG_KEY}").exists():
            return handed
        return self._root / uuid / LOG_KEY

    def _log_key(self, manifest: Manifest, path: Path, kind: int) -> Signer:
        if manifest.log is None:
            raise Refused("log-key", f"the manifest of {manifest.uuid} names no log")
        try:
            if path.is_relative_to(self._root) and path.stat().st_mode & 0o077:
                raise Refused("log-key", f"{path} can be read by others, and whoever reads it can sign: chmod 600 {path}")
            signer = SigningKey.from_private_text(read_line(path)).under(manifest.log.origin)
        except FileNotFoundError as error:
            raise Refused("log-key", f"election {manifest.uuid}: the key of its log is not there ({path})") from error
        if signer.verifier not in manifest.log.keys or signer.verifier.kind != kind:
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
