"""A whole record of an election in the folder form, told step by step, so that each step can be told wrongly.

The prover's side of `observer/onefile.py`, with its arithmetic, because that file itself proves nothing. Keys, ceremony
and trustees are those of `vectors/spec/veche-record-vectors.json`: test secrets, so Python's integers will do.
"""

from __future__ import annotations

import functools
import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from tests.vectors import load
from veche.observer import onefile
from veche.observer.onefile import IDENTITY, Ciphertext, G, Point, Q, combine, decode, dumps, encode, sha256_hex

VECTORS = load("spec/veche-record-vectors.json")
FINISHED = next(run for run in VECTORS["ceremony"]["runs"] if run["kind"] == "finished")
ENDED = [run for run in VECTORS["ceremony"]["runs"] if run["kind"] != "finished"]
REGISTRAR_PUBLIC, REGISTRAR_SECRET = crypto_sign_seed_keypair(
    bytes.fromhex(VECTORS["manifest"]["key_seeds"]["registrar"])
)
REGISTRAR_NAME = "vote.example/e/4hVecheTestA11/registrar"
TRUSTEES = FINISHED["trustees.json"].encode()
SECRETS = {number: int(secret) for number, secret in enumerate(FINISHED["decryption_keys"], 1)}
UUID = "4hVecheTestA11"
OPENS, CLOSES = 1793000000, 1793086400
TIMESTAMP = 1792999000

Json = dict[str, Any]


def number(*parts: object) -> int:
    """A secret that depends on nothing but its name."""
    return int(hashlib.sha512(repr(parts).encode()).hexdigest(), 16) % Q


CREDENTIAL_SECRETS = {encode(combine((number("voter", i), G))): number("voter", i) for i in range(4)}
CREDENTIALS = list(CREDENTIAL_SECRETS)


# --- proofs, from the prover's side -----------------------------------------------------------------------------------


def proof(challenge: int, response: int) -> Json:
    return {"challenge": str(challenge), "response": str(response % Q)}


def prove_knowledge(prefix: str, secret: int) -> Json:
    w = number("knowledge", prefix, secret)
    c = onefile.belenios_challenge(prefix, combine((w, G)))
    return proof(c, w - secret * c)


def prove_one_of(prefix: str, statements: Sequence[tuple[Ciphertext, int]], true: int, r: int, y: Point) -> list[Json]:
    """The proof that statement `true` holds, r being the randomness of its ciphertext."""
    w, total, proofs, commitments = number("one of", prefix, r), 0, [], []
    for place, (ct, m) in enumerate(statements):
        c, s = (0, w) if place == true else (number("c", prefix, place), number("s", prefix, place))
        beta = onefile.minus(ct.beta, combine((m, G)))
        commitments += [combine((s, G), (c, ct.alpha)), combine((s, y), (c, beta))]
        total += c
        proofs.append(proof(c, s))
    c = (onefile.belenios_challenge(prefix, *commitments) - total) % Q
    proofs[true] = proof(c, w - r * c)
    return proofs


def sign(secret: int, message: bytes) -> Json:
    public, w = encode(combine((secret, G))), number("sign", secret, message)
    commitment = onefile.encode_bytes(combine((w, G)))
    c = onefile.record_challenge("veche/v1/signature", onefile.point_bytes(public), commitment, message)
    return proof(c, w + c * secret)


def prove_equality(context: bytes, secret: int, bases: Sequence[str]) -> tuple[list[str], Json]:
    """The factors secret·base, and the proof that all have this one secret."""
    public = encode(combine((secret, G)))
    factors = [encode(combine((secret, decode(base, True)))) for base in bases]
    items = [onefile.point_bytes(text) for pair in zip(bases, factors, strict=True) for text in pair]
    head = onefile.transcript("veche/v1/equality-seed", context, onefile.point_bytes(public), len(bases), *items)
    seed = hashlib.sha512(head).digest()
    base = factor = IDENTITY
    for k, (a, f) in enumerate(zip(bases, factors, strict=True), 1):
        digest = hashlib.sha512(onefile.transcript("veche/v1/equality-weight", seed, k)).digest()
        weight = int.from_bytes(digest[:16], "little")
        base = onefile.add(base, combine((weight, decode(a, True))))
        factor = onefile.add(factor, combine((weight, decode(f, True))))
    w = number("equality", context, secret)
    points = [onefile.encode_bytes(point) for point in (base, factor, combine((w, G)), combine((w, base)))]
    c = onefile.record_challenge("veche/v1/equality", seed, *points)
    return factors, proof(c, w + c * secret)


