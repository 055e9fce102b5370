"""A second verifier of a Veche or Belenios election, in one file, with nothing but Python 3.11.

Length: one file on purpose: a sceptic can read the whole verifier in an evening and run it without installing anything.

    python observer/onefile.py SOURCE [--against OLDER] [--level strict] [--json]
    python observer/onefile.py SOURCE --ballot FILE...

SOURCE is an archive `UUID.bel`, a folder with the whole public record (`UUID.bel`, `manifest.json`, `entries.jsonl`,
`data/aa/SHA256`, and where there is a log `checkpoint` and `tile/`), or, for --ballot, a folder with `election.json`,
`trustees.json` and `public_creds.json`. A record on a server is checked as a folder, too: `veche export` or a mirror makes it.
Exit code: 0 all checks hold, 1 refuted, 2 could not be checked, 64 wrong usage, 70 a fault of this program.

What is checked. Nobody is believed: from the published bytes alone everything is computed again.
    9.1  archive     every record has the SHA-256 it is named by, and each event names the one before it
    9.2  entries     what was announced, opened, closed and published, in an order that is allowed
    9.3  Setup       the questions, the list of credentials, and that the election key is made of the trustees' keys
    9.4  manifest    the announcement fixed beforehand, and that it belongs to this election
    9.5  ceremony    the trustees committed before they revealed; each has shown that it can use its key
    9.6  ballots     each is signed by a listed credential, and proved to hold only votes that the rules allow
    9.7  people      who was handed a credential, when it opened and closed, how many voted
    9.8  tally       the sum of the last ballot of each credential, byte for byte
    9.9  shares      what each trustee computed from the sum, with the proofs that it used its own key
    9.10 result      the shares together open the sum to exactly the published counts
    9.11 comparison  an older copy (--against) is a beginning of this one: nothing already published was changed
    9.13 log         the log signed the root of exactly these entries, and its tiles hold them

How to read it. The sections stand in that order, after three short ones: strict JSON, the curve, and the proofs. The
numbers in comments (9.6.7) are those of docs/protocol.md section 9. A check is always written

    with step("election-key", "election.json"):  # 9.3.17
        require(sum of the trustees' keys is the election key, "sentence that is shown when it is not")

`require` raises, `step` gives the finding its code and names the record. A phase that found an error ends the audit,
because what follows would speak of something else than was published. What is not here: opening the trustees' encrypted
messages (Python has no AES; such judgements are reported as a notice), signatures of the kind ML-DSA (a notice, too),
mixnets and lists of candidates (exit code 2).

The group is Ed25519, written additively: G the base point, q its order. A point in JSON is 64 hex digits of the integer
y + 2^255 (x mod 2), which is the encoding of RFC 8032 with its bytes reversed. Big integers of Python are used freely
and in no constant time: a verifier holds no secrets.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import json
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

# ------------------------------------------------------------------------------------------------------------------
# Findings: what a check that does not hold leaves behind


class CheckError(Exception):
    """Something required does not hold. The argument is the sentence for people."""


class FindingError(Exception):
    """A check that failed, with its stable code, the record it speaks of, and its severity."""

    def __init__(self, code: str, record: str, message: str, severity: str = "error") -> None:
        super().__init__(message)
        self.finding = {"code": code, "severity": severity, "record": record, "message": message}


def require(holds: bool, sentence: str) -> None:
    """`holds` is true, else CheckError with `sentence`."""
    if not holds:
        raise CheckError(sentence)


@contextmanager
def step(code: str, record: str, severity: str = "error") -> Iterator[None]:
    """What fails inside becomes the finding `code` about `record`."""
    try:
        yield
    except CheckError as error:
        raise FindingError(code, record, str(error), severity) from error


@dataclass(slots=True)
class Report:
    """What the audit found. `state` is None as long as the record could not be read."""

    level: str = "belenios"
    state: str | None = None
    election: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    result: list[Any] | None = None
    findings: list[dict[str, str]] = field(default_factory=list)

    def add(self, error: FindingError) -> None:
        self.findings.append(error.finding)

    def note(self, severity: str, code: str, record: str, message: str) -> None:
        self.add(FindingError(code, record, message, severity))

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """A check that fails inside is kept, and the audit of this phase goes on."""
        try:
            yield
        except FindingError as error:
            self.add(error)

    def has(self, severity: str) -> bool:
        return any(finding["severity"] == severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        return "refuted" if self.has("error") else "unchecked" if self.has("unchecked") else "ok"

    def as_json(self) -> str:
        names = ("verdict", "level", "state", "election", "counts", "result", "findings")
        return json.dumps({name: getattr(self, name) for name in names}, ensure_ascii=False)


# ------------------------------------------------------------------------------------------------------------------
# Strict JSON: one text per value. Two parsers that differ about one text would see two different ballots.

MAX_DEPTH = 16
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
LARGEST_NUMBER = 2**30 - 1  # Belenios writes larger weights and counts as decimal strings


def dumps(value: Any) -> bytes:
    """The one text of `value`: compact, UTF-8 unescaped, control characters and 0x7f as \\u00xx."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CheckError("half a surrogate pair stands in a text") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    require(len(found) == len(pairs), "a field stands twice in one object")
    return found


def _integer(text: str) -> int:
    require(len(text) <= 20 and text != "-0", "a number is too large or written as -0")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise CheckError(f"{text[:20]} is no whole number")


def parse_json(data: bytes) -> Any:
    """The value of a strict JSON text in any layout: whole numbers only, no doubled field, at most 16 levels."""
    depth = 0
    for byte in STRING.sub(b"", data):
        depth += (byte in b"[{") - (byte in b"]}")
        require(depth <= MAX_DEPTH, f"more than {MAX_DEPTH} levels of brackets")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_no_number,
            parse_constant=_no_number,
            parse_int=_integer,
        )
    except ValueError as error:  # also invalid UTF-8, a byte order mark, bytes after the end
        raise CheckError("not a JSON text in UTF-8") from error
    dumps(value)
    return value


def parse_canonical(data: bytes) -> Any:
    """The value of `data`, of which `data` is the one canonical text."""
    value = parse_json(data)
    require(dumps(value) == data, "not in the one canonical form of JSON")
    return value


def fits(value: Any, shape: Any, ordered: bool = True) -> bool:
    """Whether `value` has exactly this shape.

    A shape is: {"name": shape, "name?": shape} for an object with these fields in this order, those marked `?` perhaps
    absent; [shape] for a list of such values; a function for anything else; a text for itself.
    """
    if isinstance(shape, dict):
        if type(value) is not dict:
            return False
        fields = {name.removesuffix("?"): inner for name, inner in shape.items()}
        wanted = [name.removesuffix("?") for name in shape if name[-1] != "?" or name[:-1] in value]
        same = list(value) == wanted if ordered else sorted(value) == sorted(wanted)
        return same and all(fits(value[name], fields[name], ordered) for name in wanted)
    if isinstance(shape, list):
        return type(value) is list and all(fits(item, shape[0], ordered) for item in value)
    return bool(shape(value)) if callable(shape) else bool(value == shape)


def parse_shape(data: bytes, shape: Any, what: str) -> Any:
    """The canonical JSON value of `data`, which has this shape."""
    value = parse_canonical(data)
    require(fits(value, shape), f"{what} has not exactly its fields, in their order and with their types")
    return value


def require_size(data: bytes, most: int) -> None:
    """A text is not larger than an honest one could be: memory and time are bounded by it."""
    require(len(data) <= most, f"{len(data)} bytes where at most {most} are allowed")


def pattern(expression: str) -> Callable[[Any], bool]:
    """The shape of a text that the regular expression matches whole."""
    compiled = re.compile(expression)
    return lambda value: type(value) is str and compiled.fullmatch(value) is not None


def is_text(value: Any) -> bool:
    return type(value) is str


def is_integer(value: Any) -> bool:
    return type(value) is int and abs(value) <= 2**62  # type(True) is bool, so true is no number


def is_natural(value: Any) -> bool:
    return is_integer(value) and value >= 0


def is_place(value: Any) -> bool:
    return is_integer(value) and value >= 1


def is_owner(value: Any) -> bool:
    return is_place(value) and value <= 1000


def is_exact(value: Any) -> bool:
    """A number that is exact in JavaScript, too."""
    return is_natural(value) and value < 2**53


def is_bool(value: Any) -> bool:
    return type(value) is bool


def is_count(value: Any) -> bool:
    """A number as Belenios writes it: a JSON integer up to 2^30 - 1, above that a decimal string."""
    if type(value) is str:
        return is_decimal(value) and int(value) > LARGEST_NUMBER
    return type(value) is int and 0 <= value <= LARGEST_NUMBER


def count_text(number: int) -> int | str:
    return number if number <= LARGEST_NUMBER else str(number)


def is_scalar(value: Any) -> bool:
    """A decimal text without leading zeros, below the group order."""
    return type(value) is str and re.fullmatch("0|[1-9][0-9]{0,76}", value) is not None and int(value) < Q


def listing(length: int, item: Any) -> Callable[[Any], bool]:
    """The shape of a list of exactly this length."""
    return lambda value: type(value) is list and len(value) == length and all(fits(one, item) for one in value)


def maybe(item: Any) -> Callable[[Any], bool]:
    """The shape of `item`, or null."""
    return lambda value: value is None or fits(value, item)


is_hash = pattern("[0-9a-f]{64}")
is_decimal = pattern("0|[1-9][0-9]{0,19}")
is_weight = pattern("0|[1-9][0-9]{0,17}")
is_uuid = pattern("[1-9A-HJ-NP-Za-km-z]{14,64}")
is_id = pattern("[A-Za-z0-9._-]{1,64}")
is_code = pattern("[a-z0-9-]{1,64}")

PROOF = {"challenge": is_scalar, "response": is_scalar}
PROOF_TEXT = {"challenge": is_text, "response": is_text}
SIGNED = {"message": is_text, "signature": PROOF}


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_base64(data: bytes) -> str:
    """The other text form of a digest in Belenios: base64 without the = at the end, 43 characters."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii").rstrip("=")


# ------------------------------------------------------------------------------------------------------------------
# The curve edwards25519, -x² + y² = 1 + d·x²·y² over the integers modulo P (RFC 8032 section 5.1).
# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z.

Point = tuple[int, int, int, int]

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
IDENTITY: Point = (0, 1, 1, 0)
IDENTITY_TEXT = "0" * 63 + "1"


def add(first: Point, second: Point) -> Point:
    """The sum of any two points (the formulas of RFC 8032 section 5.1.4 are complete)."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = t1 * t2 % P * (2 * D) % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def doubled(point: Point, times: int) -> Point:
    """2^times·point, times ≥ 1."""
    x, y, z, _ = point
    e = h = 0
    for _ in range(times):
        a, b = x * x % P, y * y % P
        h, g = a + b, a - b
        e, f = (h - (x + y) * (x + y)) % P, (2 * z * z + g) % P
        x, y, z = e * f % P, g * h % P, f * g % P
    return x, y, z, e * h % P


def negative(point: Point) -> Point:
    x, y, z, t = point
    return -x % P, y, z, -t % P


def minus(first: Point, second: Point) -> Point:
    return add(first, negative(second))


def same(first: Point, second: Point) -> bool:
    return (first[0] * second[2] - second[0] * first[2]) % P == 0 == (first[1] * second[2] - second[1] * first[2]) % P


def multiples(point: Point) -> list[Point]:
    """0·point, 1·point, …, 15·point."""
    table = [IDENTITY, point]
    for _ in range(14):
        table.append(add(table[-1], point))
    return table


_ROWS: dict[Point, list[list[Point]]] = {}


def remember(point: Point) -> Point:
    """`point`, whose multiples from now on cost no doublings: row i of its table holds 0 … 15 times 16^i·point."""
    if point not in _ROWS:
        rows, base_of_row = [], point
        for _ in range(64):
            rows.append(multiples(base_of_row))
            base_of_row = doubled(base_of_row, 4)
        _ROWS[point] = rows
    return point


