"""Every parser, with valid inputs to start from and what is printed again when an input is accepted."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any, Protocol

from tests.ballot.fixture_records import fixture
from tests.ballot.small_election import ALL_KINDS, LEGAL, UUID, cast, credentials, election, key
from tests.crypto.ceremony_story import (
    all_commit,
    all_finish,
    all_reveal,
    commitments_of,
    deal_badly,
    hold_ceremony,
    received,
    share,
    sit_down,
    stream,
)
from tests.ledger.small_archive import archive_of as small_archive_of
from tests.ledger.small_archive import whole_election
from tests.vectors import VECTORS, load
from veche.ballot.acknowledgement import Acknowledgement, make_acknowledgement, parse_acknowledgement
from veche.ballot.credential import (
    PublicCredentials,
    generate_code,
    parse_code,
    parse_legacy_code,
    parse_public_credentials,
    wrong_groups,
)
from veche.ballot.election import parse_election
from veche.ballot.encrypted_ballot import counted_rows, read_ballot
from veche.ballot.manifest import level_line, parse_description, parse_manifest
from veche.ballot.prepared_ballot import parse_opened, prepare_ballot
from veche.ballot.result import Result, parse_result
from veche.ballot.share import PartialDecryption, TallyPlace, make_share, parse_delivery, parse_owned, parse_share
from veche.ballot.tally import add_weighted, nothing, parse_sized_tally, parse_tally, size_tally
from veche.ballot.trustees import SingleTrustee, Trustees, make_trustees, parse_trustees
from veche.crypto.canonical_json import Json, encode, parse, parse_canonical
from veche.crypto.ceremony import Committed, Finished, Place, Revealed, Sharing
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Cipher, Envelope, Seed
from veche.crypto.complaint import Complaint
from veche.crypto.drill import Drill
from veche.crypto.pedersen import Coefficients
from veche.crypto.reveal import Reveal
from veche.crypto.run_file import parse_run, run_ended_by_complaint
from veche.crypto.scalar import Secret
from veche.crypto.signed_note import Note, NoteSigner, parse_line, parse_note, parse_verifier_key
from veche.crypto.tool_steps import ToolInput, ToolOutput, ToolPolynomial, tool_inputs, tool_polynomial
from veche.ledger.archive import header_record, read_records, read_timestamp
from veche.ledger.chain_reader import item_records, read_chain
from veche.ledger.entry import parse_entry
from veche.ledger.event import parse_event
from veche.ledger.payload import parse_setup_data
from veche.ledger.record import entry_line, read_entries


@dataclass(frozen=True)
class Target:
    """A parser. `again` prints an accepted value; None where nothing is printed from it."""

    name: str
    valid: tuple[bytes, ...]
    read: Callable[[bytes], object]
    again: Callable[[Any], bytes] | None


class JsonValue(Protocol):
    """A type that is read from JSON and written to it."""

    @classmethod
    def from_json(cls, value: Json) -> Any: ...

    def to_json(self) -> dict[str, Json]: ...


def of_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser of texts: what comes from a file or a keyboard is decoded first, whatever it is."""
    return lambda data: read(data.decode("utf-8", "replace"))


def of_json(kind: type[JsonValue]) -> Callable[[bytes], object]:
    return lambda data: kind.from_json(parse_canonical(data))


def json_again(value: JsonValue) -> bytes:
    return encode(value.to_json())


@cache
def records() -> dict[str, Any]:
    """One of everything."""
    asked, random = election(ALL_KINDS), stream("fuzz")
    ballot = cast(asked, 0, LEGAL, "fuzz")
    tally = add_weighted([(2**31, counted_rows(ballot))], nothing(asked))
    anna = key("Anna")
    delivery = make_share(anna.secret, anna.public, 1, tally, TallyPlace(asked.fingerprint, "1" * 64, "2" * 64), random)
    return {
        "election": asked,
        "ballot": ballot,
        "opened": prepare_ballot(asked, key("voter 0").public, LEGAL, random).open().encode(),
        "tally": tally,
        "sized": size_tally(tally, 1, 2**31).encode(),
        "delivery": delivery,
        "result": Result(((2**31, 0), (0, 1, 2), (0, 0, 2**40))).encode(),
    }


@cache
def ceremony() -> dict[str, Any]:
    """One of everything that trustees hand round."""
    outcome, table = hold_ceremony(name="fuzz"), sit_down(name="fuzz table")
    committed = all_commit(table)
    revealed, sharing, random = all_reveal(table, committed), share(table, committed), stream("fuzz dealing")
    badly = share(table, deal_badly(table, all_commit(table), 2, 3))
    complaint = next(one for one in received(table, badly, 3) if isinstance(one, Complaint))
    ended = run_ended_by_complaint(table.terms, table.certificates, commitments_of(badly), badly[0].reveals, complaint)
    polynomials = [tool_polynomial(keys, place, random) for keys, place in zip(table.keys, table.places, strict=True)]
    return {
        "outcome": outcome,
        "table": table,
        "states": [table.places[0], committed[0], revealed[0], sharing[0], all_finish(table, sharing)[0]],
        "complaint": complaint,
        "ended": ended,
        "polynomial": polynomials[0],
        "input": tool_inputs(table.certificates, 2, polynomials)[0],
    }


