"""The beginning of an election on the command line: from the plan to a record with its manifest, and the keys of log and box."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from veche.ballot.manifest import Manifest
from veche.cli.organizer_desk import BOX_KEY, DRAFT, LOG_KEY, current_time, registrar_key
from veche.cli.record_folder import create_folder, refuse_used
from veche.crypto.errors import ElectionError
from veche.crypto.scalar import Randomness
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.observer.durable_files import make_private_folder, read_file, refuse_existing, write_private
from veche.service.contest_plan import draw_uuid, host_of, make_plan, parse_spec
from veche.service.desk import current_software
from veche.service.record_store import Addition


def new_election(
    spec_file: Path, path: Path, private: Path, registrar: Path | None, at: str | None, randomness: Randomness
) -> Manifest:
    """A record with its manifest and software in `path`; the keys of log and box, and the draft, in `private`.

    Raises Malformed when the plan is not sound, Refused when something is there already; then nothing is written.
    """
    spec = parse_spec(read_file(spec_file), str(spec_file))
    uuid = draw_uuid(randomness)
    origin = f"{host_of(spec)}/e/{uuid}"
    log, box = (NoteSigner.generate(name, randomness) for name in (origin, f"{origin}/box"))
    registered = registrar_key(registrar)
    plan = make_plan(spec, lambda name: read_file(spec_file.parent / name), uuid, log.verifier, box.verifier, registered)
    raw = plan.manifest.encode()
    now = current_time(plan.manifest, at)
    secret = {
        private / LOG_KEY: log.private_text().encode() + b"\n",
        private / BOX_KEY: box.private_text().encode() + b"\n",
        private / DRAFT: plan.draft.encode() + b"\n",
    }
    refuse_existing(*secret)
    refuse_used(path)
    software, assets = current_software(uuid)
    first = [Addition(ManifestAnnex(uuid, sha256(raw).hexdigest())), Addition(software)]
    make_private_folder(private)
    written: list[Path] = []
    try:
        for file, content in secret.items():
            write_private(file, content)
            written.append(file)
        create_folder(path, uuid, raw, now, first, [assets, *plan.texts])
    except (OSError, ElectionError):
        for file in written:
            file.unlink()
        raise
    return plan.manifest