def combine(*terms: tuple[int, Point]) -> Point:
    """Σ scalar·point for 0 ≤ scalar < 2^256, four bits at a time; not mod q, as a point may have another order."""
    total, loose = IDENTITY, []
    for scalar, point in terms:
        if point not in _ROWS:
            loose.append((scalar, multiples(point)))
            continue
        for row in _ROWS[point]:
            total = add(total, row[scalar & 15])
            scalar >>= 4
    longest = max((scalar.bit_length() for scalar, _ in loose), default=0)
    sum_so_far = IDENTITY
    for shift in range((longest + 3) // 4 * 4 - 4, -4, -4):
        sum_so_far = doubled(sum_so_far, 4)
        for scalar, table in loose:
            sum_so_far = add(sum_so_far, table[scalar >> shift & 15])
    return add(total, sum_so_far)


def total_of(points: Iterable[Point]) -> Point:
    return functools.reduce(add, points, IDENTITY)


def curve_point(number: int) -> Point | None:
    """The curve point with y = the low 255 bits and x of the parity in bit 255, or None. One number for each point."""
    y, parity = number & (2**255 - 1), number >> 255
    if y >= P or parity > 1:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_MINUS_1 % P
        if v * x * x % P != u:
            return None
    if x == 0 and parity == 1:
        return None
    x = P - x if x & 1 != parity else x
    return x, y, 1, x * y % P


def encode(point: Point) -> str:
    """The text of a point in Belenios JSON."""
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return f"{y | (x & 1) << 255:064x}"


def encode_bytes(point: Point) -> bytes:
    """The 32 bytes of RFC 8032: the same digits, last byte first."""
    return bytes.fromhex(encode(point))[::-1]


@functools.lru_cache(maxsize=8192)
def decode(text: str, identity: bool = False) -> Point:
    """The member of the prime-order group that `text` writes; the identity only where `identity` allows it.

    This is the only way in from JSON. It refuses other spellings, points off the curve, and points of another order,
    which would make every equation below ambiguous.
    """
    require(is_hash(text), "a point is 64 lower-case hex digits")
    point = curve_point(int(text, 16))
    if point is None:
        raise CheckError(f"{text[:16]}… is not the canonical form of a point of the curve")
    require(same(combine((Q, point)), IDENTITY), f"{text[:16]}… is not in the group of order q")
    require(identity or text != IDENTITY_TEXT, "the identity is not allowed here")
    return point


G = remember(decode("66" * 31 + "58"))


# ------------------------------------------------------------------------------------------------------------------
# Proofs and signatures. Each recomputes the prover's commitments from the response, hashes the statement with them and
# compares with the challenge: whoever does not know the secret cannot make the two agree.


def belenios_challenge(prefix: str, *points: Point) -> int:
    """H of Belenios version 1: SHA-256 of the prefix and the points joined by commas, mod q."""
    return int(sha256_hex((prefix + ",".join(encode(point) for point in points)).encode()), 16) % Q


def numbers(proof: dict[str, str]) -> tuple[int, int]:
    return int(proof["challenge"]), int(proof["response"])


def verify_knowledge(prefix: str, key: Point, proof: dict[str, str], what: str) -> None:
    """Whoever made `proof` knows x with key = x·G. Belenios' form: A = r·G + c·key."""
    c, r = numbers(proof)
    require(belenios_challenge(prefix, combine((r, G), (c, key))) == c, f"{what} does not hold")


def verify_message(key: Point, message: str, signature: dict[str, str], what: str) -> None:
    """`message` was signed with the secret of `key`, as trustees sign during key generation."""
    verify_knowledge(f"sigmsg|{message}|", key, signature, f"the signature of {what}")


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """An encryption of m under y: alpha = r·G, beta = m·G + r·y; `text` is S(alpha),S(beta)."""

    alpha: Point
    beta: Point
    text: str


def ciphertext_sum(ciphertexts: Sequence[Ciphertext]) -> Ciphertext:
    alpha, beta = total_of(ct.alpha for ct in ciphertexts), total_of(ct.beta for ct in ciphertexts)
    return Ciphertext(alpha, beta, f"{encode(alpha)},{encode(beta)}")


def verify_one_of(
    prefix: str, statements: Sequence[tuple[Ciphertext, int]], proofs: Sequence[dict[str, str]], y: Point, what: str
) -> None:
    """One of the statements "this ciphertext holds this number" is true (nobody learns which).

    A_i = r_i·G + c_i·alpha, B_i = r_i·y + c_i·(beta - m_i·G); the c_i sum up to the hash, so that the prover could
    choose freely all but one of them.
    """
    commitments = []
    for (ct, m), proof in zip(statements, proofs, strict=True):
        c, r = numbers(proof)
        commitments.append(combine((r, G), (c, ct.alpha)))
        commitments.append(combine((r, y), (c, minus(ct.beta, combine((m, G))))))
    found = sum(int(proof["challenge"]) for proof in proofs) % Q
    require(belenios_challenge(prefix, *commitments) == found, what)


def verify_decryption(
    fingerprint: str, key_text: str, key: Point, alpha: Point, factor: Point, proof: dict[str, str]
) -> None:
    """factor = x·alpha for the x of key = x·G, in the form of Belenios 1, which does not hash alpha and factor."""
    c, r = numbers(proof)
    commitments = combine((r, G), (c, key)), combine((r, alpha), (c, factor))
    require(belenios_challenge(f"decrypt|{fingerprint}|{key_text}|", *commitments) == c, "its proof does not hold")


def transcript(tag: str, *items: bytes | int | str) -> bytes:
    """T of the public record: each item after its length in 8 bytes, so that two lists never give the same bytes."""
    parts = [item if isinstance(item, bytes) else str(item).encode() for item in (tag, *items)]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def record_challenge(tag: str, *items: bytes | int | str) -> int:
    """H of the public record: SHA-512 of the transcript, little endian, mod q."""
    return int.from_bytes(hashlib.sha512(transcript(tag, *items)).digest(), "little") % Q


def point_bytes(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]


def verify_signature(public: str, message: bytes, signature: Any) -> None:
    """`message` (a transcript) was signed with the secret of `public`: R = s·G - c·K, the key inside the hash."""
    require(fits(signature, PROOF), "a signature is a challenge and a response, both below q")
    key, (c, s) = decode(public), numbers(signature)
    commitment = encode_bytes(combine((s, G), (c, negative(key))))
    found = record_challenge("veche/v1/signature", point_bytes(public), commitment, message)
    require(found == c, "the signature does not hold")


def verify_equality(context: bytes, public: str, bases: Sequence[str], factors: Sequence[str], proof: Any) -> None:
    """There is one x with public = x·G and factors[k] = x·bases[k] for all k. The whole statement is hashed."""
    require(len(bases) == len(factors) >= 1, "not as many factors as bases, or none")
    require(fits(proof, PROOF), "a proof is a challenge and a response, both below q")
    key, (c, s) = decode(public), numbers(proof)
    pairs = [(decode(a, True), decode(f, True)) for a, f in zip(bases, factors, strict=True)]
    for a, f in zip(bases, factors, strict=True):
        require((a == IDENTITY_TEXT) == (f == IDENTITY_TEXT), "a factor is the identity exactly where its base is")
    items = [point_bytes(text) for pair in zip(bases, factors, strict=True) for text in pair]
    equality_seed = transcript("veche/v1/equality-seed", context, point_bytes(public), len(bases), *items)
    seed = hashlib.sha512(equality_seed).digest()
    weights = [
        int.from_bytes(hashlib.sha512(transcript("veche/v1/equality-weight", seed, k)).digest()[:16], "little")
        for k in range(1, len(bases) + 1)
    ]
    # All pairs at once: a false one survives its random weight with probability 2^-128.
    base = combine(*((w, a) for w, (a, _) in zip(weights, pairs, strict=True)))
    factor = combine(*((w, f) for w, (_, f) in zip(weights, pairs, strict=True)))
    commitments = combine((s, G), (c, negative(key))), combine((s, base), (c, negative(factor)))
    hashed = [encode_bytes(point) for point in (base, factor, *commitments)]
    require(record_challenge("veche/v1/equality", seed, *hashed) == c, "the proof does not hold")


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    """RFC 8032 section 5.1.7, strictly: S < q, canonical points, no key or R of small order, s·G - k·A is R."""
    require(len(public) == 32 and len(signature) == 64, "a key has 32 bytes and a signature 64")
    key, s = curve_point(int.from_bytes(public, "little")), int.from_bytes(signature[32:], "little")
    commitment = curve_point(int.from_bytes(signature[:32], "little"))
    if key is None or commitment is None or s >= Q:
        raise CheckError("the key or the signature is not in canonical form")
    small = same(doubled(key, 3), IDENTITY) or same(doubled(commitment, 3), IDENTITY)
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    holds = same(combine((s, G), (k, negative(key))), commitment)
    require(holds and not small, "the Ed25519 signature does not hold")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The key of a signed note: NAME+ID+BASE64(type byte, key). Type 1 is Ed25519."""

    name: str
    key_id: bytes
    kind: int
    public: bytes


def parse_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise CheckError("not base64") from error
    require(base64.b64encode(data).decode("ascii") == text, "not in the one form of base64")
    return data


def parse_vkey(text: str) -> VerifierKey:
    """The key that a vkey text writes; its key ID is recomputed."""
    parts = text.split("+", 2)
    require(len(parts) == 3, "a verifier key is NAME+ID+KEY")
    name, data = parts[0], parse_base64(parts[2])
    require(name != "" and not re.search(r"[\s\x00-\x1f\x7f-\x9f]", name), "a key's name is empty or holds a space")
    require(len(data) == 33 if data[:1] == b"\x01" else len(data) > 1, f"the key of {name} has not its length")
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    require(key_id.hex() == parts[1], f"the key ID of {name} does not belong to the key")
    return VerifierKey(name, key_id, data[0], data[1:])


def verify_note_line(key: VerifierKey, text: bytes, line: str) -> None:
    """`line` (without newline) is the signature of the note `text` by `key`."""
    start = f"\u2014 {key.name} "
    require(line.startswith(start), "the signature line is not that of the key in the manifest")
    data = parse_base64(line[len(start) :])
    require(len(data) == 68 and data[:4] == key.key_id, "the signature line names another key")
    verify_ed25519(key.public, text, data[4:])


# ------------------------------------------------------------------------------------------------------------------
# 9.1 The archive: an old tar file of data records and events; each event names the one before

DATA_RECORDS = {
    "Setup": (4, 5),
    "Ballot": (1,),
    "EndBallots": (0,),
    "EncryptedTally": (2,),
    "Shuffle": (2,),
    "EndShuffles": (0,),
    "PartialDecryption": (2,),
    "Result": (1,),
}
MAY_FOLLOW = {
    "": ("Setup",),
    "Setup": ("Ballot", "EndBallots"),
    "Ballot": ("Ballot", "EndBallots"),
    "EndBallots": ("EncryptedTally",),
    "EncryptedTally": ("Shuffle", "EndShuffles", "PartialDecryption", "Result"),
    "Shuffle": ("Shuffle", "EndShuffles"),
    "EndShuffles": ("PartialDecryption", "Result"),
    "PartialDecryption": ("PartialDecryption", "Result"),
    "Result": (),
}
EVENT = {
    "parent?": is_hash,
    "height": is_natural,
    "type": lambda value: is_text(value) and value in DATA_RECORDS,
    "payload?": is_hash,
}
OWNED = {"owner": is_owner, "payload": is_hash}
SIZED_TALLY = {"num_tallied": is_natural, "total_weight": is_count, "encrypted_tally": is_hash}


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the chain, with the data records that it brings. `owner` is the trustee of a share."""

    height: int
    kind: str
    text: bytes
    data: list[bytes]
    owner: int | None = None

    @property
    def digest(self) -> str:
        return sha256_hex(self.text)

    @property
    def payload(self) -> str:
        return sha256_hex(self.data[-1])


def record_header(name: str, size: int, mtime: int) -> bytes:
    """The 512 bytes that stand before a record; the checksum is taken with its own field blank."""
    head = bytearray(512)
    for offset, text in ((0, name), (100, "0000644"), (108, "0000000"), (116, "0000000"), (156, "0")):
        head[offset : offset + len(text)] = text.encode()
    head[124:135], head[136:147] = f"{size:011o}".encode(), f"{mtime:011o}".encode()
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head)


def read_records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The records of an archive: name and content. Checks 9.1.1 to 9.1.4."""
    offset, mtime, number = 0, -1, 0
    while offset < len(data):
        where = f"record {number}"
        head = data[offset : offset + 512]
        with step("archive-truncated", where):  # 9.1.1
            require(len(head) == 512, "the file ends inside the header of a record")
        name = head[:100].split(b"\0")[0].decode("ascii", "replace")
        with step("archive-record", where):  # 9.1.2
            kinds = r"[0-9a-f]{64}\.(data|event)\.json" if number else "BELENIOS"
            require(re.fullmatch(kinds, name) is not None, f"a record may not be called {name[:24]!a}")
            size_text, mtime_text = head[124:135], head[136:147]
            require(re.fullmatch(rb"[0-7]{22}", size_text + mtime_text) is not None, "size or time is not octal")
            size, found_mtime = int(size_text, 8), int(mtime_text, 8)
            require(head == record_header(name, size, found_mtime), "the header differs from the one allowed form")
        content, padding = data[offset + 512 : offset + 512 + size], -size % 512
        offset += 512 + size + padding
        with step("archive-truncated", where):  # 9.1.1
            require(offset <= len(data), "the file ends inside a record")
        if number == 0:
            mtime = archive_timestamp(content)
        with step("archive-record", where):  # 9.1.2
            require(not any(data[offset - padding : offset]), "the padding of a record is not zero")
            require(found_mtime == mtime, "the time of a record differs from the time stamp of the archive")
        with step("record-hash", where):  # 9.1.4
            require(number == 0 or name[:64] == sha256_hex(content), f"{name[:16]}… is not the SHA-256 of its content")
        yield name, content
        number += 1


def archive_timestamp(content: bytes) -> int:
    """The time stamp of the archive's first record. Check 9.1.3."""
    found = re.fullmatch(rb'\{"version":(0|[1-9][0-9]{0,9}),"timestamp":"(0|[1-9][0-9]{0,10})"\}', content)
    with step("archive-header", "record 0"):
        require(found is not None, "the first record is not a version and a time stamp")
    version, timestamp = found.groups() if found else (b"", b"")
    with step("unsupported-version", "record 0", "unchecked"):
        require(version == b"1", "only archives of version 1 can be read")
    return int(timestamp)


def read_archive(data: bytes) -> list[Event]:
    """The events of an archive, in order. Checks 9.1.1 to 9.1.9."""
    magic = b"BELENIOS\0"
    with step("archive-truncated", "archive"):  # 9.1.1
        require(data[:9] == magic or not magic.startswith(data), "the file is empty or ends inside its first bytes")
    with step("not-an-archive", "archive", "unchecked"):
        require(data.startswith(magic), "not an archive of Belenios: it does not begin with BELENIOS")
    events: list[Event] = []
    pending: list[bytes] = []
    for name, content in read_records(data):
        if name.endswith(".data.json"):
            pending.append(content)
            with step("record-order", f"event {len(events)}"):  # 9.1.9
                require(len(pending) <= 5, "more data records in a row than any event has")
        elif name.endswith(".event.json"):
            events.append(next_event(events, content, pending))
            pending = []
    with step("archive-truncated", "archive"):  # 9.1.1
        require(not pending, "the file ends before the event of its last data records")
    return events


def parse_event(text: bytes, first: bool | None = None) -> dict[str, Any]:
    """The canonical event text as an object; `first` says whether it must, or must not, be without a parent."""
    event = parse_shape(text, EVENT, "the event")
    require(first is None or ("parent" not in event) == first, "only the first event has no parent")
    must = DATA_RECORDS[event["type"]] != (0,)
    require(("payload" in event) == must, f"a {event['type']} event has {'a' if must else 'no'} payload")
    return dict(event)


def next_event(events: list[Event], text: bytes, data: list[bytes]) -> Event:
    """The event that follows `events` and brings `data`. Checks 9.1.5 to 9.1.9."""
    where = f"event {len(events)}"
    with step("event-malformed", where):  # 9.1.5
        event = parse_event(text, first=not events)
    with step("event-height", where):  # 9.1.6
        require(event["height"] == len(events), f"its height should be {len(events)}, found {event['height']}")
    with step("event-parent", where):  # 9.1.7
        require(not events or event["parent"] == events[-1].digest, "it does not name the event before it")
    kind, owner, before = event["type"], None, events[-1].kind if events else ""
    with step("event-order", where):  # 9.1.8
        require(kind in MAY_FOLLOW[before], f"{kind} may not follow {before or 'nothing'}")
    with step("record-order", where):  # 9.1.9
        require(len(data) in DATA_RECORDS[kind], f"{len(data)} data records stand before a {kind} event")
        require(not data or sha256_hex(data[-1]) == event["payload"], "the last record before it is not its payload")
        if kind == "EncryptedTally":
            sized = parse_shape(data[1], SIZED_TALLY, "the sized tally")
            require(sized["encrypted_tally"] == sha256_hex(data[0]), "the sized tally does not name the tally")
        if kind in ("Shuffle", "PartialDecryption"):
            owned = parse_shape(data[1], OWNED, "the owned record")
            owner = owned["owner"]
            require(owned["payload"] == sha256_hex(data[0]), "the owned record does not name the record before it")
    with step("event-order", where):  # 9.1.8, which needs the owner
        shares = [e.owner for e in events if e.kind == "PartialDecryption"] if kind == "PartialDecryption" else []
        require(owner not in shares, f"trustee {owner} gives a second share")
    return Event(len(events), kind, text, data, owner)


@dataclass(slots=True)
class Record:
    """What lies at SOURCE: the archive's bytes and, of a `folder`, the rest. `bare`: a folder with only an archive."""

    name: str
    archive: bytes
    folder: bool = False
    bare: bool = False
    entries: bytes | None = None
    manifest: bytes | None = None
    data: dict[str, bytes | None] = field(default_factory=dict)
    checkpoint: bytes | None = None
    tiles: dict[str, Path] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


def is_plain(path: Path) -> bool:
    """A file of the record itself: no link to somewhere else, no pipe that never ends."""
    return path.is_file() and not path.is_symlink()


def read_source(path: Path) -> Record:
    """The bytes of SOURCE; nothing is checked yet but that a folder holds exactly one archive (9.2.1)."""
    if not path.is_dir():
        with step("unreadable", path.name, "unchecked"):
            require(path.is_file() or not path.exists(), "this is no file")
        return Record(path.name, path.read_bytes())
    archives = sorted(path.glob("*.bel"))
    with step("unreadable", path.name, "unchecked"):
        require(archives != [] or (path / "entries.jsonl").exists(), "a folder without an archive of an election")
    with step("folder-form", path.name):  # 9.2.1
        require(len(archives) == 1, f"a folder holds exactly one archive UUID.bel, found {len(archives)}")
    with step("unreadable", path.name, "unchecked"):
        require(archives[0].is_file(), "the archive is no file")
    bare = not any((path / name).exists() for name in ("entries.jsonl", "manifest.json", "data"))
    record = Record(archives[0].name, archives[0].read_bytes(), folder=not bare, bare=bare)
    if is_plain(path / "entries.jsonl"):
        record.entries = (path / "entries.jsonl").read_bytes()
    if is_plain(path / "manifest.json"):
        record.manifest = (path / "manifest.json").read_bytes()
    files = sorted(file for file in (path / "data").rglob("*") if file.is_symlink() or not file.is_dir())
    for file in files:
        # A link or a pipe is no file of the record: it counts as there, with nothing in it that anybody could have named.
        record.data[file.relative_to(path / "data").as_posix()] = file.read_bytes() if is_plain(file) else None
    note = path / "checkpoint"
    if note.is_symlink() or note.exists():
        record.checkpoint = note.read_bytes() if is_plain(note) else b""
    for file in sorted((path / "tile").rglob("*")):
        if file.is_symlink() or not file.is_dir():
            record.tiles[file.relative_to(path).as_posix()] = file
    return record


# ------------------------------------------------------------------------------------------------------------------
# 9.2 The entries: events and annexes in the order in which they were published

