"""Voter codes, the keys made from them, and the public list of credentials.

docs/protocol.md section 4.3 (belenios-interop sections 7 and 23.7). A code is what a person holds; `derive` makes a
secret for one election out of it; only the point of that secret is published.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import pbkdf2_hmac, sha256
from typing import Final

from veche.crypto.canonical_json import array, encode, parse, parse_canonical, text
from veche.crypto.errors import Malformed, Refused
from veche.crypto.group import G, Point, secret_multiple
from veche.crypto.scalar import Randomness, Secret

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Base58: no 0, O, I or l, which people take for one another."""

GROUPS: Final = (5, 6, 5, 6)
_LENGTH = sum(GROUPS)
_LEGACY_LENGTH = 15
_TYPED_AT_MOST = 400

# Cyrillic letters that look exactly like one Latin letter: a code copied by hand from a Russian keyboard still works. Never more
# than that, and never another case: в is no B, and a wrong guess would blame the voter.
_LOOK_ALIKE = str.maketrans("АВСЕНКМОРТХУЅІЈаеорсухѕіј", "ABCEHKMOPTXYSIJaeopcyxsij")
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff\u2212")


def generate_code(randomness: Randomness) -> str:
    """A new code `5-6-5-6` of 18 uniform characters (105 bits) and one check character at the end of each group.

    Raises Refused when the generator gives only zeros.
    """
    digits = "".join(_uniform(_LENGTH - len(GROUPS), randomness))
    groups: list[str] = []
    for number, length in enumerate(GROUPS, 1):
        start, digits = digits[: length - 1], digits[length - 1 :]
        groups.append(start + _check_character(number, start))
    return "-".join(groups)


def parse_code(typed: str) -> str:
    """The code in its one written form `5-6-5-6`, from what a person types or pastes: blanks and dashes may stand anywhere.

    Check characters are not tested (see `wrong_groups`). Raises Malformed `code-malformed`, which never shows the code.
    """
    return _grouped(_characters(typed, _LENGTH), GROUPS)


def wrong_groups(code: str) -> tuple[int, ...]:
    """The groups, from 1, whose last character is not ours: where a typing error probably is.

    Ask only when the code's public credential is not listed: codes made by other tools have no check characters.
    """
    groups = parse_code(code).split("-")
    return tuple(number for number, group in enumerate(groups, 1) if _check_character(number, group[:-1]) != group[-1])


def derive(code: str, uuid: str) -> Secret:
    """The secret of `code` in the election `uuid`: 512 bits of two SHA-256, mod q. Raises Malformed `code-malformed`."""
    dashed = parse_code(code)
    halves = [sha256(f"derive_credential|{uuid}|{half}|{dashed}".encode()).digest() for half in (0, 1)]
    return Secret.from_wide_digest(b"".join(halves))


def public_credential(secret: Secret) -> Point:
    """The point that stands in the public list for this secret."""
    return secret_multiple(secret, G)


def parse_legacy_code(typed: str) -> str:
    """The code of Belenios 2.0 to 2.2 in its form `XXX-XXX-XXX-XXX-XXX`, its checksum tested. Raises Malformed."""
    digits = _characters(typed, _LEGACY_LENGTH)
    number = 0
    for digit in digits[:-1]:
        number = number * 58 + ALPHABET.index(digit)
    if (number + ALPHABET.index(digits[-1])) % 53 != 0:
        raise Malformed("code-malformed", "the checksum of this old form of code is wrong: a character is mistyped")
    return _grouped(digits, (3,) * 5)


def derive_legacy(code: str, uuid: str) -> Secret:
    """The secret of an old code: PBKDF2-HMAC-SHA256 over the dashed text, 1000 rounds. For elections made so, never for ours."""
    dashed = parse_legacy_code(code).encode("ascii")
    return Secret.from_wide_digest(pbkdf2_hmac("sha256", dashed, uuid.encode("utf-8"), 1000, 32))