def ballot_targets() -> list[Target]:
    made = records()
    asked, tally, delivery = made["election"], made["tally"], made["delivery"]
    singles = [SingleTrustee.make(key(n).secret, key(n).public, n, stream(n)) for n in ("Anna", "Boris")]
    trustees = make_trustees((singles[0], ceremony()["outcome"].group, singles[1]))
    manifest = load("spec/veche-record-vectors.json")["manifest"]["text"].encode()
    language = encode({**json.loads(asked.raw), "administrator": "A", "language": ["fr", "ltr"]})
    lists = (credentials().raw, credentials(4, (0, 1, 2, 10**15)).raw)
    return [
        Target("election", (asked.raw, language), parse_election, lambda value: bytes(value.raw)),
        Target("trustees", (trustees.raw, fixture("threshold").trustees.raw), parse_trustees, trustees_again),
        Target("public credentials", lists, parse_public_credentials, credentials_again),
        Target("ballot", (made["ballot"],), read_ballot, lambda value: encode(value.value)),
        Target("opened ballot", (made["opened"],), parse_opened, lambda value: bytes(value.encode())),
        Target("manifest", (manifest,), parse_manifest, lambda value: bytes(value.encode())),
        Target("description", (f"x\n{level_line('strict', '0' * 64)}".encode(),), of_text(parse_description), None),
        Target("tally", (tally.encode(),), lambda data: parse_tally(data, asked), lambda value: bytes(value.encode())),
        Target("sized tally", (made["sized"],), parse_sized_tally, lambda value: bytes(value.encode())),
        Target("owned text", (delivery.owned,), parse_owned, lambda value: bytes(value.encode())),
        Target("share", (delivery.share,), lambda data: parse_share(data, tally, 1), share_again),
        Target("result", (made["result"],), lambda data: parse_result(data, asked), lambda value: bytes(value.encode())),
        Target("delivery", (delivery.encode(UUID),), lambda data: parse_delivery(data, UUID), lambda value: value.encode(UUID)),
    ]


def code_targets() -> list[Target]:
    codes = tuple(generate_code(stream(f"code {n}")).encode() for n in range(2))

    def again(data: bytes) -> object:
        code = parse_code(data.decode("utf-8", "replace"))
        return code, wrong_groups(code)

    return [
        # What people type has many forms and becomes one: that one form is what is read again.
        Target("voter code", (*codes, b" a1b2c d3e4f5 g6h7j k8m9n2 "), again, None),
        Target("code in its one form", codes, of_text(lambda typed: idempotent(parse_code, typed)), None),
        Target("old voter code", (b"KyP-isu-Abf-T1E-mJj",), of_text(lambda typed: idempotent(parse_legacy_code, typed)), None),
    ]


def idempotent(read: Callable[[str], str], typed: str) -> str:
    code = read(typed)
    assert read(code) == code
    return code


def ceremony_targets() -> list[Target]:
    made = ceremony()
    outcome, table = made["outcome"], made["table"]
    messages = [made["states"][1].secrets[1].encode()]
    ccm = sit_down(cipher=Cipher.CCM, name="fuzz ccm")
    old = all_commit(ccm)[0].secrets[1].encode()
    revealed = made["states"][2]
    output = ToolOutput(made["states"][4].decryption_key, made["states"][4].verification_key)
    states: list[type[Any]] = [Place, Committed, Revealed, Sharing, Finished]
    return [
        Target("run file", (outcome.run.encode(), made["ended"].encode()), parse_run, lambda value: bytes(value.encode())),
        Target("complaint", (json_again(made["complaint"]),), of_json(Complaint), json_again),
        Target("reveal", (json_again(revealed.reveal),), of_json(Reveal), json_again),
        Target("envelope", (*messages, old), of_text(Envelope.parse), None),
        Target("exact envelope", tuple(messages), of_text(lambda line: Envelope.parse_exact(line, Cipher.GCM)), text_again),
        Target("certificate", (table.certificates[0].line().encode(),), of_text(Certificate.parse), line_again),
        Target("coefficients", (revealed.reveal.coefexps.encode(),), of_text(Coefficients.parse), line_again),
        Target("trustee's seed", (b"4suNMTpmrc7JZy6uBeas4j",), of_text(Seed.parse), None),
        Target("key file", (b"123456789",), of_text(Secret.from_decimal), None),
        Target("drill", (encode(drill_json()),), of_json(Drill), json_again),
        *(
            Target(f"state {kind.__name__}", (json_again(state),), of_json(kind), json_again)
            for kind, state in zip(states, made["states"], strict=True)
        ),
        Target("tool's polynomial", (json_again(made["polynomial"]),), of_json(ToolPolynomial), json_again),
        Target("tool's input", (json_again(made["input"]),), of_json(ToolInput), json_again),
        Target("tool's output", (json_again(output),), of_json(ToolOutput), json_again),
    ]