TIME = {"time": is_natural}
is_reason = pattern("malformed|belenios-proof|strong-proof")
ANNEXES: dict[str, dict[str, Any]] = {
    "manifest": {"manifest": is_hash},
    "dkg": {"ceremony": is_hash},
    "drill": {"owner": is_owner, "factor": is_hash, "proof": PROOF},
    "software": {"version": is_text, "assets": is_hash},
    "opened": TIME,
    "issued": {"total": is_natural, "credentials": is_hash, "signature": is_text},
    "extended": TIME | {"closes_at": is_natural, "reason": is_code},
    "suspended": TIME | {"reason": is_code},
    "resumed": TIME | {"reason": is_code},
    "incident": TIME | {"code": is_code},
    "closed": TIME | {"ballots": is_natural},
    "withheld": {"ballots": is_natural, "minimum": is_natural},
    "decryption-proof": {"owner": is_owner, "payload": is_hash, "proof": PROOF},
    "share-refused": {"owner": is_owner, "payload": is_hash, "proof?": PROOF, "signature?": PROOF, "reason": is_reason},
    "published": TIME | {"result": is_hash, "audit": is_hash},
    "certified": TIME | {"result": is_hash, "complaints": is_natural},
    "cancelled": TIME | {"reason": is_code, "successor?": is_uuid},
    "annulled": TIME | {"reason": is_code, "successor?": is_uuid},
}
NAMES_DATA = {
    "manifest": ("manifest",),
    "dkg": ("ceremony",),
    "software": ("assets",),
    "issued": ("credentials",),
    "decryption-proof": ("payload",),
    "share-refused": ("payload",),
    "published": ("result", "audit"),
    "certified": ("result",),
}
MAX_ENTRY = 65_535

# What leads from a state to which other one. "*" = software and incident, which leave the state as it is.
FOLLOWS: dict[str, dict[str, str]] = {
    "(nothing)": {"manifest": "draft"},
    "draft": {"*": "draft", "dkg": "draft", "drill": "draft", "Setup": "sealed", "cancelled": "cancelled"},
    "sealed": {"*": "sealed", "issued": "sealed", "opened": "open", "cancelled": "cancelled"},
    "open": {"*": "open", "Ballot": "open", "issued": "open", "extended": "open", "suspended": "suspended",
             "EndBallots": "ending", "cancelled": "cancelled"},
    "suspended": {"*": "suspended", "issued": "suspended", "extended": "suspended", "resumed": "open",
                  "EndBallots": "ending", "cancelled": "cancelled"},
    "ending": {"closed": "closed"},
    "closed": {"*": "closed", "issued": "closed", "withheld": "withheld", "EncryptedTally": "decrypting",
               "cancelled": "cancelled"},
    "shuffling": {"*": "shuffling", "Shuffle": "shuffling", "EndShuffles": "decrypting", "cancelled": "cancelled"},
    "decrypting": {"*": "decrypting", "share-refused": "decrypting", "PartialDecryption": "decrypting",
                   "decryption-proof": "decrypting", "Result": "tallied", "cancelled": "cancelled"},
    "proving": {"decryption-proof": "decrypting"},
    "tallied": {"*": "tallied", "published": "published", "annulled": "annulled"},
    "published": {"*": "published", "certified": "certified", "annulled": "annulled"},
    "withheld": {"*": "withheld", "cancelled": "cancelled"},
    "certified": {"annulled": "annulled"},
    "cancelled": {},
    "annulled": {},
}  # fmt: skip


@dataclass(slots=True)
class Course:
    """The state of an election as its entries are followed. `groups` are (owners, threshold); None: not known yet."""

    strict: bool
    shuffles: bool
    groups: list[tuple[list[int], int]] | None
    state: str = "(nothing)"
    seen: set[str] = field(default_factory=set)
    drilled: set[int] = field(default_factory=set)
    gave: set[int | None] = field(default_factory=set)
    last: tuple[str, int | None] = ("", None)

    def take(self, kind: str, owner: int | None = None) -> None:
        """`kind` may come now, and has come. Check 9.2.4."""
        inert = kind in ("software", "incident")
        after = FOLLOWS[self.state].get("*" if inert else kind)
        if after is None:
            raise CheckError(f"{kind} may not come in the state {self.state}")
        if not inert:
            self._conditions(kind, owner)
        if kind == "EncryptedTally" and self.shuffles:
            after = "shuffling"
        if kind == "PartialDecryption":
            self.gave.add(owner)
            after = "proving" if self.strict else after
        if kind == "drill" and owner is not None:
            self.drilled.add(owner)
        self.seen.add("issued after closing" if (kind, self.state) == ("issued", "closed") else kind)
        self.state, self.last = after, (kind, owner)

    def _conditions(self, kind: str, owner: int | None) -> None:
        owners = None if self.groups is None else {one for group, _ in self.groups for one in group}
        known = owners is None or owner in owners
        if kind == "dkg":
            require(not self.seen & {"dkg", "drill"}, "the ceremony is named once, and before every drill")
        elif kind == "drill":
            require(known and owner not in self.drilled, "one drill for each trustee, and for nobody else")
            require("dkg" in self.seen or not self.strict, "at level strict the ceremony comes before the drills")
        elif kind == "Setup":
            require("software" in self.seen, "the software is named before Setup")
            ready = "dkg" in self.seen and (owners is None or owners == self.drilled)
            require(ready or not self.strict, "at level strict the ceremony and the drills of all come before Setup")
        elif kind == "issued":
            require("issued after closing" not in self.seen, "the last list of credentials comes once after closing")
        elif kind in ("withheld", "EncryptedTally"):
            require("issued after closing" in self.seen or not self.strict, "the last list of credentials comes first")
        elif kind == "EndShuffles":
            require("Shuffle" in self.seen, "there was no shuffle")
        elif kind == "PartialDecryption":
            require(owner is None or owner not in self.gave, "each trustee gives one share")
        elif kind == "share-refused":
            require(known and owner not in self.gave, "of a trustee that gave no share yet")
        elif kind == "decryption-proof":
            require(self.last[0] == "PartialDecryption", "a proof comes directly after its share")
            require(self.last[1] in (owner, None), "a proof comes directly after the share of the same trustee")
        elif kind == "Result" and None not in self.gave:
            enough = all(len(self.gave.intersection(group)) >= t for group, t in self.groups or [])
            require(enough, "there are not shares enough for a result")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log: `kind` is the type of the event or annex, `value` its object."""

    number: int
    text: bytes
    kind: str
    value: dict[str, Any]
    annex: bool

    @property
    def where(self) -> str:
        return f"entry {self.number}"


def parse_entry(number: int, text: bytes, uuid: str) -> Entry:
    """The entry that `text` writes. Checks 9.2.2 and 9.2.3."""
    where = f"entry {number}"
    with step("entry-malformed", where):  # 9.2.2
        require(len(text) <= MAX_ENTRY, f"an entry has at most {MAX_ENTRY} bytes")
        if not text.startswith(b'{"annex"'):
            event = parse_event(text)
            return Entry(number, text, event["type"], event, annex=False)
        value = parse_canonical(text)
        kind = value["annex"]
        require(is_text(kind) and kind in ANNEXES, "no such type of annex")
        shape = {"annex": is_text, "election": is_uuid, **ANNEXES[kind]}
        require(fits(value, shape), f"an annex {kind} has not exactly its fields")
    with step("entry-election", where):  # 9.2.3
        require(value["election"] == uuid, f"it speaks of the election {value['election'][:40]}, not of {uuid}")
    return Entry(number, text, kind, value, annex=True)


@dataclass(slots=True)
class Clock:
    """The last time named, and the end of voting so far."""

    manifest: dict[str, Any] | None
    now: int = 0
    end: int = 0

    def __post_init__(self) -> None:
        self.end = self.manifest["closes_at"] if self.manifest else 0

    def take(self, entry: Entry) -> None:
        """Times do not go back, and an extension is allowed. Check 9.2.5."""
        time = entry.value.get("time", self.now)
        require(time >= self.now, "its time lies before that of an earlier entry")
        self.now = time
        if entry.kind == "extended" and self.manifest is not None:
            until, end = self.manifest.get("extension", {"until": 0})["until"], entry.value["closes_at"]
            require(time < self.end, "an extension comes before the end of voting")
            require(self.end < end <= until, "the new end is later than the old one, and not after the last allowed")
            self.end = end


def run_chain(find: Callable[[str], bytes | None], digest: str) -> list[dict[str, Any]]:
    """The run file of this hash and those before it, the last run first; {} for one that cannot be read."""
    runs: list[dict[str, Any]] = []
    while (data := find(digest)) is not None:
        try:
            runs.append(parse_run(data))
        except CheckError:
            return [*runs, {}]  # said by 9.5.1
        digest = runs[-1].get("previous", "")
    return runs


def names_of_entries(
    entries: Sequence[Entry], manifest: dict[str, Any] | None, find: Callable[[str], bytes | None]
) -> Iterator[tuple[str, str]]:
    """Every hash that an annex, a run file, the manifest or a refused share names, each with who names it."""
    for entry in entries:
        for name in NAMES_DATA.get(entry.kind, ()):
            yield entry.value[name], entry.where
        if entry.kind == "dkg":
            for run in run_chain(find, entry.value["ceremony"]):
                yield from ((run[name], "run file") for name in ("trustees", "previous") if name in run)
        if entry.kind == "share-refused":
            owned = refused_owned(find(entry.value["payload"]))
            if owned is not None:
                yield owned["payload"], entry.where
    for question in manifest["options"] if manifest else []:
        yield from ((option["text"], "manifest.json") for option in question if "text" in option)


def refused_owned(text: bytes | None) -> dict[str, Any] | None:
    """The owned record of a refused share, or None if it is none."""
    try:
        return None if text is None else dict(parse_shape(text, OWNED, "the owned record"))
    except CheckError:
        return None


# ------------------------------------------------------------------------------------------------------------------
# 9.3 Setup: the election, the credentials, the trustees

QUESTION = {"answers": [is_text], "blank?": is_bool, "min": is_integer, "max": is_integer, "question": is_text}
ELECTION = {
    "version": is_integer,
    "description": is_text,
    "name": is_text,
    "group": is_text,
    "public_key": is_text,
    "questions": [QUESTION],
    "uuid": is_uuid,
    "administrator?": is_text,
    "credential_authority?": is_text,
    "language?": lambda value: fits(value, listing(2, is_text)) and value[1] in ("ltr", "rtl"),
}
SETUP_DATA = {"election": is_hash, "trustees": is_hash, "credentials": is_hash, "credentials_certificate?": is_hash}

SINGLE = {"pok": PROOF, "public_key": is_text, "name?": is_text}
PEDERSEN_OLD = {"threshold": is_integer, "certs": [SIGNED], "coefexps": [SIGNED], "verification_keys": [SINGLE]}
PEDERSEN = {
    "threshold": is_integer,
    "certs": [SIGNED],
    "coefexps": [SIGNED],
    "signatures": [PROOF],
    "verification_keys": [{"pok": PROOF, "public_key": is_text, "signature": PROOF, "name?": is_text}],
}
CERTIFICATE_OLD = {"verification": is_text, "encryption": is_text}
CONTEXT = {"group": is_text, "size": is_integer, "threshold": is_integer, "index": is_integer}
CERTIFICATE = {"context": CONTEXT, **CERTIFICATE_OLD}
COEFEXPS = {"coefexps": [is_text]}


@dataclass(frozen=True, slots=True)
class Question:
    answers: list[str]
    blank: bool
    minimum: int
    maximum: int

    @property
    def size(self) -> int:
        """Ciphertexts in an answer: one for the blank vote where it is allowed, then one for each option."""
        return len(self.answers) + self.blank


@dataclass(frozen=True, slots=True)
class Group:
    """A threshold group. `owners` are the numbers of its trustees in the whole list; each list has an item for each."""

    threshold: int
    owners: list[int]
    raw: dict[str, Any]
    certificates: list[dict[str, Any]]
    coefficients: list[list[str]]

    @property
    def old(self) -> bool:
        return "signatures" not in self.raw


@dataclass(slots=True)
class Trustees:
    """Everybody who holds a key. `keys` has the item of each owner, owner 1 first; those in no group stand alone."""

    text: bytes
    keys: list[dict[str, Any]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    single: list[int] = field(default_factory=list)

    def key_text(self, owner: int) -> str:
        return str(self.keys[owner - 1]["public_key"])

    def required(self) -> list[tuple[list[int], int]]:
        """How many shares are needed of whom."""
        return [(group.owners, group.threshold) for group in self.groups] + [([owner], 1) for owner in self.single]


@dataclass(frozen=True, slots=True)
class Election:
    text: bytes
    uuid: str
    description: str
    key: Point
    questions: list[Question]
    credentials: dict[str, tuple[Point, int]]
    weighted: bool
    trustees: Trustees

    @property
    def fingerprint(self) -> str:
        return sha256_base64(self.text)


def parse_election(text: bytes) -> tuple[dict[str, Any], list[Question]]:
    """The fields of election.json and its questions. Checks 9.3.2 and 9.3.3."""
    where = "election.json"
    with step("election-malformed", where):  # 9.3.2
        require(len(text) <= 1_000_000, "it has more than 1,000,000 bytes")
        value = parse_json(text)
        require(type(value) is dict, "an election is an object")
        require(is_integer(value.get("version")) and is_text(value.get("group")), "version or group is missing")
    with step("unsupported-version", where, "unchecked"):
        require(value["version"] == 1, f"only version 1 of the protocol can be checked, not {value['version']}")
    with step("unsupported-group", where, "unchecked"):
        require(value["group"] == "Ed25519", f"only the group Ed25519 can be checked, not {value['group'][:40]!r}")
    with step("unsupported-question", where, "unchecked"):
        listed = value["questions"] if type(value.get("questions")) is list else []
        kinds = {q["type"] for q in listed if type(q) is dict and is_text(q.get("type"))}
        require(not kinds & {"NonHomomorphic", "Lists"}, "questions for a mixnet or with lists cannot be checked yet")
    with step("election-malformed", where):
        require(fits(value, ELECTION, ordered=False), "it has not exactly the fields of an election, with their types")
        require(1 <= len(listed) <= 100, "it has not 1 to 100 questions")
        remember(decode(value["public_key"]))
    questions = [Question(q["answers"], q.get("blank", False), q["min"], q["max"]) for q in listed]
    with step("question-limits", where):  # 9.3.3
        for number, q in enumerate(questions, 1):
            require(1 <= len(q.answers) <= 1000, f"question {number} has not 1 to 1000 answers")
            require(0 <= q.minimum <= q.maximum <= len(q.answers), f"the limits of question {number} cannot be")
    return value, questions


def parse_credentials(text: bytes, with_login: bool = False) -> tuple[dict[str, tuple[Point, int]], bool]:
    """Public credentials with key and weight, and whether weights are used. Checks 9.3.4 to 9.3.6.

    `with_login`: items may be followed by a login and have an empty weight, as in `public_creds.json`.
    """
    where = "credentials"
    with step("credentials-malformed", where):  # 9.3.4
        items = parse_shape(text, [is_text], "the list of credentials")
        parts = [item.split(",") for item in items]
        if with_login:
            parts = [one[:1] if one[1:2] == [""] else one[:2] for one in parts if len(one) <= 3]
        require(len(parts) == len(items) > 0, "the list is empty, or an item has too many parts")
        weighted = len(parts[0]) == 2
        require(all(len(one) == 1 + weighted for one in parts), "either all credentials have a weight or none has one")
        require(all(is_weight(one[1]) for one in parts if weighted), "a weight is a number of at most 18 digits")
        require(not weighted or sum(int(one[1]) for one in parts) < 10**20, "the weights add up to 10^20 or more")
    credentials: dict[str, tuple[Point, int]] = {}
    for one in parts:
        with step("credential-invalid", f"credential {one[0][:16]}…"):  # 9.3.5
            credentials[one[0]] = decode(one[0]), int(one[1]) if weighted else 1
    with step("duplicate-credential", where):  # 9.3.6
        require(len(credentials) == len(parts), "the same credential stands twice in the list")
    return credentials, weighted


def parse_trustees(text: bytes) -> Trustees:
    """The trustees, with the fields that 9.3.7 demands."""
    trustees = Trustees(text)
    require_size(text, 8_000_000)
    items = parse_canonical(text)
    require(type(items) is list and 1 <= len(items) <= 1000, "the list of trustees is no list of 1 to 1000")
    for item in items:
        require(type(item) is list and len(item) == 2, "an item of the list is a kind and an object")
        kind, value = item
        if kind == "Single" and fits(value, SINGLE):
            trustees.keys.append(value)
            trustees.single.append(len(trustees.keys))
            continue
        modern = fits(value, PEDERSEN)
        require(kind == "Pedersen" and (modern or fits(value, PEDERSEN_OLD)), "a trustee has not exactly its fields")
        shape = CERTIFICATE if modern else CERTIFICATE_OLD
        certificates = [parse_shape(one["message"].encode(), shape, "a certificate") for one in value["certs"]]
        dealt = [parse_shape(one["message"].encode(), COEFEXPS, "a list of coefficients") for one in value["coefexps"]]
        first = len(trustees.keys) + 1
        owners = list(range(first, first + len(value["verification_keys"])))
        coefficients = [one["coefexps"] for one in dealt]
        trustees.groups.append(Group(value["threshold"], owners, value, certificates, coefficients))
        trustees.keys.extend(value["verification_keys"])
    return trustees


def check_trustees(text: bytes, counts: Counter[str]) -> Trustees:
    """The trustees, whose keys are proved and belong together. Checks 9.3.7 to 9.3.16."""
    where = "trustees.json"
    with step("trustees-malformed", where):  # 9.3.7
        trustees = parse_trustees(text)
    for group in trustees.groups:
        with step("threshold-limits", where):  # 9.3.8
            check_limits(group.threshold, len(group.owners), group.raw, group.coefficients)
    with step("trustee-key", where):  # 9.3.9
        check_certificate_keys([cert for group in trustees.groups for cert in group.certificates])
        for text_of_point in (a for group in trustees.groups for dealer in group.coefficients for a in dealer):
            decode(text_of_point, identity=True)
        for key in trustees.keys:
            decode(key["public_key"])
    for owner, key in enumerate(trustees.keys, 1):
        with step("trustee-pok", f"trustee {owner}"):  # 9.3.10
            public = key["public_key"]
            verify_knowledge(f"pok|Ed25519|{public}|", decode(public), key["pok"], "the proof of possession")
    for group in trustees.groups:
        check_group(group)
    counts["trustees"] = len(trustees.keys)
    return trustees


def check_limits(threshold: int, size: int, lists: dict[str, Any], coefficients: list[list[str]]) -> None:
    """Threshold and lengths belong together. Check 9.3.8."""
    require(1 <= threshold <= size, f"a threshold of {threshold} among {size} cannot be")
    lengths = {len(value) for value in lists.values() if type(value) is list}
    require(lengths == {size}, "the lists of a group are not all as long as the group")
    require(all(len(dealer) == threshold for dealer in coefficients), "a dealer has another number of coefficients")


def check_certificate_keys(certificates: list[dict[str, Any]]) -> None:
    """Certificate keys are members, and none is used twice. Check 9.3.9."""
    texts = [cert[name] for cert in certificates for name in CERTIFICATE_OLD]
    for text in texts:
        decode(text)
    require(len(set(texts)) == len(texts), "a key of a certificate is used twice")


def check_certificate(certificate: dict[str, Any], size: int, threshold: int, place: int) -> None:
    """The certificate was made for this place of this group. Check 9.3.11."""
    wanted = {"group": "Ed25519", "size": size, "threshold": threshold, "index": place}
    require(certificate["context"] == wanted, f"it was not made for place {place} of {size} with threshold {threshold}")


def check_group(group: Group) -> None:
    """A threshold group was dealt by its own members for each other. Checks 9.3.11 to 9.3.16."""
    size, raw = len(group.owners), group.raw
    signers = [decode(cert["verification"]) for cert in group.certificates]
    for place, (owner, cert) in enumerate(zip(group.owners, group.certificates, strict=True), 1):
        if not group.old:
            with step("certificate-context", f"trustee {owner}"):  # 9.3.11
                check_certificate(cert, size, group.threshold, place)
    for code, name in (("certificate-signature", "certs"), ("coefficients-signature", "coefexps")):
        for owner, signer, signed in zip(group.owners, signers, raw[name], strict=True):
            with step(code, f"trustee {owner}"):  # 9.3.12, 9.3.13
                verify_message(signer, signed["message"], signed["signature"], name)
    if not group.old:
        for owner, signer, dealt, signature in zip(
            group.owners, signers, group.coefficients, raw["signatures"], strict=True
        ):
            with step("group-signature", f"trustee {owner}"):  # 9.3.14
                message = "certs_sig|" + dumps({"certs": raw["certs"], "coefexps": dealt}).decode()
                verify_message(signer, message, signature, "the whole group")
    sums = [total_of(decode(d[k], True) for d in group.coefficients) for k in range(group.threshold)]
    for place, (owner, key) in enumerate(zip(group.owners, raw["verification_keys"], strict=True), 1):
        with step("verification-key", f"trustee {owner}"):  # 9.3.15: X_j = Σ_k j^k·Σ_i A_ik
            x_j = combine(*((pow(place, k, Q), a) for k, a in enumerate(sums)))
            require(same(x_j, decode(key["public_key"])), "its key is not the one that the dealers dealt")
    if not group.old:
        for owner, signer, key in zip(group.owners, signers, raw["verification_keys"], strict=True):
            with step("key-signature", f"trustee {owner}"):  # 9.3.16
                verify_message(signer, key["public_key"], key["signature"], "its own key")


def check_election(data: Sequence[bytes], counts: Counter[str], with_login: bool = False) -> Election:
    """The election that its text, the trustees' and that of the credentials describe. Checks 9.3.2 to 9.3.17."""
    value, questions = parse_election(data[0])
    listed, weighted = parse_credentials(data[2], with_login)
    holders = check_trustees(data[1], counts)
    key = decode(value["public_key"])
    with step("election-key", "election.json"):  # 9.3.17
        alone = [decode(holders.key_text(owner)) for owner in holders.single]
        dealt = [decode(dealer[0], True) for group in holders.groups for dealer in group.coefficients]
        require(same(total_of(alone + dealt), key), "the election key is not the sum of the trustees' keys")
    counts["credentials"] = len(listed)
    return Election(data[0], value["uuid"], value["description"], key, questions, listed, weighted, holders)