# --- ballots and shares -----------------------------------------------------------------------------------------------


def encrypt(m: int, r: int, y: Point) -> Ciphertext:
    alpha, beta = combine((r, G)), onefile.add(combine((m, G)), combine((r, y)))
    return Ciphertext(alpha, beta, f"{encode(alpha)},{encode(beta)}")


def make_answer(question: Json, votes: Sequence[int], context: str, y: Point, seed: int) -> Json:
    """An answer; where the question has a blank vote, `votes` begins with it."""
    blank = int(question.get("blank", False))
    rs = [number("r", seed, context, question["question"], place) for place in range(len(votes))]
    cts = [encrypt(m, r, y) for m, r in zip(votes, rs, strict=True)]
    whole = f"{context}|{','.join(ct.text for ct in cts)}"
    total, r_total = onefile.ciphertext_sum(cts[blank:]), sum(rs[blank:]) % Q
    sums = [(total, m) for m in range(question["min"], question["max"] + 1)]
    individual = [
        prove_one_of(f"prove|{context}|{ct.text}|", [(ct, 0), (ct, 1)], m, r, y)
        for ct, m, r in zip(cts, votes, rs, strict=True)
    ]
    answer: Json = {
        "choices": [dict(zip(("alpha", "beta"), ct.text.split(","), strict=True)) for ct in cts],
        "individual_proofs": individual,
    }
    place = sum(votes[blank:]) - question["min"]
    if not blank:
        return answer | {"overall_proof": prove_one_of(f"prove|{whole}|{total.text}|", sums, place, r_total, y)}
    is_blank = votes[0] == 1
    overall = [(cts[0], 1), *sums]
    true, r = (0, rs[0]) if is_blank else (1 + place, r_total)
    answer["overall_proof"] = prove_one_of(f"bproof1|{whole}|", overall, true, r, y)
    statements = [(cts[0], 0), (total, 0)]
    true, r = (1, r_total) if is_blank else (0, rs[0])
    return answer | {"blank_proof": prove_one_of(f"bproof0|{whole}|", statements, true, r, y)}


def sign_ballot(ballot: Json, secret: int) -> bytes:
    """The ballot's text, signed with the secret of its credential."""
    unsigned = {name: part for name, part in ballot.items() if name != "signature"}
    digest = onefile.sha256_base64(dumps(unsigned))
    return dumps(unsigned | {"signature": {"hash": digest, "proof": prove_knowledge(f"sig|{digest}|", secret)}})


@functools.cache
def make_ballot(election: bytes, voter: int, votes: tuple[tuple[int, ...], ...], seed: int = 0) -> bytes:
    """A good ballot of one voter. The seed gives other randomness."""
    value = onefile.parse_json(election)
    credential, y = CREDENTIALS[voter], onefile.remember(decode(value["public_key"]))
    fingerprint = onefile.sha256_base64(election)
    context = f"{fingerprint}|{credential}"
    questions = zip(value["questions"], votes, strict=True)
    ballot = {
        "election_uuid": value["uuid"],
        "election_hash": fingerprint,
        "credential": credential,
        "answers": [make_answer(question, vote, context, y, seed) for question, vote in questions],
    }
    return sign_ballot(ballot, CREDENTIAL_SECRETS[credential])


