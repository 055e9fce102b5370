"""Frauds in the whole record of an election, each with the code that must name it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.observer import onefile_cases as cases
from tests.observer.onefile_cases import CLOSES, CREDENTIALS, OPENS, UUID, Story
from tests.observer.onefile_runs import RECORD, Json
from veche.observer import onefile
from veche.observer.onefile import dumps, sha256_hex


def belenios(**more: Any) -> Story:
    return Story(manifest={"level": "belenios"}, **more)


def changed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit that must change something."""

    def change(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return change


def with_json(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda text: dumps(change(json.loads(text)))


def ballot(change: Callable[[Json], Json], sign: bool = True) -> Callable[[bytes], bytes]:
    """Change a ballot; its credential's owner signs it again."""

    def edit(text: bytes) -> bytes:
        value = change(json.loads(text))
        credential = value["credential"]
        return cases.sign_ballot(value, cases.CREDENTIAL_SECRETS[credential]) if sign else dumps(value)

    return edit


def put(value: Any, path: str, new: Any) -> Any:
    """`value`, in which the place `a/0/b` holds `new`."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place = value
    for part in way:
        place = place[part]
    place[last] = new(place[last]) if callable(new) else new
    return value


def flip(text: str) -> str:
    """Another scalar of the same length."""
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def texts(**edits: Callable[[bytes], bytes]) -> dict[str, Callable[[bytes], bytes]]:
    return {name.replace("_", " "): edit for name, edit in edits.items()}


def trustee(path: str, new: Any) -> Story:
    """trustees.json changed where no ceremony and no drill fixes it; strings inside strings are opened with `!`."""
    return belenios(
        texts=texts(trustees=with_json(lambda value: put(value, path, new))),
        skip={"dkg", "drill 1", "drill 2", "drill 3"},
        until="opened",
    )


def inner(name: str, change: Callable[[Json], Json]) -> Callable[[str], str]:
    """Change the JSON text that a string holds; `name` only says what."""
    return lambda text: dumps(change(json.loads(text))).decode()


def setup_with(**edits: Callable[[bytes], bytes]) -> Story:
    return Story(texts=texts(**edits), until="opened")


def without(value: Json, *names: str) -> Json:
    return {name: part for name, part in value.items() if name not in names}


def ended_run(kind: str, change: Callable[[Json], Json], last: bool = False) -> Story:
    """The record of an election whose run before the last one (or the last one itself) is this run, changed."""
    ended = next(run_ for run_ in cases.ENDED if run_["kind"] == kind)
    text = dumps(change(json.loads(ended["file"])))
    if last:
        return Story(texts=dict.fromkeys(("run", "bad-share", "false-complaint"), lambda _: text))
    finished = with_json(lambda run_: put(run_, "previous", sha256_hex(text)))
    return Story(texts={kind: lambda _: text, "run": finished, "false-complaint": lambda _: text})


def replayed() -> Story:
    """Ballot 3 is ballot 1 again."""
    told: list[bytes] = []

    def keep(text: bytes) -> bytes:
        told.append(text)
        return text

    return Story(texts={"ballot 1": keep, "ballot 3": lambda _: told[-1]})


def uncounted(text: bytes) -> bytes:
    """A tally of which the second ciphertext stands in the place of the first."""
    tally = json.loads(text)
    tally[0][0] = tally[0][1]
    return dumps(tally)


KEY = "0/1/verification_keys/0/public_key"
OTHER = CREDENTIALS[0]
Q_TEXT = str(onefile.Q)
G_TEXT = onefile.encode(onefile.G)

# Each fraud changes one thing, and everything that an attacker could recompute is recomputed.
FRAUDS: dict[str, tuple[Callable[[], Story], str]] = {
    # 9.2
    "annex with a space": (lambda: Story(fields={"software": {"version": 7}}), "entry-malformed"),
    "unknown reason for refusing": (lambda: Story(refused=("dislike",)), "entry-malformed"),
    "annex of another election": (lambda: Story(fields={"opened": {"election": UUID + "2"}}), "entry-election"),
    "no software": (lambda: Story(skip={"software"}), "entry-order"),
    "a drill is missing": (lambda: Story(skip={"drill 2"}), "entry-order"),
    "no strong proof": (lambda: Story(skip={"proof 1"}), "entry-order"),
    "no last list": (lambda: Story(skip={"issued 2"}), "entry-order"),
    "too few shares": (lambda: Story(shares=(1,)), "entry-order"),
    "time goes back": (lambda: Story(fields={"certified": {"time": CLOSES}}), "entry-time"),
    "extended too far": (
        lambda: Story(
            extra={"EndBallots": [("extended", {"time": OPENS + 9, "closes_at": CLOSES + 9999, "reason": "x"})]}
        ),
        "entry-time",
    ),
    "extended without a rule": (
        lambda: Story(
            manifest={"extension": None},
            extra={"EndBallots": [("extended", {"time": OPENS + 9, "closes_at": CLOSES + 9, "reason": "x"})]},
        ),
        "entry-time",
    ),
    "extended after the end": (
        lambda: Story(
            extra={"EndBallots": [("extended", {"time": CLOSES, "closes_at": CLOSES + 9, "reason": "x"})]},
        ),
        "entry-time",
    ),
    # 9.3
    "setup names another": (lambda: setup_with(setup=changed(b'"trustees":"', b'"trustees":"0')), "setup-data"),
    "unknown field": (lambda: setup_with(election=changed(b'"name":', b'"names":')), "election-malformed"),
    "election key off the curve": (
        lambda: setup_with(election=with_json(lambda e: put(e, "public_key", "0" * 63 + "2"))),
        "election-malformed",
    ),
    "election key the identity": (
        lambda: setup_with(election=with_json(lambda e: put(e, "public_key", onefile.IDENTITY_TEXT))),
        "election-malformed",
    ),
    "version 2": (lambda: setup_with(election=changed(b'"version":1', b'"version":2')), "unsupported-version"),
    "other group": (lambda: setup_with(election=changed(b'"Ed25519"', b'"ed25519"')), "unsupported-group"),
    "limits": (lambda: setup_with(election=changed(b'"min":0,"max":2', b'"min":2,"max":1')), "question-limits"),
    "more than all": (lambda: setup_with(election=changed(b'"max":2', b'"max":4')), "question-limits"),
    "no credentials": (lambda: setup_with(credentials=lambda _: b"[]"), "credentials-malformed"),
    "some have weights": (
        lambda: setup_with(credentials=with_json(lambda list_: [list_[0] + ",1", *list_[1:]])),
        "credentials-malformed",
    ),
    "weight with a zero": (
        lambda: setup_with(credentials=with_json(lambda list_: [one + ",01" for one in list_])),
        "credentials-malformed",
    ),
    "credential in capitals": (lambda: setup_with(credentials=lambda text: text.upper()), "credential-invalid"),
    "credential is the identity": (
        lambda: setup_with(credentials=with_json(lambda list_: [*list_[:3], onefile.IDENTITY_TEXT])),
        "credential-invalid",
    ),
    "a clash": (lambda: setup_with(credentials=with_json(lambda list_: [*list_, list_[0]])), "duplicate-credential"),
    "trustees with a space": (lambda: trustee("0/0", "Pederson"), "trustees-malformed"),
    "a mixture of forms": (
        lambda: trustee("0/1", lambda group: {n: part for n, part in group.items() if n != "signatures"}),
        "trustees-malformed",
    ),
    "scalar plus q": (
        lambda: trustee("0/1/verification_keys/0/pok/response", lambda s: str(int(s) + onefile.Q)),
        "trustees-malformed",
    ),
    "threshold 0": (lambda: trustee("0/1/threshold", 0), "threshold-limits"),
    "threshold more than dealt": (lambda: trustee("0/1/threshold", 3), "threshold-limits"),
    "a signature less": (lambda: trustee("0/1/signatures", lambda list_: list_[1:]), "threshold-limits"),
    "key of small order": (lambda: trustee(KEY, "7" + "f" * 61 + "ec"), "trustee-key"),
    "key is the identity": (lambda: trustee(KEY, onefile.IDENTITY_TEXT), "trustee-key"),
    "another key": (lambda: trustee(KEY, OTHER), "trustee-pok"),
    "proof of possession": (lambda: trustee("0/1/verification_keys/1/pok/challenge", flip), "trustee-pok"),
    "certificate for another place": (
        lambda: trustee("0/1/certs/0/message", inner("index", lambda m: put(m, "context/index", 2))),
        "certificate-context",
    ),
    "certificates exchanged": (lambda: trustee("0/1/certs", lambda certs: [certs[1], certs[0], certs[2]]), "certificate-context"),
    "certificate signature": (lambda: trustee("0/1/certs/2/signature/response", flip), "certificate-signature"),
    "coefficient": (
        lambda: trustee("0/1/coefexps/0/message", inner("a", lambda m: put(m, "coefexps/1", G_TEXT))),
        "coefficients-signature",
    ),
    "signatures exchanged": (lambda: trustee("0/1/signatures", lambda list_: [list_[1], list_[0], list_[2]]), "group-signature"),
    "keys exchanged": (lambda: trustee("0/1/verification_keys", lambda keys: [keys[1], keys[0], keys[2]]), "verification-key"),
    "key signature": (lambda: trustee("0/1/verification_keys/0/signature/challenge", flip), "key-signature"),
    "election key of nobody": (lambda: setup_with(election=with_json(lambda e: put(e, "public_key", OTHER))), "election-key"),
    # 9.4
    "line names another manifest": (lambda: setup_with(election=changed(b"sha256:", b"sha256:0")), "manifest-line"),
    "unknown field in the manifest": (lambda: Story(manifest={"zone": "Mars !"}), "manifest-malformed"),
    "a project twice": (
        lambda: Story(texts=texts(manifest=changed(b'"project":"p-102"', b'"project":"p-101"'))),
        "manifest-malformed",
    ),
    "appeal days": (lambda: Story(manifest={"appeal_days": -1}), "manifest-times"),
    "closes after the limit": (lambda: Story(manifest={"extension": {"until": CLOSES - 1}}), "manifest-times"),
    "no registrar": (lambda: Story(manifest={"registrar": None}), "manifest-keys"),
    "two lines": (lambda: setup_with(election=changed(b"Choose up", b"veche:1\\nChoose up")), "manifest-line"),
    "levels differ": (lambda: setup_with(election=changed(b"level=strict", b"level=belenios")), "manifest-level"),
    "manifest of another": (lambda: setup_with(election=changed(UUID.encode(), UUID.encode() + b"2")), "manifest-election"),
    "another title": (lambda: Story(texts=texts(manifest=changed("Сквер".encode(), "Парк".encode()))), "manifest-options"),
    # 9.5
    "run with a field more": (lambda: Story(texts=texts(run=changed(b'"veche":', b'"v":1,"veche":'))), "ceremony-malformed"),
    "run of one of one": (lambda: Story(texts=texts(run=changed(b'"threshold":2', b'"threshold":3'))), "ceremony-certificates"),
    "another lot": (lambda: Story(texts=texts(run=with_json(lambda r: put(r, "reveals/0/lot", "0" * 64)))), "ceremony-commitment"),
    "another secret": (
        lambda: Story(texts=texts(run=with_json(lambda r: put(r, "reveals/0/secrets/1", "0" * 64)))),
        "ceremony-reveal",
    ),
    "somebody else is named": (lambda: ended_run("bad-share", lambda run: put(run, "named", [3])), "ceremony-judgement"),
    "a void complaint": (
        lambda: ended_run("bad-share", lambda run: put(run, "complaint/proof/response", "5")),
        "ceremony-judgement",
    ),
    "named for a good reveal": (
        lambda: ended_run("bad-share", lambda run: without(run, "complaint") | {"code": "wrong-reveal"}),
        "ceremony-commitment",
    ),
    "the last run ended": (lambda: ended_run("bad-share", lambda run: run, last=True), "ceremony-trustees"),
    "drill of another owner": (lambda: Story(fields={"drill 1": {"factor": G_TEXT}}), "drill-proof"),
    # 9.6
    "ballot with a space": (lambda: Story(texts=texts(ballot_1=changed(b'","', b'", "'))), "ballot-malformed"),
    "too long": (lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "election_uuid", "x" * 65_536)))), "ballot-malformed"),
    "another election": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "election_uuid", UUID + "2")))),
        "wrong-election",
    ),
    "unlisted credential": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "credential", G_TEXT), sign=False))),
        "unknown-credential",
    ),
    "an answer less": (lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers", b["answers"][:1])))), "ballot-shape"),
    "a blank proof": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0", lambda a: a | {"blank_proof": []})))),
        "ballot-shape",
    ),
    "r plus q": (
        lambda: Story(
            texts=texts(
                ballot_1=ballot(
                    lambda b: put(b, "answers/0/overall_proof/0/response", lambda s: str(int(s) + onefile.Q))
                )
            )
        ),
        "ballot-scalar",
    ),
    "hash of another": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "signature/hash", "A" * 43), sign=False))),
        "ballot-hash",
    ),
    "signature": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "signature/proof/response", flip), sign=False))),
        "invalid-signature",
    ),
    "alpha is the identity": (
        lambda: Story(
            texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0/choices/0/alpha", onefile.IDENTITY_TEXT)))
        ),
        "ballot-point",
    ),
    "another alpha": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/1/choices/0/alpha", G_TEXT)))),
        "individual-proof",
    ),
    "too many": (
        lambda: Story(texts=texts(ballot_1=ballot(lambda b: put(b, "answers/0/overall_proof/0/challenge", flip)))),
        "overall-proof",
    ),
    "a replay": (lambda: replayed(), "duplicate-ballot"),
    # 9.7
    "line of nobody": (
        lambda: Story(fields={"issued 1 line": {"signature": RECORD["annexes"]["issued"]["line"]}}),
        "issued-signature",
    ),
    "handed to a stranger": (lambda: Story(texts=texts(issued_1=lambda _: dumps([G_TEXT, CREDENTIALS[0]]))), "issued-credentials"),
    "not in the order of Setup": (lambda: Story(texts=texts(issued_1=lambda _: dumps(CREDENTIALS[1::-1]))), "issued-credentials"),
    "handed out twice": (
        lambda: Story(texts=texts(issued_2=lambda _: dumps(CREDENTIALS[1:3])), fields={"issued 2": {"total": 4}}),
        "issued-credentials",
    ),
    "wrong total": (lambda: Story(fields={"issued 2": {"total": 5}}), "issued-total"),
    "more than the electorate": (lambda: Story(manifest={"electorate": 3}), "issued-electorate"),
    "voted without being handed": (
        lambda: Story(texts=texts(issued_2=lambda _: dumps(CREDENTIALS[3:])), fields={"issued 2": {"total": 3}}),
        "not-issued",
    ),
    "opened early": (lambda: Story(fields={"opened": {"time": OPENS - 1}}), "opened-time"),
    "opened late": (lambda: Story(fields={"opened": {"time": OPENS + 61}}), "opened-time"),
    "closed early": (lambda: Story(fields={"closed": {"time": CLOSES - 1}}), "closed-time"),
    "closed late": (lambda: Story(fields={"closed": {"time": CLOSES + 61}}), "closed-time"),
    "wrong number of voters": (lambda: Story(fields={"closed": {"ballots": 4}}), "closed-ballots"),
    "opened though too few": (lambda: Story(manifest={"minimum_ballots": 4}), "withheld"),
    "withheld though enough": (lambda: Story(manifest={"withhold": True}), "withheld"),
    # 9.8
    "a ballot not counted": (lambda: Story(texts=texts(tally=uncounted)), "encrypted-tally"),
    "one more counted": (lambda: Story(texts=texts(sized=changed(b'"num_tallied":3', b'"num_tallied":4'))), "sized-tally"),
    # 9.9
    "share with a space": (lambda: Story(texts=texts(share_1=lambda text: text + b" ")), "share-malformed"),
    "share of another form": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors", [[]])))),
        "share-malformed",
    ),
    "share of trustee 9": (
        lambda: belenios(
            texts=texts(owned_1=with_json(lambda o: put(o, "owner", 9))), shares=(1, 2, 3), skip={"proof 1"}
        ),
        "share-owner",
    ),
    "factor off the curve": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", "0" * 63 + "2")))),
        "share-factor",
    ),
    "factor is the identity": (
        lambda: Story(
            texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", onefile.IDENTITY_TEXT)))
        ),
        "share-factor",
    ),
    "another factor": (
        lambda: Story(texts=texts(share_1=with_json(lambda s: put(s, "decryption_factors/0/0", G_TEXT)))),
        "decryption-proof",
    ),
    "strong proof": (lambda: Story(fields={"proof 1": {"proof": {"challenge": "1", "response": "1"}}}), "strong-proof"),
    "strong proof at level belenios": (
        lambda: belenios(fields={"proof 1": {"proof": {"challenge": "1", "response": "1"}}}),
        "strong-proof",
    ),
    "a good share refused": (lambda: Story(refused=("belenios-proof!",)), "share-refused"),
    "a good strong proof refused": (lambda: Story(refused=("strong-proof!",)), "share-refused"),
    "refused without signature": (
        lambda: Story(
            refused=("malformed",), fields={"share-refused": {"signature": {"challenge": "1", "response": "1"}}}
        ),
        "share-refused",
    ),
    # 9.10
    "result with a row more": (lambda: Story(texts=texts(result=changed(b"[2]", b"[2,0]"))), "result-malformed"),
    "more votes than weight": (lambda: Story(texts=texts(result=changed(b"[2]", b"[4]"))), "result-range"),
    "less than none": (lambda: Story(texts=texts(result=changed(b"[2]", b"[-1]"))), "result-malformed"),
    "another count": (lambda: Story(texts=texts(result=changed(b"[2]", b"[3]"))), "result"),
    "another result is published": (lambda: Story(fields={"published": {"result": sha256_hex(b"{}")}}), "published-result"),
    "certified too early": (lambda: Story(fields={"certified": {"time": CLOSES + 101}}), "appeal-days"),
}