def check_setup(data: list[bytes], counts: Counter[str]) -> Election:
    """The election of the data records of Setup. Checks 9.3.1 to 9.3.17."""
    with step("setup-data", "event 0"):  # 9.3.1
        setup = parse_shape(data[-1], SETUP_DATA, "the setup data")
        require(list(setup.values()) == [sha256_hex(one) for one in data[:-1]], "it does not name the records")
    return check_election(data, counts)


# ------------------------------------------------------------------------------------------------------------------
# 9.4 The manifest


def is_title(value: Any) -> bool:
    """A text for at least one language."""
    named = type(value) is dict and value != {} and all(re.fullmatch("[a-z]{2,3}", name) for name in value)
    return named and all(is_text(text) for text in value.values())


def is_allocation(value: Any) -> bool:
    """Rule, budget and currency, then the parameters of the rule."""
    fixed = {"rule": is_id, "budget": is_exact, "currency": pattern("[A-Z]{3}")}
    if type(value) is not dict or not fits(dict(list(value.items())[:3]), fixed):
        return False
    further = list(value.items())[3:]
    return all(re.fullmatch("[a-z_]+", name) and is_parameter(one) for name, one in further)


def is_parameter(value: Any) -> bool:
    """A plain value, or a list of them."""
    plain = value if type(value) is list else [value]
    return all(type(one) in (str, bool) or (type(one) is int and abs(one) < 2**53) for one in plain)


MANIFEST = {
    "veche": "manifest/1",
    "campaign": is_id,
    "contest": is_id,
    "uuid": is_uuid,
    "rehearsal": is_bool,
    "level": lambda value: value in ("strict", "belenios"),
    "title": is_title,
    "opens_at": is_exact,
    "closes_at": is_exact,
    "zone": pattern("[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}"),
    "extension?": {"until": is_exact},
    "minimum_ballots": is_exact,
    "electorate": is_exact,
    "eligibility": {"class": is_id},
    "appeal_days": lambda value: is_integer(value) and abs(value) < 2**53,
    "registrar?": is_text,
    "log?": {
        "origin": is_text,
        "keys": [is_text],
        "box": is_text,
        "period": lambda value: is_exact(value) and value >= 1,
        "policy": is_text,
    },
    "allocation?": is_allocation,
    "options": [[{"project": is_id, "title": is_text, "cost?": is_exact, "text?": is_hash}]],
}
LINE = re.compile("veche:1 level=(strict|belenios) manifest=sha256:([0-9a-f]{64})")


def parse_manifest(text: bytes) -> dict[str, Any]:
    """The manifest, with the fields that 9.4.2 demands."""
    manifest = parse_shape(text, MANIFEST, "the manifest")
    for question in manifest["options"]:
        projects = [option["project"] for option in question]
        require(len(set(projects)) == len(projects), "a project stands twice in one question")
    return dict(manifest)


def parse_line(description: str) -> tuple[str, str]:
    """Level and manifest hash of the last line of an election's description. Check 9.4.5."""
    *others, last = description.split("\n")
    found = LINE.fullmatch(last)
    if found is None:
        raise CheckError("the last line of the description is not a veche line")
    require(not any(line.startswith("veche:") for line in others), "the description has more than one veche line")
    return found[1], found[2]


def check_manifest_keys(manifest: dict[str, Any]) -> None:
    """Keys and names of log, box and registrar. Check 9.4.4."""
    log, keys = manifest.get("log"), []
    if log is not None:
        keys = [parse_vkey(text) for text in (*log["keys"], log["box"])]
        require(len(keys) > 1, "the log has no key")
        require(keys[0].name == log["origin"], "the first key of the log is named as its origin")
        require(keys[-1].name == log["origin"] + "/box", "the key of the box is named ORIGIN/box")
        require(keys[0].kind == 1 == keys[-1].kind, "the first key of the log and the box's are Ed25519 keys")
    if "registrar" in manifest:
        registrar = parse_vkey(manifest["registrar"])
        require(registrar.kind == 1, "the registrar's key is an Ed25519 key")
        require(registrar.name not in [key.name for key in keys], "the registrar has a name of its own")
        keys.append(registrar)
    require("registrar" in manifest or manifest["level"] != "strict", "at level strict the registrar's key is named")
    require(len({key.public for key in keys}) == len(keys), "log, box and registrar have different keys")


def check_manifest(
    text: bytes, named: str, uuid: str, description: str | None, questions: list[list[str]]
) -> dict[str, Any]:
    """The manifest belongs to this election. Checks 9.4.1 to 9.4.8; before Setup (no description) those that can be."""
    where = "manifest.json"
    line = LINE.fullmatch(description.split("\n")[-1]) if description is not None else None
    with step("manifest-hash", where):  # 9.4.1
        require(sha256_hex(text) == named, "its SHA-256 is not the one in the first entry")
        require(line is None or line[2] == named, "its SHA-256 is not the one in the election's description")
    with step("manifest-malformed", where):  # 9.4.2
        manifest = parse_manifest(text)
    with step("manifest-times", where):  # 9.4.3
        until = manifest.get("extension", {"until": manifest["closes_at"]})["until"]
        require(manifest["opens_at"] < manifest["closes_at"] <= until, "it closes after it opens, not after the limit")
        require(manifest["appeal_days"] >= 0, "the days of appeal are not negative")
    with step("manifest-keys", where):  # 9.4.4
        check_manifest_keys(manifest)
    if description is not None:
        with step("manifest-line", "election.json"):  # 9.4.5
            level, _ = parse_line(description)
        with step("manifest-level", where):  # 9.4.6
            require(level == manifest["level"], f"its level is {manifest['level']}, the election's {level}")
    with step("manifest-election", where):  # 9.4.7
        require(manifest["uuid"] == uuid, f"it is the manifest of {manifest['uuid']}, not of {uuid}")
    if description is not None:
        with step("manifest-options", where):  # 9.4.8
            titles = [[option["title"] for option in question] for question in manifest["options"]]
            require(titles == questions, "its options are not, byte for byte, the answers of the election")
    return manifest


# ------------------------------------------------------------------------------------------------------------------
# 9.5 The trustees' ceremony and the drills

# How many of the lists (certificates, commitments, reveals) are complete in a run that ended so.
CODES = {"no-certificate": 0, "no-commitment": 1, "no-reveal": 2, "wrong-reveal": 2,
         "bad-share": 3, "false-complaint": 3, "no-share": 3, "no-key": 3}  # fmt: skip
REVEAL = {"coefexps": is_text, "lot": is_hash, "secrets": [is_hash], "signature": PROOF}
COMPLAINT = {"dealer": is_place, "complainant": is_place, "message": is_text, "point?": is_text, "proof?": PROOF_TEXT}
RUN = {
    "veche": "ceremony/1",
    "size": is_place,
    "threshold": is_place,
    "cipher": lambda value: value in ("gcm", "ccm"),
    "deadlines": listing(3, is_natural),
    "names": [is_text],
    "certificates": [maybe(is_text)],
    "commitments": [maybe(is_hash)],
    "reveals": [maybe(REVEAL)],
    "complaint?": COMPLAINT,
    "named?": [is_place],
    "code?": lambda value: is_text(value) and value in CODES,
    "trustees?": is_hash,
    "previous?": is_hash,
}


def parse_run(text: bytes) -> dict[str, Any]:
    """A run file, finished or ended. Check 9.5.1."""
    require_size(text, 8_000_000)
    run = parse_shape(text, RUN, "a run file")
    n, finished = run["size"], "trustees" in run
    lists = [run[name] for name in ("names", "certificates", "commitments", "reveals")]
    require(all(len(one) == n for one in lists), "its lists are not as long as the group")
    for line in (line for line in run["certificates"] if line is not None):
        value = parse_canonical(parse_shape(line.encode(), SIGNED, "a certificate")["message"].encode())
        require(fits(value, CERTIFICATE) or fits(value, CERTIFICATE_OLD), "a certificate has not exactly its fields")
    reveals = [reveal for reveal in run["reveals"] if reveal is not None]
    require(all(len(reveal["secrets"]) == n for reveal in reveals), "a reveal has not one secret for each place")
    if finished:
        require(all(None not in one for one in lists), "a finished run has all certificates, commitments and reveals")
        require(not {"complaint", "named", "code"} & set(run), "a finished run names nobody")
    else:
        require({"named", "code"} <= set(run), "a run that ended says why, and whom it names")
        named, reached = run["named"], CODES[run["code"]]
        require(named != [] and named == sorted(set(named)) and named[-1] <= n, "it names places of the list, in order")
        require(all(None not in one for one in lists[1 : 1 + reached]), "what came before its end is not complete")
        require(all(set(one) == {None} for one in lists[2 + reached :]), "there is something of after its end")
        silent = {place for place in named if reached < 3 and lists[1 + reached][place - 1] is None}
        expected = set() if reached == 3 or run["code"] == "wrong-reveal" else set(named)
        require(silent == expected, "those named for silence were not silent, or the other way round")
    return dict(run)


def list_hash(certificates: Sequence[str]) -> bytes:
    """L: the SHA-256 of the certificate lines."""
    return hashlib.sha256("\n".join(certificates).encode()).digest()


def check_run_certificates(run: dict[str, Any]) -> list[dict[str, Any]]:
    """The certificates were made for this run's group by whoever holds their keys. Check 9.5.2."""
    n, t = run["size"], run["threshold"]
    require(1 <= t < n, f"a threshold of {t} among {n} is not allowed")
    certificates: dict[int, dict[str, Any]] = {}
    for place, line in enumerate(run["certificates"], 1):
        if line is not None:
            signed = parse_shape(line.encode(), SIGNED, "a certificate")
            certificates[place] = parse_shape(signed["message"].encode(), CERTIFICATE, "a certificate")
            check_certificate(certificates[place], n, t, place)
            signer = decode(certificates[place]["verification"])
            verify_message(signer, signed["message"], signed["signature"], "a certificate")
    check_certificate_keys(list(certificates.values()))
    return list(certificates.values())


