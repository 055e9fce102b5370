"""Three trustees, each with a private folder, and the folder they share: a ceremony by files, as it is held in an office."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.crypto.ceremony_story import NAMES
from tests.crypto.drawing import drawing
from tests.election.trustee_keys import Ceremony, Item
from veche.ballot.trustees import parse_trustees
from veche.cli.ceremony_folder import CeremonyFolder
from veche.cli.trustee_ceremony import (
    Desk,
    hand_out_shares,
    make_certificate,
    make_commitment,
    make_reveal,
    take_shares,
)
from veche.cli.trustee_key import read_trustee_key
from veche.crypto.canonical_json import parse
from veche.crypto.certificate import Context
from veche.crypto.channel import Cipher
from veche.crypto.run_file import FinishedRun, Terms
from veche.crypto.scalar import Randomness
from veche.service.key_ceremony import finish_ceremony

RANDOM: Randomness = drawing("desks")
TERMS = Terms(3, 2, Cipher.GCM, (100, 200, 300), NAMES[:3])


def folder_of(desk: Desk) -> Path:
    """The folder that is this desk's board."""
    if not isinstance(desk.shared, CeremonyFolder):
        raise TypeError("these desks share a folder")
    return desk.shared.path


def sit_down(tmp_path: Path, terms: Terms = TERMS) -> list[Desk]:
    """The desks of all trustees; the organizer's terms lie in the shared folder."""
    shared = tmp_path / "shared"
    shared.mkdir()
    CeremonyFolder(shared).put_terms(terms)
    return [Desk(tmp_path / f"private-{place}", CeremonyFolder(shared)) for place in range(1, terms.size + 1)]


def all_certify(desks: Sequence[Desk], threshold: int = 2) -> None:
    for place, desk in enumerate(desks, 1):
        make_certificate(desk, Context(len(desks), threshold, place), RANDOM)


def all_commit(desks: Sequence[Desk]) -> None:
    for desk in desks:
        make_commitment(desk, None, RANDOM)


def all_reveal(desks: Sequence[Desk]) -> None:
    for desk in desks:
        make_reveal(desk, RANDOM)


def all_deal(desks: Sequence[Desk]) -> None:
    for desk in desks:
        hand_out_shares(desk)


def as_far_as_dealing(tmp_path: Path) -> list[Desk]:
    """All shares lie in the shared folder; nobody has looked at them."""
    desks = sit_down(tmp_path)
    for step in (all_certify, all_commit, all_reveal, all_deal):
        step(desks)
    return desks


def hold(tmp_path: Path) -> tuple[list[Desk], bytes, FinishedRun]:
    """The whole ceremony: desks, trustees.json, the run."""
    desks = as_far_as_dealing(tmp_path)
    for desk in desks:
        take_shares(desk, None, RANDOM)
    trustees, run = finish_ceremony(desks[0].shared, [], None)
    return desks, trustees.raw, run


def ceremony_of(desks: Sequence[Desk], trustees: bytes, run: FinishedRun) -> Ceremony:
    """The same for the stories of tests/election, with the secrets as the trustees' own files hold them."""
    keys = [read_trustee_key(desk.private / "trustee.key", desk.private / "trustee.dkey") for desk in desks]
    listed = parse(trustees)
    if not isinstance(listed, list) or not isinstance(listed[0], list):
        raise TypeError("trustees.json is a list of items")
    item = Item(listed[0], tuple(key.secret for key in keys), parse_trustees(trustees).election_key)
    return Ceremony(item, run.terms, run.certificates, run.commitments, run.reveals)