def drill_json() -> dict[str, Json]:
    drill = load("spec/veche-record-vectors.json")["drill"]["owners"][0]
    return {"factor": drill["factor"], "proof": drill["proof"]}


def note_targets() -> list[Target]:
    box = NoteSigner("vote.example/e/box", sha256(b"box").digest())
    hashes = ["1" * 64, "2" * 64, "3" * 64]
    spoken = Acknowledgement("vote.example/e", "A" * 43, hashes[0], hashes[1], 7, hashes[2], 1_793_000_000)
    note = make_acknowledgement(spoken, box)
    two = note + box.line("text\n").encode() + b"\n"
    line, vkey = box.line("text\n").encode(), box.verifier.text().encode()
    return [
        Target("signed note", (note, two), parse_note, note_again),
        Target("signature line", (line,), of_text(parse_line), None),
        Target("verifier key", (vkey,), of_text(parse_verifier_key), text_again),
        Target("private note key", (box.private_text().encode(),), of_text(NoteSigner.from_private_text), private_again),
        Target(
            "acknowledgement",
            (note,),
            lambda data: parse_acknowledgement(data, box.verifier),
            lambda value: make_acknowledgement(value, box),
        ),
    ]


def ledger_targets() -> list[Target]:
    annexes = tuple(one["text"].encode() for one in load("spec/veche-record-vectors.json")["annexes"]["texts"])
    small = small_archive_of(whole_election())
    events = tuple(item.event_text for item in read_chain(BytesIO(small)))
    setup = whole_election()[0][1][-1]
    lines = b"".join(entry_line(text) for text in (*annexes[:3], *events[:3]))
    real = (VECTORS / "fixtures/belenios/simple/SVwStQ2shhP8JK.bel").read_bytes()
    return [
        Target("event", events, parse_event, lambda value: bytes(value.text())),
        Target("annex", annexes, lambda data: parse_entry(data, None), lambda value: bytes(value.text())),
        Target("entry of one election", (*annexes, *events), lambda data: parse_entry(data, "4hVecheTestA11"), entry_again),
        Target("file of entries", (lines,), entries_read, lambda value: b"".join(entry_line(text) for text in value)),
        Target("setup data", (setup,), parse_setup_data, lambda value: bytes(value.text())),
        Target("archive", (small, small_archive_of(whole_election()[:3]), real), archive_read, bytes),
        Target("records", (small, real), lambda data: list(read_records(BytesIO(data))), None),
    ]


def json_targets() -> list[Target]:
    texts = (records()["ballot"], b'{"a":[1,"\\u0000",null,true,{"":-5}],"b":"\\ud83d\\ude00\xc3\xa9"}')
    return [
        Target("strict JSON", texts, parse, None),
        Target("canonical JSON", texts[:1], parse_canonical, encode),
    ]


def targets() -> list[Target]:
    """All of them."""
    return [*json_targets(), *ballot_targets(), *code_targets(), *ceremony_targets(), *note_targets(), *ledger_targets()]


def trustees_again(value: Trustees) -> bytes:
    listed: list[Json] = [["Single" if isinstance(one, SingleTrustee) else "Pedersen", one.to_json()] for one in value.items]
    return encode(listed)


def credentials_again(value: PublicCredentials) -> bytes:
    return encode([f"{one},{weight}" if value.weighted else one for one, weight in value.weights.items()])


def share_again(value: PartialDecryption) -> bytes:
    """The lists in the rows of the tally."""
    rows, factors, proofs = records()["tally"].rows, iter(value.factors), iter(value.proofs)
    factor_rows: list[Json] = [[next(factors).hex() for _ in row] for row in rows]
    proof_rows: list[Json] = [[next(proofs).to_json() for _ in row] for row in rows]
    return encode({"decryption_factors": factor_rows, "decryption_proofs": proof_rows})


def text_again(value: Any) -> bytes:
    return str(value.text()).encode()


def line_again(value: Any) -> bytes:
    return str(value.line()).encode()


def private_again(value: NoteSigner) -> bytes:
    return value.private_text().encode()


def note_again(value: Note) -> bytes:
    lines = [f"\u2014 {name} {b64encode(key_id + signature).decode()}\n" for name, key_id, signature in value.lines]
    return f"{value.text}\n{''.join(lines)}".encode()


def entry_again(value: Any) -> bytes:
    return bytes(value.text())


def entries_read(data: bytes) -> list[bytes]:
    return [text for _, text in read_entries(BytesIO(data))]


def archive_read(data: bytes) -> bytes:
    """Read and written again."""
    parts = [header_record(read_timestamp(BytesIO(data)))]
    timestamp = read_timestamp(BytesIO(data))
    for item in read_chain(BytesIO(data)):
        parts.append(item_records(item.event, [one.content for one in item.records], timestamp))
    return b"".join(parts)