def verify_commitment(run_hash: bytes, place: int, commitment: str | None, reveal: dict[str, Any]) -> None:
    """What trustee `place` revealed is what it had committed to. Check 9.5.3."""
    lot = bytes.fromhex(reveal["lot"])
    found = sha256_hex(transcript("veche/v1/dkg-commit", run_hash, place, reveal["coefexps"], lot))
    require(found == commitment, "it does not open the commitment")


def verify_reveal_signature(run_hash: bytes, place: int, commitments: list[str], reveal: dict[str, Any], signer: str) -> None:
    """The reveal is signed over all commitments. Check 9.5.4."""
    items = [bytes.fromhex(one) for one in (*commitments, *reveal["secrets"])]
    message = transcript("veche/v1/dkg-reveal", run_hash, place, len(commitments), *items)
    verify_signature(signer, message, reveal["signature"])


def verify_reveal(
    run_hash: bytes, place: int, threshold: int, commitments: list[str], reveal: dict[str, Any], signer: str
) -> list[str]:
    """The reveal is signed over all commitments, and its coefficients are good. Check 9.5.4. Gives the coefficients."""
    verify_reveal_signature(run_hash, place, commitments, reveal, signer)
    signed = parse_shape(reveal["coefexps"].encode(), SIGNED, "the signed coefficients")
    verify_message(decode(signer), signed["message"], signed["signature"], "its coefficients")
    coefficients = parse_shape(signed["message"].encode(), COEFEXPS, "the coefficients")["coefexps"]
    require(len(coefficients) == threshold, "it has not as many coefficients as the threshold")
    for text in coefficients:
        decode(text, identity=True)
    return list(coefficients)


def check_reveals(run: dict[str, Any], certificates: list[dict[str, Any]]) -> None:
    """Every reveal is good, or the run ended because exactly the ones named are not. Checks 9.5.3 and 9.5.4."""
    wrong: dict[int, FindingError] = {}
    for place, reveal in enumerate(run["reveals"], 1):
        if reveal is None:
            continue
        try:
            with step("ceremony-commitment", f"trustee {place}"):  # 9.5.3
                require(None not in run["commitments"], "there is a reveal before all commitments")
                run_hash = list_hash(run["certificates"])
                verify_commitment(run_hash, place, run["commitments"][place - 1], reveal)
            with step("ceremony-reveal", f"trustee {place}"):  # 9.5.4
                signer = certificates[place - 1]["verification"]
                verify_reveal(run_hash, place, run["threshold"], run["commitments"], reveal, signer)
        except FindingError as error:
            wrong[place] = error
    named = set(run["named"]) if run.get("code") == "wrong-reveal" else set()
    for place, fault in wrong.items():
        if place not in named:
            raise fault
    for place in sorted(named):
        with step("ceremony-reveal", f"trustee {place}"):  # 9.5.4
            # Without its signature anybody could have put the reveal there: then nobody can be named for it.
            signer, run_hash = certificates[place - 1]["verification"], list_hash(run["certificates"])
            verify_reveal_signature(run_hash, place, run["commitments"], run["reveals"][place - 1], signer)
    with step("ceremony-commitment", "run file"):
        require(named == set(wrong), "somebody is named for a wrong reveal, but the reveal is good")


def judge_complaint(
    run_hash: bytes, cipher: str, encryption_keys: list[str], wanted: str | None, complaint: dict[str, Any]
) -> str:
    """Who is named by a complaint: "void" (nobody), "dealer", or "unopened" when the message would have to be opened.

    `wanted` is the hash h_ij that the dealer signed for this place. Steps a, b and c of the judgement; check 9.5.5.
    """
    dealer, complainant, text = complaint["dealer"], complaint["complainant"], complaint["message"].encode()
    n = len(encryption_keys)
    if dealer > n or complainant > n or dealer == complainant or sha256_hex(text) != wanted:
        return "void"
    shape = {"alpha": is_text, "beta": is_text, "data": pattern("([0-9a-f]{2})*")}
    if cipher == "gcm":
        shape = {"algorithm": lambda value: value == "AES-GCM", **shape}
    try:
        message = parse_shape(text, shape, "the message")
        decode(message["alpha"])
        beta = decode(message["beta"])
    except CheckError:
        return "dealer"
    try:
        require("point" in complaint and "proof" in complaint, "point or proof is missing")
        factor = encode(minus(beta, decode(complaint["point"], True)))
        context = transcript("veche/v1/complaint", run_hash, dealer, complainant, bytes.fromhex(wanted))
        verify_equality(context, encryption_keys[complainant - 1], [message["alpha"]], [factor], complaint["proof"])
    except CheckError:
        return "void"
    return "unopened"


def check_judgement(run: dict[str, Any], certificates: list[dict[str, Any]], report: Report) -> None:
    """An ended run names whom the judgement names. Check 9.5.5."""
    code, judged = run.get("code"), ("bad-share", "false-complaint")
    with step("ceremony-judgement", "run file"):
        require(("complaint" in run) == (code in judged), "a complaint stands exactly where it is judged")
        if "complaint" not in run:
            if str(code).startswith("no-") or code == "wrong-reveal":
                message = f"Only the organizer says that trustees {run['named']} ended a run of the ceremony ({code})."
                report.note("notice", "organizers-word", "run file", message)
            return
        complaint = run["complaint"]
        dealer, complainant = complaint["dealer"], complaint["complainant"]
        dealt = run["reveals"][dealer - 1] if dealer <= run["size"] else None
        wanted = dealt["secrets"][complainant - 1] if dealt and complainant <= run["size"] else None
        keys = [cert["encryption"] for cert in certificates]
        verdict = judge_complaint(list_hash(run["certificates"]), run["cipher"], keys, wanted, complaint)
        require(verdict != "void", "the complaint is void, so nobody may be named")
        require(run["named"] == [dealer if code == "bad-share" else complainant], "somebody else is named")
        require(verdict == "unopened" or code == "bad-share", "the message is bad in itself: the dealer is named")
    if verdict == "unopened":
        message = "A message between trustees would have to be opened to judge a complaint; this program has no AES."
        report.note("notice", "messages-not-opened", "run file", message)


def check_ceremony_trustees(
    runs: list[dict[str, Any]], used: list[list[dict[str, Any]]], trustees: Trustees, strict: bool
) -> None:
    """The last run made the threshold group of trustees.json; no certificate of an ended run lives on. Check 9.5.6."""
    last = runs[0]
    require(last.get("trustees") == sha256_hex(trustees.text), "the last run does not name this trustees.json")
    require(len(trustees.groups) == 1 or not strict, "at level strict there is exactly one threshold group")
    made = last["threshold"], last["certificates"], [reveal["coefexps"] for reveal in last["reveals"]]
    groups = [
        (group.threshold, *([dumps(one).decode() for one in group.raw[name]] for name in ("certs", "coefexps")))
        for group in trustees.groups
    ]
    require(made in groups, "no group of trustees.json has the certificates, coefficients and threshold of the run")
    spent: set[str] = set()
    for run, certificates in zip(reversed(runs), reversed(used), strict=True):  # the first run first
        keys = {cert[name] for cert in certificates for name in CERTIFICATE_OLD}
        require(not keys & spent, "a key of an ended run is used again")
        spent |= keys if "trustees" not in run else set()


def drill_base(uuid: str, manifest: bytes, trustees: bytes, owner: int) -> str:
    """B: a point that nobody chose, hashed from what is fixed."""
    digest = hashlib.sha256(transcript("veche/v1/drill", uuid, manifest, trustees, owner)).digest()
    number = int.from_bytes(digest, "big") >> 2
    while True:
        point = curve_point(number)
        if point is not None and not same(doubled(point, 3), IDENTITY):
            return encode(doubled(point, 3))
        number += 1


def verify_drill(uuid: str, manifest: bytes, trustees: bytes, owner: int, public: str, factor: str, proof: Any) -> None:
    """Trustee `owner` multiplied the point B by its key. Check 9.5.7."""
    context = transcript("veche/v1/drill-proof", uuid, manifest, trustees, owner)
    verify_equality(context, public, [drill_base(uuid, manifest, trustees, owner)], [factor], proof)


# ------------------------------------------------------------------------------------------------------------------
# 9.6 Ballots

MAX_BALLOT = 65_536
ANSWER = {
    "choices": [{"alpha": is_text, "beta": is_text}],
    "individual_proofs": [[PROOF_TEXT]],
    "overall_proof": [PROOF_TEXT],
    "blank_proof?": [PROOF_TEXT],
}
BALLOT = {
    "election_uuid": is_text,
    "election_hash": is_text,
    "credential": is_text,
    "answers": [ANSWER],
    "signature": {"hash": is_text, "proof": PROOF_TEXT},
}


@dataclass(frozen=True, slots=True)
class Ballot:
    credential: str
    answers: list[list[Ciphertext]]
    proofs: int


def ballot_name(text: bytes) -> str:
    return f"ballot {sha256_hex(text)[:16]}…"


def verify_ballot(text: bytes, election: Election) -> Ballot:
    """The ballot belongs to a listed credential and holds only votes that are allowed. Checks 9.6.1 to 9.6.11."""
    where = ballot_name(text)
    with step("ballot-malformed", where):  # 9.6.1
        require(len(text) <= MAX_BALLOT, f"a ballot has at most {MAX_BALLOT} bytes")
        ballot = parse_shape(text, BALLOT, "the ballot")
    with step("wrong-election", where):  # 9.6.2
        mine = election.uuid, election.fingerprint
        require((ballot["election_uuid"], ballot["election_hash"]) == mine, "it was made for another election")
    with step("unknown-credential", where):  # 9.6.3
        require(ballot["credential"] in election.credentials, "its credential is not in the list")
    with step("ballot-shape", where):  # 9.6.4
        check_shape(ballot["answers"], election.questions)
    proofs = [proof for answer in ballot["answers"] for proof in proofs_of(answer)]
    with step("ballot-scalar", where):  # 9.6.5
        everything = [*proofs, ballot["signature"]["proof"]]
        require(all(fits(proof, PROOF) for proof in everything), "a number is not decimal, or not below q")
    with step("ballot-hash", where):  # 9.6.6
        signed = sha256_base64(dumps({name: part for name, part in ballot.items() if name != "signature"}))
        require(ballot["signature"]["hash"] == signed, "the signed hash is not that of the ballot")
    with step("invalid-signature", where):  # 9.6.7
        key = election.credentials[ballot["credential"]][0]
        verify_knowledge(f"sig|{signed}|", key, ballot["signature"]["proof"], "the signature")
    with step("ballot-point", where):  # 9.6.8
        answers = [
            [Ciphertext(decode(c["alpha"]), decode(c["beta"]), f"{c['alpha']},{c['beta']}") for c in raw["choices"]]
            for raw in ballot["answers"]
        ]
    context = f"{ballot['election_hash']}|{ballot['credential']}"
    parts = [
        Answer(where, context, question, raw, choices, election.key)
        for question, raw, choices in zip(election.questions, ballot["answers"], answers, strict=True)
    ]
    # First all individual proofs, then the blank proofs, then the overall ones: the order of the list of checks.
    for verify in (Answer.verify_individual, Answer.verify_blank, Answer.verify_overall):
        for answer in parts:
            verify(answer)
    return Ballot(ballot["credential"], answers, len(proofs) + 1)


def proofs_of(answer: dict[str, Any]) -> list[dict[str, str]]:
    inner = [proof for proofs in answer["individual_proofs"] for proof in proofs]
    return [*inner, *answer["overall_proof"], *answer.get("blank_proof", [])]


def check_shape(answers: list[dict[str, Any]], questions: list[Question]) -> None:
    """As many answers, choices and proofs as the questions demand: a proof over nothing proves nothing. Check 9.6.4."""
    require(len(answers) == len(questions), "not as many answers as questions")
    for number, (answer, q) in enumerate(zip(answers, questions, strict=True), 1):
        what, individual = f"the answer to question {number}", answer["individual_proofs"]
        require(len(answer["choices"]) == q.size == len(individual), f"{what} has not {q.size} choices with proofs")
        require(all(len(proofs) == 2 for proofs in individual), f"{what}: a proof of a choice has not two branches")
        overall = q.maximum - q.minimum + 1 + q.blank
        require(len(answer["overall_proof"]) == overall, f"{what}: the overall proof has not {overall} branches")
        require(("blank_proof" in answer) == q.blank, f"{what}: a blank proof stands where blank votes are allowed")
        require(not q.blank or len(answer["blank_proof"]) == 2, f"{what}: the blank proof has not two branches")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with everything that its proofs speak of; `context` is fingerprint|credential."""

    where: str
    context: str
    question: Question
    raw: dict[str, Any]
    choices: list[Ciphertext]
    y: Point

    @property
    def whole(self) -> str:
        return f"{self.context}|{','.join(ct.text for ct in self.choices)}"

    def verify_individual(self) -> None:
        """Every choice is 0 or 1. Check 9.6.9."""
        for number, (ct, proofs) in enumerate(zip(self.choices, self.raw["individual_proofs"], strict=True), 1):
            with step("individual-proof", self.where):
                what = f"choice {number} is not shown to be 0 or 1"
                verify_one_of(f"prove|{self.context}|{ct.text}|", [(ct, 0), (ct, 1)], proofs, self.y, what)

    def verify_blank(self) -> None:
        """Either the vote is not blank, or nothing is chosen beside it. Check 9.6.10."""
        if self.question.blank:
            with step("blank-proof", self.where):
                statements = [(self.choices[0], 0), (ciphertext_sum(self.choices[1:]), 0)]
                what = "it is not shown that a blank vote chooses nothing else"
                verify_one_of(f"bproof0|{self.whole}|", statements, self.raw["blank_proof"], self.y, what)

    def verify_overall(self) -> None:
        """The number of options chosen lies within the limits, or the vote is blank. Check 9.6.11."""
        total = ciphertext_sum(self.choices[self.question.blank :])
        statements = [(total, m) for m in range(self.question.minimum, self.question.maximum + 1)]
        prefix = f"prove|{self.whole}|{total.text}|"
        if self.question.blank:
            statements, prefix = [(self.choices[0], 1), *statements], f"bproof1|{self.whole}|"
        with step("overall-proof", self.where):
            what = "the number of options chosen is not shown to be allowed"
            verify_one_of(prefix, statements, self.raw["overall_proof"], self.y, what)


# ------------------------------------------------------------------------------------------------------------------
# 9.8, 9.9 The tally and the shares

TALLY = [[{"alpha": is_hash, "beta": is_hash}]]
SHARE = {"decryption_factors": [[is_text]], "decryption_proofs": [[PROOF]]}


def encrypted_tally(election: Election, ballots: Iterable[Ballot]) -> list[list[dict[str, str]]]:
    """The sum of the ballots, each times the weight of its credential."""
    sums = [[(IDENTITY, IDENTITY)] * q.size for q in election.questions]
    for ballot in ballots:
        weight = election.credentials[ballot.credential][1]
        for row, answer in zip(sums, ballot.answers, strict=True):
            for place, ct in enumerate(answer):
                alpha, beta = row[place]
                row[place] = add(alpha, combine((weight, ct.alpha))), add(beta, combine((weight, ct.beta)))
    return [[{"alpha": encode(alpha), "beta": encode(beta)} for alpha, beta in row] for row in sums]


@dataclass(frozen=True, slots=True)
class Share:
    """A share as published: `payload` is the hash of its owned record, `factors` stand in the order of the tally."""

    owner: int
    payload: str
    factors: list[list[str]]


def verify_share(owner: int, text: bytes, election: Election, tally: list[list[dict[str, str]]]) -> list[list[str]]:
    """The factors of a share, each alpha times the owner's key as the Belenios proofs show. Checks 9.9.1 to 9.9.4."""
    where = f"trustee {owner}"
    with step("share-malformed", where):  # 9.9.1
        require_size(text, 1024 * (1 + sum(len(row) for row in tally)))
        share = parse_shape(text, SHARE, "the share")
        factors, proofs = share["decryption_factors"], share["decryption_proofs"]
        shapes = [[len(row) for row in rows] for rows in (factors, tally, proofs)]
        require(shapes[0] == shapes[1] == shapes[2], "it has not the form of the tally")
    with step("share-owner", where):  # 9.9.2
        require(owner <= len(election.trustees.keys), f"there is no trustee {owner}")
    flat = [(ct["alpha"], f, p) for cts, fs, ps in zip(tally, factors, proofs, strict=True)
            for ct, f, p in zip(cts, fs, ps, strict=True)]  # fmt: skip
    with step("share-factor", where):  # 9.9.3
        for alpha, factor, _ in flat:
            decode(factor, identity=True)
            is_right = (alpha == IDENTITY_TEXT) == (factor == IDENTITY_TEXT)
            require(is_right, "a factor is the identity exactly where alpha is")
    key = election.trustees.key_text(owner)
    with step("decryption-proof", where):  # 9.9.4
        for alpha, factor, proof in flat:
            verify_decryption(election.fingerprint, key, decode(key), decode(alpha, True), decode(factor, True), proof)
    return [list(row) for row in factors]


