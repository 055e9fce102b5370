"""A ceremony together with belenios-tool: our trustee reads and writes the files of its steps 3 and 5.

docs/protocol.md section 6.8 (belenios-interop section 23.5). Nothing is committed before it is revealed, so such an election has
level belenios. The certificates seen when dealing are kept beside the seed: what is checked later was dealt for exactly these.
"""

from __future__ import annotations

from pathlib import Path

from veche.crypto.canonical_json import encode
from veche.crypto.ceremony import Place, take_place
from veche.crypto.certificate import Certificate
from veche.crypto.channel import Cipher, Seed, TrusteeKeys, json_of
from veche.crypto.errors import Refused
from veche.crypto.scalar import Randomness, system_randomness
from veche.crypto.tool_steps import ToolInput, tool_output, tool_polynomial


def seen_certificates(seed: Path) -> Path:
    """The private file beside the seed with the certificates that this trustee dealt for."""
    return seed.with_name(seed.name + ".certs")


def deal_for_tool(seed: str, certificates: str, cipher: str, randomness: Randomness = system_randomness) -> bytes:
    """Step 3: the polynomial message. Raises as the checks of the certificates do, or Refused when none of them is ours."""
    keys, place = _place(seed, certificates, cipher)
    return encode(tool_polynomial(keys, place, randomness).to_json())


def check_for_tool(
    seed: str, certificates: str, given: str, cipher: str, name: str | None, randomness: Randomness = system_randomness
) -> tuple[bytes, bytes]:
    """Step 5: the answer and the `.dkey` text. Raises Inconsistent naming the dealer of a bad share."""
    keys, place = _place(seed, certificates, cipher)
    made = tool_output(keys, place, ToolInput.from_json(json_of(given)), name, randomness)
    return encode(made.to_json()), made.private_key.encode("utf-8")


def _place(seed: str, lines: str, cipher: str) -> tuple[TrusteeKeys, Place]:
    keys = Seed.parse(seed).keys()
    certificates = [Certificate.parse(line) for line in lines.splitlines()]
    mine = [place for place, one in enumerate(certificates, start=1) if one.verification == keys.verification]
    if len(mine) != 1:
        raise Refused("not-my-certificate", "among the certificates there is not exactly one made with this seed")
    context = certificates[mine[0] - 1].context
    if context is None:
        raise Refused("old-ceremony", "these certificates are of a tool before 2.5.1; no new keys are made that way")
    chosen = Cipher.from_json(cipher)
    return keys, take_place(keys, certificates, len(certificates), context.threshold, mine[0], chosen)
