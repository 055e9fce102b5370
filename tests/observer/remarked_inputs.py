"""Inputs that no numbered check refuses, about which an audit has something to say: warnings, notices, what cannot be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crypto.ceremony_story import stream
from tests.election.record_builder import OPENS, TIMESTAMP, Story
from tests.election.trustee_keys import single
from tests.election.voters import voter_key, voter_secret
from tests.observer.beginnings import beginning
from tests.observer.refusal_case import Make, annex, bare, bel, changed, record, to, told
from tests.observer.refused_archives import header
from tests.observer.refused_ceremonies import after_run, ended_by, false_complaint, really_wrong, silent
from tests.observer.refused_counts import bad, bad_share, refused, unsigned
from tests.observer.refused_logs import ONE_WITNESS, OTHER, logged
from tests.observer.refused_manifests import in_order, log
from tests.observer.refused_setups import election
from tests.vectors import VECTORS
from veche.ballot.prepared_ballot import prepare_ballot
from veche.crypto.canonical_json import encode, parse
from veche.ledger.archive import header_record

FIXTURES = VECTORS / "fixtures" / "belenios"


@dataclass(frozen=True)
class Remark:
    """An input, what is asked, and what is found: verdict, level, and the code with its severity (or nothing)."""

    name: str
    make: Make
    verdict: str
    code: str = ""
    severity: str = ""
    level: str = "strict"
    asked: str | None = None
    against: Make | None = None

    @property
    def id(self) -> str:
        return f"{self.code or 'nothing'}: {self.name}"


def vector(path: str) -> Make:
    """An archive among the vectors."""
    return lambda _: next(iter(VECTORS.glob(path)))


def simple(**given: Any) -> Story:
    """A record of level belenios with one single trustee, no ceremony and no drill."""
    skip = frozenset(("dkg", "drill 1"))
    return Story(level="belenios", ceremony=None, items=(single("Anna"),), skip=skip, shares=(1,), **given)


def same_randomness(_: bytes, story: Story) -> bytes:
    """The ballot of voter 2, made with the random numbers of voter 1."""
    random = stream(f"ballot {story.election.fingerprint} 1 2")
    return prepare_ballot(story.election, voter_key(2), ((0, 0),), random).sign(voter_secret(2), stream("same"))


def malformed(story: Story) -> None:
    story.refuse(2, "malformed", b"not even JSON")


def badly_proven(story: Story) -> None:
    story.refuse(2, "belenios-proof", bad_share(story))


def weakly_proven(story: Story) -> None:
    """Everything is right but the strong proof."""
    story.refuse(2, "strong-proof", story.delivery(2).share, proof=story.delivery(3).proof)


def taken_later(story: Story) -> None:
    """A bad share of trustee 1 is refused; its good one comes afterwards."""
    value: Any = parse(story.delivery(1).share)
    value["decryption_proofs"][0][0]["response"] = "1"
    story.refuse(1, "belenios-proof", encode(value))


def other_uuid(folder: Path) -> Path:
    """The same election, but for its uuid."""
    return election(lambda value: value.update(uuid="4hVecheTestA12"), until="EndBallots")(folder)


def nothing_yet(folder: Path) -> Path:
    path = folder / "4hVecheTestA11.bel"
    path.write_bytes(header_record(TIMESTAMP))
    return path


def no_archive(folder: Path) -> Path:
    path = folder / "4hVecheTestA11.bel"
    path.write_bytes(b"PK\x03\x04" + bytes(2000))
    return path


OUTAGE = annex("incident", time=OPENS + 400, code="outage")
SPARE: Mapping[str, Any] = {"shares": (1, 2, 3)}

REMARKS = [
    Remark("a strict record", told(), "ok", asked="strict"),
    Remark("a rehearsal", changed(manifest=in_order(rehearsal=True)), "ok", "rehearsal", "notice"),
    Remark(
        "a record without any entry", lambda folder: beginning(0, folder), "unchecked", "no-setup", "unchecked", "belenios|strict"
    ),
    Remark("a record of level belenios", record(lambda: Story(level="belenios")), "ok", level="belenios"),
    Remark("every trustee's share", told(**SPARE), "ok"),
    Remark("a single trustee beside the group", told(items=(single("Anna"),), shares=(1, 3, 4)), "ok"),
    Remark("strong proofs at level belenios", record(lambda: Story(level="belenios", strong=True)), "ok", level="belenios"),
    Remark("a weight of 0", told(weights=(1, 1, 0, 1)), "ok", "small-weight-class", "warning"),
    Remark("weights that few share", told(weights=(2, 2, 2, 5)), "ok", "small-weight-class", "warning"),
    Remark("weights that many share", told(weights=(2, 2, 2, 2)), "ok"),
    Remark("ballots made with the same random numbers", changed(ballot_4=same_randomness), "ok", "equal-alphas", "warning"),
    Remark(
        "a group in the old form",
        vector("fixtures/belenios/threshold/*.bel"),
        "ok",
        "legacy-key-generation",
        "notice",
        "belenios",
    ),
    Remark("a log that is not here", changed(manifest=in_order(log=log())), "ok", "log-not-served", "notice", asked="strict"),
    Remark("a log of all entries", logged(), "ok", asked="strict"),
    Remark("a log of the first entries", logged(size=5), "ok", "log-behind", "notice"),
    Remark("a log without tiles", logged(tiles=False), "ok", "tiles-not-served", "notice"),
    Remark("a log that a witness cosigned", logged(ONE_WITNESS, cosigned="rightly"), "ok", "log-cosigned", "notice"),
    Remark("a log that no witness cosigned", logged(ONE_WITNESS), "ok", "log-cosigned", "notice"),
    Remark("a policy that is none", logged("one witness"), "ok", "policy-unreadable", "warning"),
    Remark("an older checkpoint, continued", logged(), "ok", against=logged(size=5)),
    Remark(
        "an older checkpoint by another key",
        logged(),
        "unchecked",
        "against-unreadable",
        "unchecked",
        against=logged(size=5, signers=(OTHER,)),
    ),
    Remark("neither ceremony nor drill", record(simple), "ok", "lot-foreseeable", "notice", "belenios"),
    Remark(
        "the archive alone of a strict election",
        bel(Story),
        "ok",
        "strong-proofs-not-supplied",
        "notice",
        "belenios",
    ),
    Remark(
        "the archive alone, where strict was asked for",
        bel(Story),
        "unchecked",
        "strong-proofs-not-supplied",
        "unchecked",
        "belenios",
        asked="strict",
    ),
    Remark(
        "a record of level belenios, where strict was asked for",
        record(lambda: Story(level="belenios")),
        "refuted",
        "level-too-low",
        "error",
        "belenios",
        asked="strict",
    ),
    Remark(
        "other people's archive, where strict was asked for",
        vector("belenios/h-basic/election.bel"),
        "refuted",
        "level-too-low",
        "error",
        "belenios",
        asked="strict",
    ),
    Remark("a strict record, where belenios was asked for", told(), "ok", asked="belenios"),
    Remark(
        "a spare share that is bad",
        bel(lambda: bare({"share 1": lambda raw, _: bad(raw)}, shares=(1, 2, 3))),
        "ok",
        "bad-share",
        "warning",
        "belenios",
    ),
    Remark(
        "a spare share that is not in its form",
        bel(lambda: bare({"share 1": to(b"[]")}, shares=(1, 2, 3))),
        "ok",
        "bad-share",
        "warning",
        "belenios",
    ),
    Remark(
        "a spare share that is bad, at level strict",
        told(changes={"share 1": lambda raw, _: bad(raw)}, **SPARE),
        "refuted",
        "decryption-proof",
        "error",
    ),
    Remark("a share in no form, rightly refused", refused(malformed), "ok", "share-refused-rightly", "warning"),
    Remark("a share badly proven, rightly refused", refused(badly_proven), "ok", "share-refused-rightly", "warning"),
    Remark("a share weakly proven, rightly refused", refused(weakly_proven), "ok", "share-refused-rightly", "warning"),
    Remark("a good share after a bad one", refused(taken_later), "ok", "share-refused-rightly", "warning"),
    Remark(
        "a refusal without evidence at level belenios",
        refused(badly_proven, level="belenios", changes={"share-refused": unsigned}),
        "ok",
        "share-refused-unproven",
        "notice",
        "belenios",
    ),
    Remark("a ceremony after one that ended in silence", after_run(silent), "ok", "organizers-word", "notice"),
    Remark("a ceremony after a wrong reveal", after_run(really_wrong), "ok", "organizers-word", "notice"),
    Remark("a ceremony after a bad share", after_run(lambda: ended_by(lambda one: one, 1, "bad-share")), "ok"),
    Remark("a ceremony after a false complaint", after_run(false_complaint), "ok"),
    Remark(
        "late, which an incident explains",
        told(
            changes={"opened": to({"time": 1_793_000_500})}, extra={"opened": annex("incident", time=1_793_000_400, code="outage")}
        ),
        "ok",
    ),
    Remark("an older copy that is the beginning", told(), "ok", against=told(until="EndBallots")),
    Remark("an older archive that is the beginning", told(), "ok", against=bel(lambda: Story(until="EndBallots"))),
    Remark("an older copy that is the same", told(), "ok", against=told()),
    Remark(
        "an older copy of another election", bel(bare), "refuted", "against-other-election", "error", "belenios", against=other_uuid
    ),
    Remark(
        "an older copy that is no archive",
        told(),
        "unchecked",
        "against-unreadable",
        "unchecked",
        against=no_archive,
    ),
    Remark(
        "an older copy that is damaged",
        told(),
        "unchecked",
        "against-unreadable",
        "unchecked",
        against=bel(lambda: bare({"archive": lambda raw, _: raw[:-1]})),
    ),
    Remark("an archive without an election", nothing_yet, "unchecked", "no-setup", "unchecked", "belenios"),
    Remark("a file that is no archive", no_archive, "unchecked", "not-an-archive", "unchecked", "belenios"),
    Remark(
        "an archive of another version",
        bel(lambda: bare({"archive": header(b'{"version":2,"timestamp":"%d"}' % TIMESTAMP)})),
        "unchecked",
        "unsupported-version",
        "unchecked",
        "belenios",
    ),
    Remark(
        "another protocol",
        election(lambda value: value.update(version=2)),
        "unchecked",
        "unsupported-version",
        "unchecked",
        "belenios",
    ),
    Remark(
        "a protocol of a version below 0",
        election(lambda value: value.update(version=-1)),
        "unchecked",
        "unsupported-version",
        "unchecked",
        "belenios",
    ),
    Remark(
        "another group",
        vector("fixtures/belenios/simple-ff/*.bel"),
        "unchecked",
        "unsupported-group",
        "unchecked",
        "belenios",
    ),
    Remark(
        "a group whose name only looks alike",
        election(lambda value: value.update(group="ed25519")),
        "unchecked",
        "unsupported-group",
        "unchecked",
        "belenios",
    ),
    Remark(
        "a question that needs a mixnet",
        vector("belenios/nh-basic/election.bel"),
        "unchecked",
        "unsupported-question",
        "unchecked",
        "belenios",
    ),
]