def share_context(setup: str, tally_event: str, owner: int, payload: str) -> bytes:
    """What a strong proof of a share is for. The hashes are hex."""
    hashes = bytes.fromhex(setup), bytes.fromhex(tally_event)
    return transcript("veche/v1/share", *hashes, owner, bytes.fromhex(payload))


def delivery_message(setup: str, tally_event: str, owner: int, payload: str, proof: dict[str, str]) -> bytes:
    """What a trustee signs when it delivers its share."""
    hashes = bytes.fromhex(setup), bytes.fromhex(tally_event)
    return transcript("veche/v1/share-delivery", *hashes, owner, bytes.fromhex(payload), *proof.values())


def lagrange(places: Sequence[int], j: int, at: int = 0) -> int:
    """The weight of place j when the polynomial through `places` is evaluated at `at`."""
    result = 1
    for k in places:
        if k != j:
            result = result * (at - k) * pow(j - k, -1, Q) % Q
    return result


def interpolate(places: Sequence[int], values: Sequence[Point], at: int = 0) -> Point:
    return combine(*((lagrange(places, j, at), value) for j, value in zip(places, values, strict=True)))


# ------------------------------------------------------------------------------------------------------------------
# The transparency log (docs/protocol.md section 12): the entries are the leaves of a tree of hashes (RFC 6962), and the log
# signs its root again and again. Every entry is here, so no proof is needed: the root is that of these entries, or it is not.

TILE_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
KEY_LENGTHS = {1: 32, 4: 32, 6: 1312}  # bytes, by the type: Ed25519, Ed25519 with a time, ML-DSA-44 with a time
MAX_TIME = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed note that says: the log `origin` has `size` entries with this `root`. `lines`: name, key ID, signature."""

    text: str
    origin: str
    size: int
    root: bytes
    lines: list[tuple[str, bytes, bytes]]


def is_key_name(name: str) -> bool:
    return name != "" and "+" not in name and all(one.isprintable() and not one.isspace() for one in name)


def parse_checkpoint(data: bytes) -> Checkpoint:
    """The checkpoint in its one form: three lines and perhaps more, an empty line, and 1 to 64 signature lines."""
    require_size(data, 256 * 1024)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckError("not UTF-8") from error
    require(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", whole), "a control character")
    text, _, below = whole.rpartition("\n\n")
    written = below.split("\n")
    require(text != "" and written.pop() == "" and 1 <= len(written) <= 64, "no text, empty line and signature lines")
    lines = []
    for line in written:
        parts = line.split(" ")
        require(len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1]), "no signature line")
        signature = parse_base64(parts[2])
        require(len(signature) >= 5, "a signature line is too short")
        lines.append((parts[1], signature[:4], signature[4:]))
    origin, size, root, *more = [*text.split("\n"), "", ""][: max(3, text.count("\n") + 1)]
    require(is_key_name(origin) and len(origin.encode()) <= 255, "the origin is no name of a key")
    require(re.fullmatch("0|[1-9][0-9]{0,18}", size) is not None and int(size) <= MAX_TIME, "the size is no number")
    require(len(parse_base64(root)) == 32, "the root has not 32 bytes")
    require(len(more) <= 16 and "" not in more, "more than 16 further lines, or an empty one")
    return Checkpoint(text + "\n", origin, int(size), parse_base64(root), lines)


def signed_kinds(checkpoint: Checkpoint, keys: Sequence[VerifierKey]) -> list[int]:
    """The types of those of `keys` that signed the checkpoint. A line of a known key that is wrong spoils all of it."""
    known = {(key.name, key.key_id): key for key in keys}
    kinds = []
    for name, key_id, signature in checkpoint.lines:
        key = known.get((name, key_id))
        if key is None:
            continue
        if key.kind == 1:
            verify_ed25519(key.public, checkpoint.text.encode(), signature)
        else:
            time = int.from_bytes(signature[:8], "big")
            length = 8 + (64 if key.kind == 4 else 2420)
            require(len(signature) == length and time <= MAX_TIME, f"the line of {name} is no signature with a time")
        if key.kind == 4:
            verify_ed25519(key.public, f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode(), signature[8:])
        kinds.append(key.kind)
    return kinds


def read_checkpoint(data: bytes, log: dict[str, Any]) -> tuple[Checkpoint, list[int]]:
    """The checkpoint, which this log has signed, and with keys of which types."""
    with step("checkpoint-malformed", "checkpoint"):  # 9.13.1
        checkpoint = parse_checkpoint(data)
    with step("checkpoint-origin", "checkpoint"):  # 9.13.2
        require(checkpoint.origin == log["origin"], "it is of another log than the manifest names")
    with step("checkpoint-signature", "checkpoint"):  # 9.13.3
        keys = [key for key in map(parse_vkey, log["keys"]) if key.name == log["origin"] and key.kind in (1, 6)]
        require(all(len(key.public) == KEY_LENGTHS[key.kind] for key in keys), "a key of the log has not its length")
        kinds = signed_kinds(checkpoint, keys)
        require(1 in kinds, "no Ed25519 key of the log has signed it")
    return checkpoint, kinds


def parse_policy(text: str) -> dict[str, VerifierKey]:
    """The witnesses that a policy names, with their keys; the whole policy is in its one form."""
    require(text.endswith("\n") and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "control characters, or cut short")
    require_size(text.encode(), 4_000_000)
    witnesses: dict[str, VerifierKey] = {}
    logs: list[bytes] = []
    names: set[str] = {"none"}
    members: set[str] = set()
    quorum: list[str] = []
    for line in text.split("\n"):
        word, *items = [item for item in re.split("[ \t]+", line) if item] or ["#"]
        if word == "log" and 1 <= len(items) <= 2:
            logs.append(policy_key(items[0], (1, 6)).public)
        elif word == "witness" and 2 <= len(items) <= 3:
            witnesses[items[0]] = policy_key(items[1], (4, 6))
        elif word == "group" and len(items) >= 3:
            require(names - {"none"} >= set(items[2:]), "a group has a member that no line before names")
            require(members.isdisjoint(items[2:]) and len(set(items[2:])) == len(items) - 2, "somebody is a member twice")
            members.update(items[2:])
            number = re.fullmatch("[1-9][0-9]{0,3}", items[1])
            require(items[1] in ("any", "all") or (number is not None and int(items[1]) <= len(items) - 2), "a group's number")
        elif word == "quorum" and len(items) == 1:
            require(items[0] in names, "the quorum is no name of a line before")
            quorum.append(items[0])
        else:
            require(word.startswith("#"), "a line is no log, witness, group or quorum")
        if word in ("witness", "group"):
            require(items[0] not in names, "a name stands twice")
            names.add(items[0])
        require(len(logs) + len(names) <= 1001, "more than 1000 logs, witnesses and groups")
    for keys in (logs, [key.public for key in witnesses.values()]):
        require(len(set(keys)) == len(keys), "a key stands twice")
    require(len(quorum) == 1, "there is not one quorum")
    return witnesses


def policy_key(text: str, kinds: tuple[int, int]) -> VerifierKey:
    key = parse_vkey(text)
    require(key.kind in kinds and len(key.public) == KEY_LENGTHS[key.kind], "a key is not of the type or length")
    return key


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_root(row: Sequence[bytes]) -> bytes:
    """The root over these hashes. A hash without a neighbour goes up as it is, which is RFC 6962's tree."""
    row = list(row)
    if not row:
        return hashlib.sha256(b"").digest()
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        row = [*pairs, *row[2 * len(pairs) :]]
    return row[0]


def tile_rows(leaves: list[bytes]) -> list[list[bytes]]:
    """The hashes of each level: those of level L + 1 are the roots of the full tiles of level L, 256 hashes each."""
    rows = [leaves]
    while len(rows[-1]) >= 256:
        below = rows[-1]
        rows.append([tree_root(below[i : i + 256]) for i in range(0, len(below) - 255, 256)])
    return rows


def parse_tile_path(path: str) -> tuple[str, int, int]:
    """Level (or `entries`), number and width of the tile at this path; a tile has one path."""
    found = TILE_PATH.fullmatch(path)
    if found is None or (found[1] != "entries" and int(found[1]) > 63):
        raise CheckError(f"{path[:100]} is no path of a tile")
    number, width = re.sub("[x/]", "", found[2]), int(found[3] or 256)
    require(len(number) == 3 or not number.startswith("000"), f"{path[:100]} is not the one path of this tile")
    require(1 <= width <= 256 and (found[3] is None or width < 256), f"{path[:100]} is no path of a tile")
    return found[1], int(number), width


# ------------------------------------------------------------------------------------------------------------------
# The phases of the audit, in their order


@dataclass(slots=True)
class Case:
    """What is known so far about the record under audit."""

    record: Record
    report: Report
    asked: str | None = None
    older: Path | None = None
    older_record: Record | None = None
    uuid: str = ""
    entries: list[Entry] = field(default_factory=list)
    manifest: dict[str, Any] | None = None
    trustees: Trustees | None = None
    trustees_text: bytes | None = None
    election: Election | None = None
    last: dict[str, Ballot] = field(default_factory=dict)
    shares: dict[int, Share] = field(default_factory=dict)

    @property
    def events(self) -> list[Event]:
        return self.record.events

    def event(self, kind: str) -> Event | None:
        return next((event for event in self.events if event.kind == kind), None)

    def annexes(self, *kinds: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind in kinds]

    def annex(self, *kinds: str) -> Entry | None:
        return next(iter(self.annexes(*kinds)), None)

    def find(self, digest: str) -> bytes | None:
        """The content of this SHA-256: a data file, or a record of the archive."""
        data = self.record.data.get(f"{digest[:2]}/{digest}")
        if data is not None:
            return data if sha256_hex(data) == digest else None
        return next((one for event in self.events for one in event.data if sha256_hex(one) == digest), None)

    @property
    def strict(self) -> bool:
        return self.report.level == "strict"

    @property
    def voted(self) -> int:
        """Credentials that count and have a ballot."""
        listed = self.election.credentials if self.election else {}
        return sum(1 for credential in self.last if listed[credential][1] > 0)


def election_uuid(events: list[Event]) -> str | None:
    """The uuid written in the election of Setup, if there is one that can be read."""
    try:
        value = parse_json(events[0].data[0]) if events else None
    except CheckError:
        return None
    return value["uuid"] if type(value) is dict and is_uuid(value.get("uuid")) else None


def bare_state(events: list[Event]) -> str:
    """The state that the chain alone shows."""
    last = events[-1].kind if events else ""
    return {
        "EndBallots": "closed",
        "EncryptedTally": "decrypting",
        "Shuffle": "shuffling",
        "EndShuffles": "decrypting",
        "PartialDecryption": "decrypting",
        "Result": "tallied",
    }.get(last, "open")


def phase_archive(case: Case) -> str:
    """9.1"""
    case.record.events = read_archive(case.record.archive)
    with step("no-setup", "archive", "unchecked"):
        require(case.events != [] or case.record.folder, "the archive holds no election yet")
    case.report.state = bare_state(case.events)
    case.report.election = election_uuid(case.events)
    case.uuid = case.report.election or ""
    case.report.counts["events"] = len(case.events)
    case.report.counts["records"] = sum(len(event.data) + 1 for event in case.events) + 1
    return f"{len(case.events)} events, {case.report.counts['records']} records"


def phase_entries(case: Case) -> str:
    """9.2"""
    record = case.record
    if not record.folder:
        return "none, only the archive is given"
    with step("folder-form", record.name):  # 9.2.1
        require(record.entries is not None and record.manifest is not None, "entries.jsonl or manifest.json is missing")
    with step("manifest-hash", "manifest.json"):  # 9.4.1, before anything is read from the manifest
        named = re.match(rb'\{"annex":"manifest",.*"manifest":"([0-9a-f]{64})"\}\n', record.entries or b"")
        same_manifest = named is None or named[1].decode() == sha256_hex(record.manifest or b"")
        require(same_manifest, "the first entry names another manifest than this one")
    with step("folder-form", record.name):  # 9.2.1
        try:
            case.manifest = parse_manifest(record.manifest or b"")
        except CheckError:
            case.manifest = None  # said by 9.4.2
        stem = record.name.removesuffix(".bel")
        uuid = case.manifest["uuid"] if case.manifest else case.uuid or stem
        require(is_uuid(stem) and stem == uuid, "the archive is not called UUID.bel after its election")
        lines = (record.entries or b"").split(b"\n")
        require(lines.pop() == b"" and b"" not in lines, "every line of entries.jsonl ends in exactly one newline")
    case.uuid = case.report.election = stem
    case.report.level = case.manifest["level"] if case.manifest else "belenios"
    follow_entries(case, lines)
    with step("chain-differs", "entries.jsonl"):  # 9.2.6
        chain = [entry.text for entry in case.entries if not entry.annex]
        require(chain == [event.text for event in case.events], "its events are not those of the archive")
    check_data(case)
    case.report.counts["entries"] = len(lines)
    return f"{len(lines)} entries, {len(record.data)} data files, state {case.report.state}"


def follow_entries(case: Case, lines: list[bytes]) -> None:
    """Read the entries one by one. Checks 9.2.2 to 9.2.5."""
    parsed: list[Entry] = []
    trustees = hidden_trustees(case, lines)
    course = Course(case.strict, has_shuffles(case.events), trustees.required() if trustees else None)
    clock = Clock(case.manifest)
    owners = {event.payload: event.owner for event in case.events if event.kind == "PartialDecryption"}
    for number, line in enumerate(lines):
        entry = parse_entry(number, line, case.uuid)
        with step("entry-order", entry.where):  # 9.2.4
            share = entry.kind == "PartialDecryption"
            course.take(entry.kind, owners.get(entry.value["payload"]) if share else entry.value.get("owner"))
        with step("entry-time", entry.where):  # 9.2.5
            clock.take(entry)
        parsed.append(entry)
    case.entries, case.trustees = parsed, trustees
    case.report.state = "draft" if course.state == "(nothing)" else course.state


def hidden_trustees(case: Case, lines: list[bytes]) -> Trustees | None:
    """The trustees, needed for the order of entries: those of Setup, or before Setup those that the ceremony names."""
    text = case.events[0].data[1] if case.events else None
    found = [re.match(rb'\{"annex":"dkg",.*"ceremony":"([0-9a-f]{64})"\}', line) for line in lines]
    for match in found if text is None else []:
        runs = run_chain(case.find, match[1].decode()) if match else []
        text = case.find(runs[0].get("trustees", "")) if runs else text
    case.trustees_text = text
    try:
        trustees = parse_trustees(text) if text is not None else None
        for group in trustees.groups if trustees else []:
            check_limits(group.threshold, len(group.owners), group.raw, group.coefficients)
    except CheckError:
        return None  # said by 9.3.7 or 9.3.8
    return trustees


def has_shuffles(events: list[Event]) -> bool:
    """Whether a question of the election needs a mixnet."""
    try:
        value = parse_json(events[0].data[0]) if events else {}
    except CheckError:
        return False
    questions = value.get("questions") if type(value) is dict else None
    listed = questions if type(questions) is list else []
    return any(type(q) is dict and q.get("type") == "NonHomomorphic" for q in listed)