def make_share(election: bytes, tally: list[list[Json]], secret: int) -> bytes:
    public = encode(combine((secret, G)))
    prefix = f"decrypt|{onefile.sha256_base64(election)}|{public}|"
    factors: list[list[str]] = []
    proofs: list[list[Json]] = []
    for row in tally:
        factors.append([encode(combine((secret, decode(ct["alpha"], True)))) for ct in row])
        proofs.append([])
        for ct in row:
            w = number("share", prefix, ct["alpha"])
            c = onefile.belenios_challenge(prefix, combine((w, G)), combine((w, decode(ct["alpha"], True))))
            proofs[-1].append(proof(c, w - secret * c))
    return dumps({"decryption_factors": factors, "decryption_proofs": proofs})


# --- the archive ------------------------------------------------------------------------------------------------------


def record(name: str, content: bytes, timestamp: int = TIMESTAMP) -> bytes:
    return onefile.record_header(name, len(content), timestamp) + content + bytes(-len(content) % 512)


def event_text(events: Sequence[tuple[bytes, Sequence[bytes]]], kind: str, data: Sequence[bytes]) -> bytes:
    parent = {"parent": sha256_hex(events[-1][0])} if events else {}
    payload = {"payload": sha256_hex(data[-1])} if data else {}
    return dumps({**parent, "height": len(events), "type": kind, **payload})


def archive(events: Sequence[tuple[bytes, Sequence[bytes]]], timestamp: int = TIMESTAMP) -> bytes:
    """The archive of these events, each with its data records."""
    parts = [record("BELENIOS", dumps({"version": 1, "timestamp": str(timestamp)}), timestamp)]
    for text, data in events:
        parts += [record(f"{sha256_hex(one)}.data.json", one, timestamp) for one in data]
        parts.append(record(f"{sha256_hex(text)}.event.json", text, timestamp))
    return b"".join(parts)


# --- the whole record -------------------------------------------------------------------------------------------------

VOTES: list[tuple[int, tuple[tuple[int, ...], ...]]] = [
    (0, ((1, 0, 1), (1,))),
    (1, ((0, 0, 1), (0,))),
    (0, ((0, 1, 1), (1,))),
    (2, ((0, 0, 0), (1,))),
]
RESULT = [[0, 1, 2], [2]]


def read_ballot(event: tuple[bytes, list[bytes]]) -> onefile.Ballot | None:
    """The ciphertexts of a Ballot event, unchecked; None for another event."""
    if b'"Ballot"' not in event[0]:
        return None
    ballot = onefile.parse_json(event[1][0])
    answers = [
        [Ciphertext(decode(ct["alpha"]), decode(ct["beta"]), "") for ct in answer["choices"]]
        for answer in ballot["answers"]
    ]
    return onefile.Ballot(ballot["credential"], answers, 0)


