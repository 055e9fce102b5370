"""Elections of level belenios whose parts are made by us and by the tool in turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.interop.joint_record import JointRecord
from veche.ballot.credential import derive, generate_code, make_public_credentials, public_credential
from veche.ballot.election import Question, make_election
from veche.ballot.prepared_ballot import prepare_ballot
from veche.ballot.trustees import Trustees
from veche.crypto.scalar import system_randomness

UUID = "4hVecheJoint11"
LAWN = Question("May the lawn be walked on?", ("Yes", "No"), 0, 1, False)


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