def check_data(case: Case) -> None:
    """The data files are exactly those that are named. Checks 9.2.7 to 9.2.9."""
    data = case.record.data
    records = {sha256_hex(one) for event in case.events for one in (*event.data, event.text)}
    manifest = sha256_hex(case.record.manifest or b"")
    named: set[str] = set()
    for digest, who in names_of_entries(case.entries, case.manifest, case.find):
        with step("data-missing", who):  # 9.2.7
            there = digest in records or data.get(f"{digest[:2]}/{digest}") is not None
            require(there or digest == manifest, f"it names {digest[:16]}…, which is not there")
        named.add(digest)
    for name, content in data.items():
        with step("data-hash", f"data/{name}"):  # 9.2.8
            digest = name.rpartition("/")[2]
            same_hash = content is None or not is_hash(digest) or sha256_hex(content) == digest
            require(same_hash, "its content has not the SHA-256 of its name")
    runs = [run_chain(case.find, entry.value["ceremony"]) for entry in case.annexes("dkg")]
    unread = case.manifest is None or any({} in chain for chain in runs)  # then what they name is not known
    for name in () if unread else data:
        with step("data-unnamed", f"data/{name}"):  # 9.2.9
            digest = name.rpartition("/")[2]
            require(name == f"{digest[:2]}/{digest}" and digest in named, "nothing in the record names this file")
            once = digest not in records and digest != manifest
            require(once, "this file is a record of the archive or the manifest, and not to be stored twice")


def phase_setup(case: Case) -> str:
    """9.3"""
    counts = case.report.counts
    if not case.events:
        if case.trustees_text is not None:
            case.trustees = check_trustees(case.trustees_text, counts)
        with step("no-setup", "entries.jsonl", "unchecked"):
            require(case.entries != [], "the record has no entry yet")
        return "not sealed yet"
    case.election = election = check_setup(case.events[0].data, counts)
    case.trustees = election.trustees
    case.report.election = election.uuid
    with step("event-order", "archive"):  # 9.1.8
        mixed = [event for event in case.events if event.kind in ("Shuffle", "EndShuffles")]
        require(mixed == [], "a Shuffle or EndShuffles event where no question needs one: nobody would look at it")
    if any(group.old for group in election.trustees.groups):
        message = "The threshold keys were made in the form before Belenios 2.5.1."
        case.report.note("notice", "legacy-key-generation", "trustees.json", message)
    listed = election.credentials
    weights = Counter(weight for _, weight in listed.values())
    small = sorted(weight for weight, voters in weights.items() if voters < 3)
    if election.weighted and small:
        message = f"Fewer than 3 voters share the weight {small[0]}, which may show how they voted."
        case.report.note("warning", "small-weight-class", "credentials", message)
    return f"questions {len(election.questions)}, credentials {len(listed)}, trustees {counts['trustees']}"


def phase_manifest(case: Case) -> str:
    """9.4"""
    report, election, asked = case.report, case.election, case.asked
    if not case.record.folder:
        level = "belenios"
        if election is not None and any(line.startswith("veche:") for line in election.description.split("\n")):
            with step("manifest-line", "election.json"):  # 9.4.5
                level, _ = parse_line(election.description)
        with step("folder-form", case.record.name):  # 9.2.1
            require(level != "strict" or not case.record.bare, "an election of level strict has entries and a manifest")
        if level == "strict":
            message = "The election is of level strict, but the archive alone holds no strong proofs."
            severity = "unchecked" if asked == "strict" else "notice"
            report.note(severity, "strong-proofs-not-supplied", case.record.name, message)
        elif election is not None and "veche:" in election.description:
            message = "The election has a manifest, which is not here: times, minimum and credentials issued were not checked."
            report.note("notice", "manifest-not-supplied", case.record.name, message)
        with step("level-too-low", case.record.name):
            require(level == "strict" or asked != "strict", "the election is of level belenios, not strict")
        return "none, only the archive is given"
    first = case.annex("manifest")
    if first is not None:
        questions = [question.answers for question in election.questions] if election else []
        description = election.description if election else None
        text = case.record.manifest or b""
        uuid = election.uuid if election else case.uuid
        case.manifest = check_manifest(text, first.value["manifest"], uuid, description, questions)
        report.level = case.manifest["level"]
        if case.manifest["rehearsal"]:
            report.note("notice", "rehearsal", "manifest.json", "This is a rehearsal, no real election.")
    with step("level-too-low", "manifest.json"):
        require(case.strict or asked != "strict", "the election is of level belenios, not strict")
    return f"level {report.level}"


def phase_ceremony(case: Case) -> str:
    """9.5"""
    dkg, trustees = case.annex("dkg"), case.trustees
    runs: list[dict[str, Any]] = []
    used: list[list[dict[str, Any]]] = []
    data = case.find(dkg.value["ceremony"]) if dkg else None
    while data is not None:
        with step("ceremony-malformed", "run file"):  # 9.5.1
            run = parse_run(data)
        with step("ceremony-certificates", "run file"):  # 9.5.2
            certificates = check_run_certificates(run)
        check_reveals(run, certificates)
        check_judgement(run, certificates, case.report)
        runs.append(run)
        used.append(certificates)
        data = case.find(run["previous"]) if "previous" in run else None
    if runs and trustees is not None:
        with step("ceremony-trustees", "trustees.json"):  # 9.5.6
            check_ceremony_trustees(runs, used, trustees, case.strict)
    drills = case.annexes("drill")
    for drill in drills:
        with case.report.collecting(), step("drill-proof", drill.where):  # 9.5.7
            owner, value = drill.value["owner"], drill.value
            require(trustees is None or owner <= len(trustees.keys), f"there is no trustee {owner}")
            if trustees is not None:
                hashes = [hashlib.sha256(text).digest() for text in (case.record.manifest or b"", trustees.text)]
                public = trustees.key_text(owner)
                verify_drill(case.uuid, hashes[0], hashes[1], owner, public, value["factor"], value["proof"])
    case.report.counts["runs"], case.report.counts["drills"] = len(runs), len(drills)
    if case.record.folder and case.events and not runs and not drills:
        message = "There was no ceremony and no drill: the lot that decides a tie could be foreseen."
        case.report.note("notice", "lot-foreseeable", "entries.jsonl", message)
    return f"{len(runs)} runs of the ceremony, {len(drills)} drills"