@dataclass
class Story:
    """What is told. `fields` changes fields of annexes, `manifest` those of the manifest, `skip` leaves steps out.

    `texts` changes data on its way into the record: "trustees", "credentials", "tally", "sized", "result", "ballot 1",
    "share 1", "owned 1", "run", "issued 1" and so on. `extra` inserts annexes before the step of that name.
    """

    manifest: Json = field(default_factory=dict)
    fields: dict[str, Json] = field(default_factory=dict)
    texts: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    skip: set[str] = field(default_factory=set)
    extra: dict[str, list[tuple[str, Json]]] = field(default_factory=dict)
    until: str = ""
    weights: list[int] | None = None
    shares: tuple[int, ...] = (1, 3)
    refused: tuple[str, ...] = ()
    events: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    manifest_text: bytes = b""
    election: bytes = b""
    over: bool = False

    def text(self, name: str, good: bytes) -> bytes:
        return self.texts[name](good) if name in self.texts else good

    def keep(self, name: str, good: bytes) -> str:
        """Store data; give its hash."""
        content = self.text(name, good)
        self.data[sha256_hex(content)] = content
        return sha256_hex(content)

    def step(self, name: str) -> bool:
        """Whether this step is told; the extra annexes that come before it."""
        self.over = self.over or name == self.until
        for kind, given in [] if self.over else self.extra.get(name, []):
            self.entries.append(dumps({"annex": kind, "election": UUID, **given}))
        return not self.over and name not in self.skip

    def annex(self, kind: str, name: str = "", **given: Any) -> None:
        if self.step(name or kind):
            given.update(self.fields.get(name or kind, {}))
            self.entries.append(dumps({"annex": kind, "election": UUID, **given}))

    def event(self, kind: str, *data: bytes, name: str = "") -> None:
        if self.step(name or kind):
            text = event_text(self.events, kind, data)
            self.events.append((text, list(data)))
            self.entries.append(text)

    @property
    def level(self) -> str:
        return str(self.manifest.get("level", "strict"))

    def tell(self) -> Story:
        """The whole story, from the manifest to the certified result."""
        self._begin()
        self._vote()
        if self.manifest.get("withhold"):
            self.annex("withheld", ballots=3, minimum=2)
        else:
            self._count()
        return self

    def _begin(self) -> None:
        manifest = onefile.parse_json(VECTORS["manifest"]["text"].encode())
        changes = {name: value for name, value in self.manifest.items() if name != "withhold"}
        manifest |= {"minimum_ballots": 2} | changes
        self.manifest_text = self.text("manifest", dumps({n: part for n, part in manifest.items() if part is not None}))
        for option in VECTORS["manifest"]["option_texts"]:
            self.keep("option", option["text"].encode())
        self.annex("manifest", manifest=sha256_hex(self.manifest_text))
        self.annex("software", version="1.0.0", assets=self.keep("assets", b""))
        if self.step("dkg"):
            for run in ENDED:
                self.keep(run["kind"], run["file"].encode())
            self.annex("dkg", ceremony=self.keep("run", FINISHED["file"].encode()))
        trustees = self.text("trustees", TRUSTEES)
        hashes = hashlib.sha256(self.manifest_text).digest(), hashlib.sha256(trustees).digest()
        for owner, secret in SECRETS.items():
            if self.step(f"drill {owner}"):
                base = onefile.drill_base(UUID, *hashes, owner)
                context = onefile.transcript("veche/v1/drill-proof", UUID, *hashes, owner)
                (factor,), good = prove_equality(context, secret, [base])
                self.annex("drill", f"drill {owner}", owner=owner, factor=factor, proof=good)
        if self.until == "Setup" and "dkg" not in self.skip:
            self.keep("trustees", TRUSTEES)  # later it is a record of the archive
        line = f"veche:1 level={self.level} manifest=sha256:{sha256_hex(self.manifest_text)}"
        election = onefile.parse_json(VECTORS["strong_decryption"]["election"].encode())
        self.election = self.text("election", dumps(election | {"description": f"Choose up to two.\n{line}"}))
        listed = [f"{c},{w}" for c, w in zip(CREDENTIALS, self.weights, strict=True)] if self.weights else CREDENTIALS
        data = [self.election, trustees, self.text("credentials", dumps(listed))]
        names = ("election", "trustees", "credentials")
        setup = dumps({name: sha256_hex(one) for name, one in zip(names, data, strict=True)})
        self.event("Setup", *data, self.text("setup", setup))

    def issue(self, name: str, total: int, credentials: Sequence[str]) -> None:
        if self.step(name):
            digest = self.keep(name, dumps(list(credentials)))
            given = {"total": total, "credentials": digest} | self.fields.get(name, {})
            text = dumps({"annex": "issued", "election": UUID, **given}) + b"\n"
            key_id = hashlib.sha256(REGISTRAR_NAME.encode() + b"\n\x01" + REGISTRAR_PUBLIC).digest()[:4]
            line = b64encode(key_id + crypto_sign(text, REGISTRAR_SECRET)[:64]).decode()
            signature = {"signature": f"— {REGISTRAR_NAME} {line}"} | self.fields.get(f"{name} line", {})
            self.entries.append(dumps({"annex": "issued", "election": UUID, **given, **signature}))

    def _vote(self) -> None:
        self.issue("issued 1", 2, CREDENTIALS[:2])
        self.annex("opened", time=OPENS)
        for place, (voter, votes) in enumerate(VOTES, 1):
            if self.step(f"ballot {place}"):
                good = make_ballot(self.election, voter, votes, place)
                self.event("Ballot", self.text(f"ballot {place}", good), name=f"ballot {place}")
        self.event("EndBallots")
        self.annex("closed", time=CLOSES, ballots=3)
        self.issue("issued 2", 4, CREDENTIALS[2:])

    def _count(self) -> None:
        if not self.step("EncryptedTally"):
            return
        election = onefile.check_setup(self.events[0][1], onefile.Report().counts)
        last = {ballot.credential: ballot for ballot in map(read_ballot, self.events[1:]) if ballot is not None}
        tally = onefile.encrypted_tally(election, last.values())
        weight = sum(election.credentials[credential][1] for credential in last)
        text = self.text("tally", dumps(tally))
        sized = {"num_tallied": len(last), "total_weight": weight, "encrypted_tally": sha256_hex(text)}
        self.event("EncryptedTally", text, self.text("sized", dumps(sized)))
        alphas = [ct["alpha"] for row in tally for ct in row]
        for reason in self.refused:
            self._refuse(reason, tally, alphas)
        for owner in self.shares:
            share = self.text(f"share {owner}", make_share(self.election, tally, SECRETS[owner]))
            owned = self.text(f"owned {owner}", dumps({"owner": owner, "payload": sha256_hex(share)}))
            self.event("PartialDecryption", share, owned, name=f"share {owner}")
            context = onefile.share_context(*self._hashes(), owner, sha256_hex(owned))
            good = prove_equality(context, SECRETS[owner], alphas)[1]
            self.annex("decryption-proof", f"proof {owner}", owner=owner, payload=sha256_hex(owned), proof=good)
        if self.over:
            return
        result = self.text("result", dumps({"result": RESULT}))
        self.event("Result", result)
        digest = sha256_hex(result)
        self.annex("published", time=CLOSES + 100, result=digest, audit=self.keep("audit", b"{}"))
        self.annex("certified", time=CLOSES + 100 + 3 * 86400, result=digest, complaints=0)

    def _hashes(self) -> tuple[str, str]:
        tally = next(text for text, _ in self.events if b'"EncryptedTally"' in text)
        return sha256_hex(self.events[0][0]), sha256_hex(tally)

    def _refuse(self, reason: str, tally: list[list[Json]], alphas: list[str]) -> None:
        """Trustee 2 delivered a share, signed, which is refused for this reason (rightly, or `REASON!`: it is good)."""
        good = reason.endswith("!")
        share = make_share(self.election, tally, SECRETS[2])
        if not good and reason == "malformed":
            share += b"\n"
        elif not good and reason == "belenios-proof":
            share = make_share(self.election, [row[::-1] for row in tally], SECRETS[2])
        owned = dumps({"owner": 2, "payload": self.keep("refused share", share)})
        payload = self.keep("refused owned", owned)
        _, strong = prove_equality(onefile.share_context(*self._hashes(), 2, payload), SECRETS[2], alphas)
        if not good and reason == "strong-proof":
            strong["response"] = "5"
        delivered = onefile.delivery_message(*self._hashes(), 2, payload, strong)
        signature = sign(SECRETS[2], delivered)
        word = reason.rstrip("!")
        self.annex("share-refused", owner=2, payload=payload, proof=strong, signature=signature, reason=word)

    def write(self, folder: Path) -> Path:
        """The folder form of the record."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{UUID}.bel").write_bytes(archive(self.events))
        (folder / "manifest.json").write_bytes(self.manifest_text)
        (folder / "entries.jsonl").write_bytes(b"".join(entry + b"\n" for entry in self.entries))
        for digest, content in self.data.items():
            path = folder / "data" / digest[:2] / digest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder
