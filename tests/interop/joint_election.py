"""Elections of level belenios whose parts are made by us and by the tool in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.interop.joint_record import JointRecord
from tests.interop.mixed_ceremony import KeyFiles, hold_mixed_ceremony
from tests.interop.tool import ToolFolder
from veche.ballot.credential import derive, generate_code, make_public_credentials, public_credential
from veche.ballot.election import Question, make_election
from veche.ballot.prepared_ballot import prepare_ballot
from veche.ballot.trustees import Trustees
from veche.cli.trustee_key import parse_single_key
from veche.crypto.scalar import Secret, system_randomness

UUID = "4hVecheJoint11"
TREES = Question("Where do the trees go?", ("School", "River", "Nowhere"), 1, 2, True)
ROOF = Question("A new roof?", ("Yes", "No"), 0, 1, False)
LAWN = Question("May the lawn be walked on?", ("Yes", "No"), 0, 1, False)
WEIGHTS = (1, 0, 2, 1, 5)

CASTS = (
    (0, ((0, 1, 0, 1), (1, 0))),
    (1, ((0, 0, 0, 1), (0, 1))),
    (2, ((1, 0, 0, 0), (0, 0))),
    (3, ((0, 0, 1, 1), (1, 0))),
    (0, ((0, 0, 1, 0), (0, 1))),
)
"""(voter, marks) in the order of casting: voter 0 changes its mind, voter 1 has weight 0, voter 4 never votes."""

COUNTS = ((2, 0, 2, 1), (1, 1))
"""The plain count of the last votes, by weight: the blank vote first."""


def set_up(
    folder: Path, trustees: Trustees, questions: Sequence[Question] = (LAWN,), weights: Sequence[int] = (1, 1, 1)
) -> tuple[JointRecord, list[str]]:
    """A record that we begin, with one voter for each weight, and the voters' private codes."""
    election = make_election(UUID, "Joint", "No real voters.", trustees.election_key, tuple(questions))
    codes = [generate_code(system_randomness) for _ in weights]
    keys = [public_credential(derive(code, UUID)) for code in codes]
    credentials = make_public_credentials(zip(keys, weights, strict=True), weighted=set(weights) != {1})
    return JointRecord.begin(folder, election, trustees, credentials), codes


def vote(record: JointRecord, code: str, marks: Sequence[Sequence[int]]) -> bytes:
    """A ballot by the holder of this private code, made by us."""
    election = record.election
    secret = derive(code, election.uuid)
    return prepare_ballot(election, public_credential(secret), marks, system_randomness).sign(secret, system_randomness)


@dataclass(frozen=True)
class TheirElection:
    """What the people of an election hold that the tool set up: voters' codes by login, trustee 1's key, 2 to 4's files."""

    codes: dict[str, str]
    private: Path
    group: list[KeyFiles]

    def secrets(self) -> dict[int, Secret]:
        """The trustees' secrets by number."""
        first = parse_single_key(self.private.read_text().strip()).secret
        return {1: first, **{owner: one.secret() for owner, one in enumerate(self.group, 2)}}


def set_up_by_the_tool(folder: ToolFolder) -> TheirElection:
    """An election whose every part the tool made, up to Setup; the archive is left in the folder."""
    uuid = folder.generate_token()
    voters = [f"{number}@vote.example,voter{number},{weight}" for number, weight in enumerate(WEIGHTS)]
    codes = folder.generate_credentials(uuid, voters)
    private, _ = folder.generate_trustee_key()
    _, files = hold_mixed_ceremony(folder, 3, 2, ours=())
    folder.make_trustees()
    questions = [one.to_json() for one in (TREES, ROOF)]
    folder.make_election(uuid, {"description": "No real voters.", "name": "Joint", "questions": questions})
    folder.archive_init()
    return TheirElection(codes, private, files)