def check_tiles(record: Record, rows: list[list[bytes]], size: int) -> bool:
    """Every tile that lies here is that of these entries, and those of `size` entries are all here, or none at all is."""
    lines = (record.entries or b"").split(b"\n")[:-1]
    bundles = [len(line).to_bytes(2, "big") + line for line in lines]
    parts: dict[str, list[bytes]] = {"entries": bundles, **{str(level): row for level, row in enumerate(rows)}}
    widest: dict[tuple[str, int], int] = {}
    for path, file in record.tiles.items():
        level, number, width = parse_tile_path(path)
        right = parts.get(level, [])[256 * number : 256 * number + width]
        require(len(right) == width, f"{path} is there, which {len(lines)} entries do not have")
        require(is_plain(file) and file.read_bytes() == b"".join(right), f"{path} is not what the entries give")
        widest[level, number] = max(width, widest.get((level, number), 0))
    for level in parts:
        covered = size if level == "entries" else size >> 8 * int(level)
        for number in range(-(-covered // 256)):
            there = widest.get((level, number), 0) >= min(256, covered - 256 * number)
            require(there or not widest, f"tile {number} of level {level} is not there, which the checkpoint promises")
    return widest != {} or size == 0


def check_witnesses(case: Case, checkpoint: Checkpoint, log: dict[str, Any]) -> list[int]:
    """Every line of a witness that the manifest names is its cosignature; the types of their keys."""
    try:
        witnesses = parse_policy(log["policy"]) if log["policy"] else {}
    except CheckError as error:
        case.report.note("warning", "policy-unreadable", "manifest.json", f"No cosignature was looked at: {error}.")
        return []
    with step("cosignature-wrong", "checkpoint"):  # 9.13.4
        kinds = {name: signed_kinds(checkpoint, [key]) for name, key in witnesses.items()}
    cosigned = [name for name, found in kinds.items() if found]
    if witnesses:
        message = f"Cosigned by {len(cosigned)} of the {len(witnesses)} witnesses that the manifest names."
        case.report.note("notice", "log-cosigned", "checkpoint", message)
    return [kind for found in kinds.values() for kind in found]


def check_older_checkpoint(case: Case, log: dict[str, Any], leaves: list[bytes]) -> None:
    """What the log signed in the older copy is the beginning of what is here. Check 9.13.7."""
    older = case.older_record
    if older is None or not older.folder or older.checkpoint is None:
        return
    try:
        before, _ = read_checkpoint(older.checkpoint, log)
    except FindingError as error:
        message = f"the checkpoint of the older copy: {error}"
        case.report.note("unchecked", "against-unreadable", older.name, message)
        return
    with case.report.collecting(), step("log-changed", older.name):  # 9.13.7
        same_start = before.size <= len(leaves) and tree_root(leaves[: before.size]) == before.root
        require(same_start, f"the log had signed {before.size} entries that are not the first ones here")


def phase_log(case: Case) -> str:
    """9.13"""
    log = case.manifest.get("log") if case.manifest and case.record.folder else None
    if log is None:
        return "none is named"
    leaves = [leaf_hash(entry.text) for entry in case.entries]
    checkpoint = None
    if case.record.checkpoint is None:
        case.report.note("notice", "log-not-served", "log", "The manifest names a log, but no checkpoint lies in the folder.")
    else:
        checkpoint, kinds = read_checkpoint(case.record.checkpoint, log)
        if 6 in kinds + check_witnesses(case, checkpoint, log):
            message = "A line of the checkpoint is signed with ML-DSA-44, which Python cannot check."
            case.report.note("notice", "ml-dsa-not-checked", "checkpoint", message)
        with step("log-size", "checkpoint"):  # 9.13.5
            require(checkpoint.size <= len(leaves), f"the log signed {checkpoint.size} entries, {len(leaves)} are here")
        if checkpoint.size < len(leaves):
            message = f"The checkpoint covers {checkpoint.size} of {len(leaves)} entries; the rest came later."
            case.report.note("notice", "log-behind", "checkpoint", message)
        with step("log-root", "checkpoint"):  # 9.13.6
            require(tree_root(leaves[: checkpoint.size]) == checkpoint.root, "the signed root is not that of these entries")
    check_older_checkpoint(case, log, leaves)
    if checkpoint is None:
        return "no checkpoint"
    with step("log-tiles", "tile"):  # 9.13.8
        there = check_tiles(case.record, tile_rows(leaves), checkpoint.size)
    if not there:
        case.report.note("notice", "tiles-not-served", "tile", "The tiles are not here; the root was made from the entries.")
    return f"{checkpoint.size} of {len(leaves)} entries signed, {len(case.record.tiles)} tiles"


def phase_ballots(case: Case) -> str:
    """9.6"""
    election, report = case.election, case.report
    ballots = [event for event in case.events if event.kind == "Ballot"]
    report.counts.update(ballots=0, proofs=0, voters=0)
    seen: set[bytes] = set()
    alphas: set[str] = set()
    for event in ballots if election is not None else []:
        text, ballot = event.data[0], None
        with report.collecting():
            found = verify_ballot(text, election) if election else None
            with step("duplicate-ballot", ballot_name(text)):  # 9.6.12
                require(text not in seen, "the same ballot stands earlier in the chain")
            ballot = found
        if ballot is None:
            continue
        seen.add(text)
        here = [ct.text[:64] for answer in ballot.answers for ct in answer]
        if alphas & set(here) or len(set(here)) < len(here):
            report.note("warning", "equal-alphas", ballot_name(text), "The same randomness was used twice.")
        alphas.update(here)
        case.last[ballot.credential] = ballot
        report.counts.update(ballots=1, proofs=ballot.proofs)
    report.counts["voters"] = len(case.last)
    return f"{len(ballots)} ballots of {len(case.last)} credentials, {report.counts['proofs']} proofs"


def phase_people(case: Case) -> str:
    """9.7"""
    if not case.record.folder or case.manifest is None or case.election is None:
        return "nothing to check" if case.record.folder else "none, only the archive is given"
    handed: set[str] = set()
    with case.report.collecting():  # the totals after a fault would only repeat it
        for entry in case.annexes("issued"):
            handed |= check_issued(case, entry, case.manifest, handed)
    demanded = issuing_ended(case) and (case.strict or case.annex("issued") is not None)
    for credential in case.last if demanded and not case.report.has("error") else ():
        if credential not in handed:  # 9.7.5
            message = "It voted, but the registrar did not name it as handed out."
            case.report.note("error", "not-issued", f"credential {credential[:16]}…", message)
    for check in (check_opened, check_closed, check_voted, check_withheld):
        with case.report.collecting():
            check(case, case.manifest)
    return f"{len(handed)} credentials handed out, {case.voted} voted"


def issuing_ended(case: Case) -> bool:
    """Whether the last list of credentials is out: until then a running record may lag behind its ballots."""
    kinds = [entry.kind for entry in case.entries]
    return "closed" in kinds and bool({"issued", "EncryptedTally", "withheld"} & set(kinds[kinds.index("closed") :]))


def check_issued(case: Case, entry: Entry, manifest: dict[str, Any], handed: set[str]) -> set[str]:
    """The credentials newly handed out by this entry. Checks 9.7.1 to 9.7.4."""
    value, listed = entry.value, case.election.credentials if case.election else {}
    with step("issued-signature", entry.where):  # 9.7.1
        require("registrar" in manifest, "the manifest names no registrar")
        signed = dumps({name: part for name, part in value.items() if name != "signature"}) + b"\n"
        verify_note_line(parse_vkey(manifest["registrar"]), signed, value["signature"])
    with step("issued-credentials", entry.where):  # 9.7.2
        fresh = parse_shape(case.find(value["credentials"]) or b"", [is_text], "the list of credentials")
        order = {credential: place for place, credential in enumerate(listed)}
        places = [order.get(credential, -1) for credential in fresh]
        require(-1 not in places, "it names a credential that is not in the list of Setup")
        require(places == sorted(set(places)), "it is not in the order of Setup")
        require(handed.isdisjoint(fresh), "it names a credential that was named before")
    with step("issued-total", entry.where):  # 9.7.3
        total = len(handed) + len(fresh)
        require(value["total"] == total, f"its total should be {total}, found {value['total']}")
    with step("issued-electorate", entry.where):  # 9.7.4
        require(total <= manifest["electorate"], f"more than the {manifest['electorate']} who may vote")
    return set(fresh)


def explained(case: Case, entry: Entry, *kinds: str) -> bool:
    """Whether one of these annexes stands before `entry`."""
    return any(other.number < entry.number for other in case.annexes(*kinds))


def check_opened(case: Case, manifest: dict[str, Any]) -> None:
    """Opened when announced. Check 9.7.6."""
    entry = case.annex("opened")
    if entry is not None:
        with step("opened-time", entry.where):
            late = entry.value["time"] - manifest["opens_at"]
            require(late >= 0, f"opened {-late} seconds before the time announced")
            require(late <= 60 or explained(case, entry, "incident"), f"opened {late} seconds late, unexplained")


def check_closed(case: Case, manifest: dict[str, Any]) -> None:
    """Closed when announced or extended to. Check 9.7.7."""
    opened, entry = case.annex("opened"), case.annex("closed")
    end = max([manifest["closes_at"], *(one.value["closes_at"] for one in case.annexes("extended"))])
    if opened is not None:
        with step("closed-time", opened.where):
            require(opened.value["time"] < end, "opened after the time at which it was to close")
    if entry is not None:
        with step("closed-time", entry.where):
            late = entry.value["time"] - end
            require(late >= 0, f"closed {-late} seconds before the end of voting")
            reason = explained(case, entry, "incident", "suspended")
            require(late <= 60 or reason, f"closed {late} seconds late, unexplained")


def check_voted(case: Case, manifest: dict[str, Any]) -> None:
    """The numbers of voters said at closing are right. Check 9.7.8."""
    for entry in case.annexes("closed", "withheld"):
        with step("closed-ballots", entry.where):
            require(entry.value["ballots"] == case.voted, f"{case.voted} voted, but it says {entry.value['ballots']}")


def check_withheld(case: Case, manifest: dict[str, Any]) -> None:
    """Nothing is opened when too few voted, and nothing withheld otherwise. Check 9.7.9."""
    entry, minimum = case.annex("withheld"), manifest["minimum_ballots"]
    with step("withheld", entry.where if entry else "event EncryptedTally"):
        if entry is not None:
            require(entry.value["minimum"] == minimum, f"the minimum is {minimum}, not {entry.value['minimum']}")
            require(case.voted < minimum, f"withheld although {case.voted} voted")
        elif case.event("EncryptedTally") is not None:
            require(case.voted >= minimum, f"only {case.voted} voted, the result was to be withheld")


def phase_tally(case: Case) -> str:
    """9.8"""
    event, election = case.event("EncryptedTally"), case.election
    if event is None or election is None:
        return "not published yet"
    where = f"event {event.height}"
    with step("encrypted-tally", where):  # 9.8.1
        recomputed = dumps(encrypted_tally(election, case.last.values()))
        require(event.data[0] == recomputed, "it is not the sum of the last ballots of all credentials")
    weight = sum(election.credentials[credential][1] for credential in case.last)
    with step("sized-tally", where):  # 9.8.2
        sizes = {"num_tallied": len(case.last), "total_weight": count_text(weight)}
        require(event.data[1] == dumps({**sizes, "encrypted_tally": sha256_hex(recomputed)}), f"it should say {sizes}")
    return f"{len(case.last)} ballots counted, total weight {weight}"


def phase_shares(case: Case) -> str:
    """9.9"""
    events = [event for event in case.events if event.kind == "PartialDecryption"]
    tally_event, election = case.event("EncryptedTally"), case.election
    if tally_event is None or election is None:
        return "none yet"
    tally = json.loads(tally_event.data[0])
    bad: dict[int, FindingError] = {}
    for event in events:
        owner = event.owner or 0
        try:
            factors = verify_share(owner, event.data[0], election, tally)
            check_strong_proof(case, Share(owner, event.payload, factors), tally_event, tally, event is events[-1])
            case.shares[owner] = Share(owner, event.payload, factors)
        except FindingError as error:
            bad[owner] = error
    grouped = {owner for group in election.trustees.groups for owner in group.owners}
    enough = all(len(case.shares.keys() & set(owners)) >= t for owners, t in election.trustees.required())
    for owner, fault in bad.items():
        if owner in grouped and enough and not case.strict:
            case.report.note("warning", "bad-share", f"trustee {owner}", f"Left out: {fault}")
        else:
            case.report.add(fault)
    for entry in case.annexes("share-refused"):
        with case.report.collecting(), step("share-refused", entry.where):  # 9.9.6
            check_refused(case, entry, tally_event, tally)
    check_polynomials(case, election)
    case.report.counts["shares"] = len(case.shares)
    return f"{len(case.shares)} good shares of {len(events)}"


def good_of(case: Case, group: Group) -> list[int]:
    return [owner for owner in group.owners if owner in case.shares]


def check_strong_proof(
    case: Case, share: Share, tally_event: Event, tally: list[list[dict[str, str]]], newest: bool
) -> None:
    """The share has its strong proof (level strict), and one that is supplied is good. Check 9.9.5."""
    entries = [entry for entry in case.annexes("decryption-proof") if entry.value["owner"] == share.owner]
    with step("strong-proof", f"trustee {share.owner}"):
        waits = case.report.state == "proving" and newest  # the record ends between a share and its proof
        require(entries != [] or waits or not case.strict, "its share has no strong proof")
        for entry in entries:
            require(entry.value["payload"] == share.payload, "its strong proof speaks of another share")
            verify_strong_proof(case, share, tally_event, tally, entry.value["proof"])
            case.report.counts["strong_proofs"] += 1


def verify_strong_proof(
    case: Case, share: Share, tally_event: Event, tally: list[list[dict[str, str]]], proof: dict[str, str]
) -> None:
    """All factors of the share are the alphas times the secret of its owner's key."""
    context = share_context(case.events[0].digest, tally_event.digest, share.owner, share.payload)
    alphas = [ct["alpha"] for row in tally for ct in row]
    factors = [factor for row in share.factors for factor in row]
    key = case.trustees.key_text(share.owner) if case.trustees else ""
    verify_equality(context, key, alphas, factors, proof)


def check_refused(case: Case, entry: Entry, tally_event: Event, tally: list[list[dict[str, str]]]) -> None:
    """A refused share was signed by its trustee and is bad for the reason given; else the organizer erred. 9.9.6"""
    value, election = entry.value, case.election
    owner, payload = value["owner"], value["payload"]
    if election is None:
        return
    if not {"proof", "signature"} <= set(value):
        require(not case.strict, "a share was refused without the proof and the signature that it came with")
        message = f"Only the organizer says that trustee {owner} sent a bad share."
        case.report.note("notice", "share-refused-unproven", entry.where, message)
        return
    require(owner <= len(election.trustees.keys), f"there is no trustee {owner}")
    delivered = delivery_message(case.events[0].digest, tally_event.digest, owner, payload, value["proof"])
    verify_signature(election.trustees.key_text(owner), delivered, value["signature"])
    fault = fault_of_refused(case, entry, election, tally_event, tally)
    require(fault == value["reason"], f"the organizer refused it for {value['reason']}, but the fault is: {fault}")
    message = f"Trustee {owner} sent a bad share ({fault}), signed by itself."
    case.report.note("warning", "share-refused-rightly", entry.where, message)


def fault_of_refused(
    case: Case, entry: Entry, election: Election, tally_event: Event, tally: list[list[dict[str, str]]]
) -> str:
    """What is wrong with a refused share, in the words of share-refused."""
    owner, payload = entry.value["owner"], entry.value["payload"]
    owned = refused_owned(case.find(payload))
    text = case.find(owned["payload"]) if owned and owned["owner"] == owner else None
    try:
        factors = verify_share(owner, text or b"", election, tally)
        verify_strong_proof(case, Share(owner, payload, factors), tally_event, tally, entry.value["proof"])
    except FindingError as error:
        return "belenios-proof" if error.finding["code"] == "decryption-proof" else "malformed"
    except CheckError:
        return "strong-proof"
    return "nothing"


def check_polynomials(case: Case, election: Election) -> None:
    """More shares of a group than needed lie on one polynomial. Check 9.9.7."""
    for group in election.trustees.groups:
        owners, t = good_of(case, group), group.threshold
        places = [group.owners.index(owner) + 1 for owner in owners]
        rows = [[decode(f, True) for row in case.shares[owner].factors for f in row] for owner in owners]
        for owner, place, row in list(zip(owners, places, rows, strict=True))[t:]:
            with case.report.collecting(), step("shares-disagree", f"trustee {owner}"):
                for i, factor in enumerate(row):
                    expected = interpolate(places[:t], [first[i] for first in rows[:t]], place)
                    require(same(expected, factor), "its share does not lie on one polynomial with the others")


def decrypted(case: Case, election: Election, q: int, i: int, beta: str) -> Point:
    """beta minus the factors of all: the published count times G."""
    total = decode(beta, True)
    for owner in election.trustees.single:
        total = minus(total, decode(case.shares[owner].factors[q][i], True))
    for group in election.trustees.groups:
        owners = good_of(case, group)[: group.threshold]
        values = [decode(case.shares[owner].factors[q][i], True) for owner in owners]
        total = minus(total, interpolate([group.owners.index(owner) + 1 for owner in owners], values))
    return total


def phase_result(case: Case) -> str:
    """9.10"""
    event, election, tally_event = case.event("Result"), case.election, case.event("EncryptedTally")
    if event is None or election is None or tally_event is None:
        return "not published yet"
    where = f"event {event.height}"
    with step("shares-missing", where):  # 9.10.1
        for owners, threshold in election.trustees.required():
            good = sum(1 for owner in owners if owner in case.shares)
            who = f"trustee {owners[0]}" if len(owners) == 1 else f"trustees {owners[0]} to {owners[-1]}"
            require(good >= threshold, f"{threshold} good shares of {who} are needed, found {good}")
    with step("result-malformed", where):  # 9.10.2
        require_size(event.data[0], 1024 * (1 + sum(question.size for question in election.questions)))
        result = parse_shape(event.data[0], {"result": [[is_count]]}, "the result")["result"]
        sizes = [question.size for question in election.questions]
        require([len(row) for row in result] == sizes, "it has not the form of the questions")
    weight = sum(election.credentials[credential][1] for credential in case.last)
    with step("result-range", where):  # 9.10.3
        require(all(0 <= int(n) <= weight for row in result for n in row), f"a count is not between 0 and {weight}")
    tally = json.loads(tally_event.data[0])
    for q, row in enumerate(result):
        for i, n in enumerate(row):
            with step("result", where):  # 9.10.4
                opened = decrypted(case, election, q, i, tally[q][i]["beta"])
                require(same(opened, combine((int(n), G))), f"question {q + 1}, count {i + 1} is not {n}")
    for entry in case.annexes("published", "certified"):
        with case.report.collecting(), step("published-result", entry.where):  # 9.10.5
            require(entry.value["result"] == event.payload, "it names another result")
    published, certified = case.annex("published"), case.annex("certified")
    if published is not None and certified is not None and case.manifest is not None:
        with step("appeal-days", certified.where):  # 9.10.6
            first = published.value["time"] + case.manifest["appeal_days"] * 86400
            require(certified.value["time"] >= first, f"certified {first - certified.value['time']} seconds too early")
    case.report.result = None if case.report.has("error") else result
    return json.dumps(result)


def phase_comparison(case: Case) -> str:
    """9.11"""
    if case.older is None:
        return "no older copy given"
    name = case.older.name
    try:
        older = read_source(case.older)
        older.events = read_archive(older.archive)
    except (OSError, FindingError) as error:
        with step("against-unreadable", name, "unchecked"):
            raise CheckError(f"the older copy cannot be read: {error}") from error
    case.older_record = older
    with step("against-other-election", name):
        uuid = election_uuid(older.events)
        require(uuid is None or uuid == case.uuid, f"the older copy is of the election {uuid}")
    with step("history-changed", name):  # 9.11.1
        require(case.record.archive.startswith(older.archive), "the older archive is no beginning of this one")
        gone = older.entries is not None and case.record.entries is None
        require(not gone or not case.record.bare, "the older copy has entries, and this folder has none")
        both = older.entries is not None and case.record.entries is not None
        same_start = not both or (case.record.entries or b"").startswith(older.entries or b"")
        require(same_start, "the older entries are no beginning of these")
    with step("entries-not-supplied", name, "unchecked"):
        require(not gone, "the older copy has entries, and this archive comes without")
    return f"{len(older.events)} older events are unchanged"


PHASES: list[tuple[str, str, Callable[[Case], str]]] = [
    ("9.1", "archive", phase_archive),
    ("9.2", "entries", phase_entries),
    ("9.11", "comparison", phase_comparison),
    ("9.3", "Setup", phase_setup),
    ("9.4", "manifest", phase_manifest),
    ("9.5", "ceremony", phase_ceremony),
    ("9.13", "log", phase_log),
    ("9.6", "ballots", phase_ballots),
    ("9.7", "people", phase_people),
    ("9.8", "tally", phase_tally),
    ("9.9", "shares", phase_shares),
    ("9.10", "result", phase_result),
]


def run_phases(case: Case, names: Sequence[str] | None = None) -> list[str]:
    """Run the phases in order; what one finds wrong ends the audit. Gives a line for each."""
    lines, stopped = [], False
    for number, title, phase in PHASES:
        if names is not None and number not in names:
            continue
        label = f"{number:5}{title:11}"
        if stopped:
            lines.append(f"{label}not reached")
            continue
        before = len(case.report.findings)
        try:
            lines.append(label + phase(case))
        except FindingError as error:
            case.report.add(error)
            stopped = number != "9.11"
        new = case.report.findings[before:]
        wrong = [finding for finding in new if finding["severity"] == "error"]
        stopped = stopped or bool(wrong)
        if wrong or stopped:
            lines = [line for line in lines if not line.startswith(label)] + [f"{label}{new[-1]['code']}"]
    return lines


def audit(source: Path, older: Path | None = None, asked: str | None = None) -> tuple[Report, list[str]]:
    """The report about SOURCE, and a line for people about each phase."""
    report = Report()
    try:
        record = read_source(source)
    except OSError as error:
        report.note("unchecked", "unreadable", source.name, f"Cannot be read: {error.strerror}.")
        return report, []
    except FindingError as error:
        report.add(error)
        return report, []
    return report, run_phases(Case(record, report, asked, older))


# ------------------------------------------------------------------------------------------------------------------
# Single ballots, the command line


def load_election(source: Path, report: Report) -> Election | None:
    """The election at SOURCE, of which only archive and Setup are checked; or the one of verify-ballot's folder."""
    names = ("election.json", "trustees.json", "public_creds.json")
    try:
        if (source / names[0]).is_file() and not any(source.glob("*.bel")):
            texts = [(source / name).read_bytes().removesuffix(b"\n") for name in names]
            return check_election(texts, report.counts, with_login=True)
        case = Case(read_source(source), report)
        run_phases(case, ("9.1", "9.3"))
    except OSError as error:
        report.note("unchecked", "unreadable", source.name, f"Cannot be read: {error.strerror}.")
    except FindingError as error:
        report.add(error)
    else:
        if not case.events and not report.findings:
            report.note("unchecked", "no-setup", source.name, "The record holds no election yet.")
        return case.election
    return None


def check_ballot_files(source: Path, files: Sequence[Path]) -> tuple[Report, list[str]]:
    """The report about single ballots for the election at SOURCE, and a line for each."""
    report = Report()
    lines: list[str] = []
    election = load_election(source, report)
    if election is None:
        return report, lines
    report.election = election.uuid
    for file in files:
        try:
            text = file.read_bytes().removesuffix(b"\n")
            report.counts.update(ballots=1, proofs=verify_ballot(text, election).proofs)
            lines.append(f"{file}: good, tracker {sha256_base64(text)}")
        except OSError as error:
            report.note("unchecked", "unreadable", file.name, f"Cannot be read: {error.strerror}.")
            lines.append(f"{file}: unreadable: {error.strerror}")
        except FindingError as error:
            report.add(error)
            lines.append(f"{file}: {error.finding['code']}: {error}")
    return report, lines


VERDICTS = {
    "ok": "OK: everything that was checked holds.",
    "refuted": "REFUTED: what was published cannot be right.",
    "unchecked": "UNCHECKED: this could not be checked, which says nothing about the election.",
}
EXIT_CODES = {"ok": 0, "refuted": 1, "unchecked": 2}


class Usage(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def own_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error of this program is neither a verdict nor an exit code that could be taken for one."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(70)


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit, print, and give the exit code."""
    parser = Usage(prog="onefile.py", description="Check an election from its published record alone.")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="an archive UUID.bel or a folder")
    parser.add_argument("--against", type=Path, metavar="OLDER", help="an older copy, a beginning of SOURCE")
    parser.add_argument("--ballot", type=Path, nargs="+", action="extend", metavar="FILE", help="check these ballots")
    parser.add_argument("--level", choices=("strict", "belenios"), help="refuse an election of a lower level")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if options.ballot and (options.against or options.level):
        parser.error("--ballot checks only ballots: --against and --level do not go with it")
    if options.ballot:
        report, lines = check_ballot_files(options.source, options.ballot)
    else:
        report, lines = audit(options.source, options.against, options.level)
    if options.json:
        print(report.as_json())
    else:
        findings = [f"{f['severity']}: {f['record']}: {f['message']} ({f['code']})" for f in report.findings]
        told = bool(options.ballot and lines)  # each ballot's line has said it already
        for line in lines if told else [*lines, *findings, VERDICTS[report.verdict]]:
            # A hostile record could hold commands for the reader's terminal.
            print("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line))
    return EXIT_CODES[report.verdict]


if __name__ == "__main__":
    sys.excepthook = own_fault
    sys.exit(main())