@dataclass(frozen=True, slots=True)
class PublicCredentials:
    """The list of who may vote, as its bytes say it: `weights` gives each credential (64 hex digits) its weight, in list order.

    Invariant: every credential is a point of order q, all differ, and there is at least one.
    """

    raw: bytes
    weights: Mapping[str, int]
    weighted: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes in hex, as `setup_data` names it."""
        return sha256(self.raw).hexdigest()

    @property
    def total_weight(self) -> int:
        """The largest count that any option can reach."""
        return sum(self.weights.values())

    def small_weight_classes(self, least: int = 3) -> tuple[tuple[int, int], ...]:
        """(weight, voters) for each weight that fewer than `least` voters share: the total may show how such a voter voted."""
        if not self.weighted:
            return ()
        classes = Counter(self.weights.values())
        return tuple((weight, classes[weight]) for weight in sorted(classes) if classes[weight] < least)


LARGEST_TOTAL = 10**20
"""A total weight must stay below this: sums and counts have at most 20 digits."""

_PLAIN = re.compile(r"[^,]*")
_WEIGHTED = re.compile(r"[^,]*,(?:0|[1-9][0-9]{0,17})")


def parse_public_credentials(raw: bytes) -> PublicCredentials:
    """The list in `raw`, with checks 9.3.4 to 9.3.6 in their order over the whole list.

    Raises Malformed `credentials-malformed`, `credential-invalid` or `duplicate-credential`.
    """
    try:
        lines = [text(line) for line in array(parse_canonical(raw))]
    except Malformed as error:
        raise Malformed("credentials-malformed", f"the list of public credentials: {error}") from error
    if not lines:
        raise Malformed("credentials-malformed", "the list of public credentials is empty")
    weighted = "," in lines[0]
    form, written = (_WEIGHTED, '"S,weight"') if weighted else (_PLAIN, '"S"')
    for place, line in enumerate(lines, 1):
        if form.fullmatch(line) is None:
            raise Malformed("credentials-malformed", f"public credential {place} is not written {written} like the first one")
    weights = [int(line.partition(",")[2]) for line in lines] if weighted else [1] * len(lines)
    if sum(weights) >= LARGEST_TOTAL:
        raise Malformed("credentials-malformed", "the weights of the public credentials add up to 10^20 or more")
    credentials = [line.partition(",")[0] for line in lines] if weighted else lines
    _verify_members(credentials)
    return PublicCredentials(raw, _distinct(credentials, weights), weighted)


def verified_weights(raw: bytes) -> dict[str, int]:
    """Credential (hex) → weight, in the list's order, of a list that `parse_public_credentials` has accepted before.

    Nothing is checked again: that each is a point of the group costs a large city's list many seconds.
    """
    lines = [text(line) for line in array(parse(raw))]
    return {credential: int(weight or "1") for credential, _, weight in (line.partition(",") for line in lines)}


def make_public_credentials(entries: Iterable[tuple[Point, int]], weighted: bool) -> bytes:
    """The bytes of the list for these (credential, weight), sorted by group bytes, so that the order says nothing about people.

    Raises Malformed: no entry, a credential twice, or a weight other than 1 in a list without weights.
    """
    ordered = sorted(entries, key=lambda entry: entry[0].encoding)
    for point, weight in ordered:
        if weight < 0 or (weight != 1 and not weighted):
            raise Malformed("credentials-malformed", f"weight {weight} of {point.hex()[:16]}… cannot stand in this list")
    return parse_public_credentials(
        encode([f"{point.hex()},{weight}" if weighted else point.hex() for point, weight in ordered])
    ).raw


def _verify_members(credentials: list[str]) -> None:
    for place, credential in enumerate(credentials, 1):
        try:
            Point.from_hex(credential)
        except Malformed as error:
            raise Malformed("credential-invalid", f"public credential {place}: {error}") from error


def _distinct(credentials: list[str], weights: list[int]) -> dict[str, int]:
    found = dict(zip(credentials, weights, strict=True))
    if len(found) == len(credentials):
        return found
    # One person's credential twice would be two votes for one secret, or a doubled weight.
    twice = Counter(credentials).most_common(1)[0][0]
    raise Malformed("duplicate-credential", f"public credential {twice[:16]}… stands in the list more than once")


def _uniform(count: int, randomness: Randomness) -> list[str]:
    """`count` uniform base58 characters. Bytes from 232 = 4·58 on are thrown away: kept, they would favour the first ones."""
    found: list[str] = []
    for _ in range(16):
        fresh = randomness(64)
        if not any(fresh):
            break
        found.extend(ALPHABET[byte % 58] for byte in fresh if byte < 232)
        if len(found) >= count:
            return found[:count]
    raise Refused("randomness-failed", "the random generator does not give random bytes; no code was made")


def _check_character(number: int, others: str) -> str:
    """base58[SHA-256("veche/v1/code|" ‖ number ‖ "|" ‖ the group's other characters) mod 58]."""
    hashed = sha256(f"veche/v1/code|{number}|{others}".encode("ascii")).digest()
    return ALPHABET[int.from_bytes(hashed, "big") % 58]


def _characters(typed: str, length: int) -> str:
    if len(typed) > _TYPED_AT_MOST:
        raise Malformed("code-malformed", f"a voter code has {length} characters; this text has {len(typed)}")
    found = latin("".join(one for one in typed if not _is_separator(one)))
    for place, one in enumerate(found, 1):
        if one not in ALPHABET:
            raise Malformed("code-malformed", f"character {place} cannot stand in a voter code: {_why_not(one)}")
    if len(found) != length:
        raise Malformed("code-malformed", f"a voter code has {length} characters besides blanks and dashes, not {len(found)}")
    return found


def latin(typed: str) -> str:
    """The text with every Cyrillic letter that looks exactly like one Latin letter as that letter."""
    return typed.translate(_LOOK_ALIKE)


def _is_separator(one: str) -> bool:
    return one.isspace() or one in _INVISIBLE or unicodedata.category(one) == "Pd"


def _why_not(one: str) -> str:
    if one in "0OIl":
        return "the digit 0 and the letters O, I and l are never used, because they are taken for one another"
    if "\u0400" <= one <= "\u04ff":
        return "a Cyrillic letter without a Latin look-alike; change the keyboard to Latin letters"
    return "only Latin letters and digits are used"


def _grouped(characters: str, lengths: tuple[int, ...]) -> str:
    groups: list[str] = []
    for length in lengths:
        groups.append(characters[:length])
        characters = characters[length:]
    return "-".join(groups)
