"""A small election from the manifest to the certified result, told with the package's own functions.

Each part can be told wrongly, and everything after it is made from the wrong part, consistently: so one fault has one finding.
All randomness comes from names, so the same story gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.crypto.ceremony_story import stream
from tests.election.trustee_keys import Ceremony, Item, honest_ceremony
from tests.election.voters import Text, make_ballot, voter_key
from veche.ballot.election import Election, Question
from veche.ballot.encrypted_ballot import counted_rows
from veche.ballot.manifest import Manifest, Option, level_line
from veche.ballot.result import Result
from veche.ballot.share import Delivery, TallyPlace, make_share
from veche.ballot.tally import EncryptedTally, Rows, add_weighted, nothing, size_tally
from veche.crypto.canonical_json import encode
from veche.crypto.drill import DrillStatement, make_drill
from veche.crypto.elgamal import Ciphertext
from veche.crypto.equality import prove_equality
from veche.crypto.errors import Malformed
from veche.crypto.group import G, Point, secret_multiple, total
from veche.crypto.proof import Proof
from veche.crypto.scalar import Secret
from veche.crypto.schnorr import sign
from veche.crypto.signed_note import NoteSigner
from veche.ledger.annex import unsigned_issued_text
from veche.ledger.archive import data_record, event_record, header_record
from veche.ledger.event import Event, EventType
from veche.ledger.payload import SetupData
from veche.ledger.record import entry_line

Change = Callable[[Any, "Story"], Any]
"""Takes a part as it should be and the story so far; gives the part as it is told."""

UUID = "4hVecheTestA11"
OPENS, CLOSES = 1_793_000_000, 1_793_086_400
TIMESTAMP = OPENS - 1000
DAY = 86_400
REGISTRAR = NoteSigner("vote.example/e/registrar", sha256(b"registrar").digest())
QUESTION = Question("Where shall the trees be planted?", ("At the school", "By the river"), 0, 1, False)
VOTES = ((0, ((1, 0),)), (1, ((0, 1),)), (0, ((0, 1),)), (2, ((0, 0),)))
"""(voter, marks) in the order of casting: voter 0 votes twice, voter 3 never."""


@dataclass
class Story:
    """What is told. `changes` gives other parts in the place of right ones; `skip` leaves steps out, `until` ends before one.

    Parts, with the type that a change takes and gives:
    "manifest", "line" (dict, text); "manifest text", "trustees", "election", "credentials", "setup", "run", "assets",
    "issued list 1", "ballot 1", "tally", "sized", "share 1", "owned 1", "result", "audit" (bytes);
    "event Setup", "event ballot 1" … (bytes); every annex by the name of its step (dict of its fields); at the end
    "entries" (list of bytes), "data" (dict), "events" (list of text and contents) and "archive" (bytes).
    Steps: first entry, software, dkg, drill 1 …, Setup, issued 1, opened, ballot 1 …, EndBallots, closed, issued 2,
    EncryptedTally (or withheld), share 1, proof 1, …, Result, published, certified. `extra` is told before a step.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    until: str = ""
    extra: Mapping[str, Callable[[Story], None]] = field(default_factory=dict)
    level: str = "strict"
    ceremony: Ceremony | None = field(default_factory=honest_ceremony)
    items: tuple[Item, ...] = ()
    public_key: Point | None = None
    questions: tuple[Question, ...] = (QUESTION,)
    votes: Sequence[tuple[int, tuple[tuple[int, ...], ...]]] = VOTES
    voters: int = 4
    weights: Sequence[int] | None = None
    shares: tuple[int, ...] = (1, 3)
    withhold: bool = False
    strong: bool | None = None

    def __post_init__(self) -> None:
        self.events: list[tuple[bytes, list[bytes]]] = []
        self.entries: list[bytes] = []
        self.data: dict[str, bytes] = {}
        self.over = False
        self.order = sorted(range(self.voters), key=lambda voter: voter_key(voter).encoding)
        self.manifest = self._manifest()
        self.manifest_text = self.part("manifest text", encode(self.manifest))
        self.items = ((self.ceremony.item,) if self.ceremony is not None else ()) + self.items
        self.trustees = self.part("trustees", encode([list(item.json) for item in self.items]))
        self.secrets = dict(enumerate((secret for item in self.items for secret in item.secrets), 1))
        self._begin()
        self._vote()
        self._count()
        self.entries = self.part("entries", self.entries)
        self.data = self.part("data", self.data)
        self.events = self.part("events", self.events)
        self.archive: bytes = self.part("archive", archive_of(self.events))

    # --- how things are told ---

    def part(self, name: str, right: Any) -> Any:
        """The part as it is told."""
        change = self.changes.get(name)
        return right if change is None else change(right, self)

    def step(self, name: str) -> bool:
        """Whether this step is told; what is told before it has been."""
        self.over = self.over or name == self.until
        if not self.over and name in self.extra:
            self.extra[name](self)
        return not self.over and name not in self.skip

    def keep(self, content: bytes) -> str:
        """Store a data file; its SHA-256."""
        digest = sha256(content).hexdigest()
        self.data[digest] = content
        return digest

    def annex(self, kind: str, name: str = "", **fields: Any) -> None:
        if self.step(name or kind):
            told = self.part(name or kind, fields)
            self.entries.append(encode({"annex": kind, "election": self.manifest["uuid"], **told}))

    def event(self, kind: EventType, *contents: bytes, name: str = "") -> None:
        if self.step(name or kind):
            payload = sha256(contents[-1]).hexdigest() if contents else None
            text = self.part(f"event {name or kind}", Event(self.parent, len(self.events), kind, payload).text())
            self.events.append((text, list(contents)))
            self.entries.append(text)

    @property
    def parent(self) -> str | None:
        """The hash of the last event."""
        return sha256(self.events[-1][0]).hexdigest() if self.events else None

    def event_hash(self, kind: EventType) -> str:
        """The hash of the first event of this kind."""
        word = b'"type":"%s"' % kind.value.encode()
        return next(sha256(text).hexdigest() for text, _ in self.events if word in text)

    # --- before the vote ---

    def _manifest(self) -> Text:
        options = tuple(
            tuple(Option(f"p{place}", answer, None, None) for place, answer in enumerate(question.answers, 1))
            for question in self.questions
        )
        manifest = Manifest(
            campaign="parks-2026",
            contest="trees",
            uuid=UUID,
            rehearsal=False,
            level=self.level,
            title=(("en", "Trees"),),
            opens_at=OPENS,
            closes_at=CLOSES,
            zone="Europe/Moscow",
            until=CLOSES + DAY,
            minimum_ballots=2,
            electorate=self.voters,
            eligibility="residents",
            appeal_days=3,
            registrar=REGISTRAR.verifier,
            log=None,
            allocation=None,
            options=options,
        )
        told: Text = self.part("manifest", manifest.to_json())
        return {name: value for name, value in told.items() if value is not None}

    def _begin(self) -> None:
        digest = sha256(self.manifest_text).hexdigest()
        self.annex("manifest", "first entry", manifest=digest)
        if "software" not in self.skip:
            self.annex("software", version="1.0.0", assets=self.keep(self.part("assets", b"")))
        if self.ceremony is not None and "dkg" not in self.skip:
            for earlier in self.ceremony.earlier:
                self.keep(earlier)
            run = self.part("run", self.ceremony.run_file(self.trustees))
            self.annex("dkg", ceremony=self.keep(run))
        for owner, secret in self.secrets.items():
            self._drill(owner, secret)
        if (self.over or self.until == "Setup") and self.ceremony is not None and self.entries_hold(b'"annex":"dkg"'):
            self.keep(self.trustees)
        self._setup(digest)

    def entries_hold(self, words: bytes) -> bool:
        return any(words in entry for entry in self.entries)

    def _drill(self, owner: int, secret: Secret) -> None:
        manifest, trustees = (sha256(text).digest() for text in (self.manifest_text, self.trustees))
        statement = DrillStatement(self.manifest["uuid"], manifest, trustees, owner)
        made = make_drill(secret, secret_multiple(secret, G), statement, stream(f"drill {owner}"))
        self.annex("drill", f"drill {owner}", owner=owner, factor=made.factor.hex(), proof=made.proof.to_json())

    def _setup(self, manifest: str) -> None:
        line = self.part("line", level_line(self.level, manifest))
        description = "Choose one." if line is None else f"Choose one.\n{line}"
        key = self.public_key or total([(1, item.key) for item in self.items])
        value: Text = {
            "version": 1,
            "description": description,
            "name": "Trees",
            "group": "Ed25519",
            "public_key": key.hex(),
            "questions": [question.to_json() for question in self.questions],
            "uuid": UUID,
        }
        raw = self.part("election", encode(value))
        # Not parsed: an election that is not legal must be told too, and its ballots be made.
        self.election = Election(raw, UUID, "Trees", description, key, self.questions)
        credentials = self.part("credentials", encode([self._listed(voter) for voter in self.order]))
        contents = [raw, self.trustees, credentials]
        setup = SetupData(*(sha256(content).hexdigest() for content in contents)).text()
        self.event(EventType.SETUP, *contents, self.part("setup", setup))

    def _listed(self, voter: int) -> str:
        return voter_key(voter).hex() if self.weights is None else f"{voter_key(voter).hex()},{self.weights[voter]}"

    # --- the vote ---

    def issue(self, name: str, voters: Sequence[int], before: int) -> None:
        """An issued that names these voters, after `before` others. "line NAME" is the registrar's signature."""
        if self.step(name):
            listed = [voter_key(voter).hex() for voter in voters]
            digest = self.keep(self.part(f"list {name}", encode(list(listed))))
            fields = self.part(name, {"total": before + len(voters), "credentials": digest})
            text = unsigned_issued_text(self.manifest["uuid"], fields["total"], fields["credentials"]).decode()
            line = self.part(f"line {name}", REGISTRAR.line(text))
            annex = {"annex": "issued", "election": self.manifest["uuid"], **fields, "signature": line}
            self.entries.append(encode(annex))

    def _vote(self) -> None:
        self.issue("issued 1", self.order[:2], 0)
        self.annex("opened", time=OPENS)
        self.cast: list[tuple[int, bytes]] = []
        self.last: dict[int, Rows] = {}
        for place, (voter, marks) in enumerate(self.votes, 1):
            if not self.over and f"ballot {place}" not in self.skip:
                right = make_ballot(self.election, voter, marks, place)
                ballot = self.part(f"ballot {place}", right)
                self.cast.append((voter, ballot))
                self.last[voter] = self.rows_of(ballot) or counted_rows(right)
                self.event(EventType.BALLOT, ballot, name=f"ballot {place}")
        self.event(EventType.END_BALLOTS)
        self.voted = len({voter for voter, _ in self.cast if self.weight(voter) > 0})
        self.annex("closed", time=CLOSES, ballots=self.voted)
        self.issue("issued 2", self.order[2:], len(self.order[:2]))

    def rows_of(self, ballot: bytes) -> Rows | None:
        """The ciphertexts of a told ballot; None where it is so wrong that nothing can be added up."""
        try:
            answers = json.loads(ballot)["answers"]
            rows = tuple(tuple(_ciphertext(one) for one in answer["choices"]) for answer in answers)
        except (ValueError, LookupError, TypeError, RecursionError, Malformed):
            return None
        widths = [question.ciphertexts for question in self.questions]
        enough = len(rows) == len(widths) and all(len(row) >= width for row, width in zip(rows, widths, strict=True))
        return rows if enough else None

    def weight(self, voter: int) -> int:
        return 1 if self.weights is None else self.weights[voter]

    # --- the count ---

    def _count(self) -> None:
        if self.withhold:
            self.annex("withheld", ballots=self.voted, minimum=self.manifest["minimum_ballots"])
        if self.withhold or self.over or self.until == "EncryptedTally":
            self.over = True
            return
        counted = [(self.weight(voter), rows) for voter, rows in self.last.items()]
        self.tally = add_weighted(counted, nothing(self.election))
        raw = self.part("tally", self.tally.encode())
        sized = size_tally(self.tally, len(counted), sum(weight for weight, _ in counted))
        sized = replace(sized, encrypted_tally=sha256(raw).hexdigest())
        self.event(EventType.ENCRYPTED_TALLY, raw, self.part("sized", sized.encode()))
        for owner in self.shares:
            if not self.over:
                self._share(owner)
        self._publish()

    @property
    def place(self) -> TallyPlace:
        """Where the tally stands, for shares."""
        tally = self.event_hash(EventType.ENCRYPTED_TALLY)
        return TallyPlace(self.election.fingerprint, self.event_hash(EventType.SETUP), tally)

    def delivery(self, owner: int, tally: EncryptedTally | None = None) -> Delivery:
        """The right share of this trustee (of another tally, if one is given)."""
        secret, random = self.secrets[owner], stream(f"share {owner}")
        return make_share(secret, secret_multiple(secret, G), owner, tally or self.tally, self.place, random)

    def _share(self, owner: int) -> None:
        if not self.step(f"share {owner}"):
            return
        right = self.delivery(owner)
        share = self.part(f"share {owner}", right.share)
        owned = self.part(f"owned {owner}", encode({"owner": owner, "payload": sha256(share).hexdigest()}))
        self.event(EventType.PARTIAL_DECRYPTION, share, owned, name=f"given {owner}")
        proof = self.strong_proof(owner, owned)
        fields = {"owner": owner, "payload": sha256(owned).hexdigest(), "proof": proof.to_json()}
        if self.strong if self.strong is not None else self.level == "strict":
            self.annex("decryption-proof", f"proof {owner}", **fields)

    def strong_proof(self, owner: int, owned: bytes) -> Proof:
        """The strong proof for the true factors, which names this owned text."""
        secret = self.secrets[owner]
        factors = [secret_multiple(secret, alpha) for alpha in self.tally.alphas]
        claim = self.place.statement(owner, owned).claim(secret_multiple(secret, G), self.tally.alphas, factors)
        return prove_equality(secret, claim, stream(f"strong {owner}"))

    def refuse(self, owner: int, reason: str, share: bytes, proof: Proof | None = None, key: Secret | None = None) -> None:
        """A share-refused with this share, delivered by its owner (or signed with another key)."""
        owned = encode({"owner": owner, "payload": self.keep(share)})
        payload = self.keep(owned)
        strong = proof or self.strong_proof(owner, owned)
        secret = key or self.secrets[owner]
        message = self.place.statement(owner, owned).delivery(strong)
        signature = sign(secret, secret_multiple(secret, G), message, stream("delivery"))
        proof_json, signed = strong.to_json(), signature.to_json()
        self.annex("share-refused", owner=owner, payload=payload, proof=proof_json, signature=signed, reason=reason)

    def _publish(self) -> None:
        counts = self.part("result", Result(self.counts()).encode())
        self.event(EventType.RESULT, counts)
        digest = sha256(counts).hexdigest()
        audit = self.part("audit", b'{"verdict":"ok"}')
        if self.step("published"):
            fields = {"time": CLOSES + 100, "result": digest, "audit": self.keep(audit)}
            self.entries.append(self._annex_text("published", fields))
        self.annex("certified", time=CLOSES + 100 + 3 * DAY, result=digest, complaints=0)

    def _annex_text(self, kind: str, fields: Text) -> bytes:
        return encode({"annex": kind, "election": self.manifest["uuid"], **self.part(kind, fields)})

    def counts(self) -> tuple[tuple[int, ...], ...]:
        """The plain count of the last votes that were cast."""
        told = [vote for place, vote in enumerate(self.votes, 1) if f"ballot {place}" not in self.skip]
        rows = [[0] * question.ciphertexts for question in self.questions]
        for voter, marks in dict(told).items():
            for row, answer in zip(rows, marks, strict=True):
                row[:] = [count + self.weight(voter) * mark for count, mark in zip(row, answer, strict=False)]
        return tuple(tuple(row) for row in rows)

    # --- what is left behind ---

    def write(self, folder: Path) -> Path:
        """The folder form of the record."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.manifest['uuid']}.bel").write_bytes(self.archive)
        (folder / "manifest.json").write_bytes(self.manifest_text)
        (folder / "entries.jsonl").write_bytes(b"".join(entry_line(entry) for entry in self.entries))
        for digest, content in self.data.items():
            path = folder / "data" / digest[:2] / digest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    def bel_only(self, folder: Path) -> Path:
        """Only the archive."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{UUID}.bel"
        path.write_bytes(self.archive)
        return path


def archive_of(events: Sequence[tuple[bytes, Sequence[bytes]]]) -> bytes:
    """The archive of these event texts, each after its data."""
    parts = [header_record(TIMESTAMP)]
    for text, contents in events:
        parts += [data_record(content, TIMESTAMP) for content in contents]
        parts.append(event_record(text, TIMESTAMP))
    return b"".join(parts)


def _ciphertext(value: Text) -> Ciphertext:
    return Ciphertext(Point.from_hex(value["alpha"]), Point.from_hex(value["beta"]))
