"""What vectors/spec/web-ceremony-vectors.json holds: one ceremony of three, a drill, a share and a key file, by Python.

Write it anew with `python -m tests.web.ceremony_vectors`; TypeScript makes the same bytes (web/tests/ceremony.test.ts).
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from tests.crypto.drawing import drawing
from veche.ballot.share import TallyPlace, make_share
from veche.ballot.tally import EncryptedTally
from veche.ballot.trustees import make_trustees
from veche.cli.trustee_drill import encode_drill
from veche.cli.trustee_journal import Journal
from veche.cli.trustee_key_file import TrusteeRoom, seal_room
from veche.crypto.canonical_json import Json, encode
from veche.crypto.ceremony import (
    Finished,
    assemble,
    check_reveals,
    commit,
    finish,
    open_decryption_key,
    receive_share,
    reveal,
    take_place,
)
from veche.crypto.certificate import Certificate, Context
from veche.crypto.channel import Cipher, Seed
from veche.crypto.drill import DrillStatement, make_drill
from veche.crypto.elgamal import Ciphertext
from veche.crypto.group import G, secret_multiple
from veche.crypto.run_file import Terms, finished_run
from veche.crypto.scalar import Secret

FILE = Path(__file__).parents[2] / "vectors" / "spec" / "web-ceremony-vectors.json"
PASSPHRASE = "seven вечных plain words"
COST = 2**12
UUID = "9jXq3cSvUbVJx8"


def made() -> bytes:
    """The file. Each trustee draws from a stream of its own, named by its place."""
    draws = [drawing(f"trustee {place}") for place in (1, 2, 3)]
    seeds = [Seed.random(draw) for draw in draws]
    keys = [seed.keys() for seed in seeds]
    both = list(zip(keys, draws, strict=True))
    certificates = [Certificate.make(own, Context(3, 2, i), draw) for i, (own, draw) in enumerate(both, 1)]
    places = [take_place(own, certificates, 3, 2, i, Cipher.GCM) for i, own in enumerate(keys, 1)]
    committed = [commit(own, place, draw) for (own, draw), place in zip(both, places, strict=True)]
    commitments = [one.commitment for one in committed]
    revealed = [reveal(own, one, commitments, draw) for (own, draw), one in zip(both, committed, strict=True)]
    reveals = [one.reveal for one in revealed]
    sharing = [check_reveals(one, reveals) for one in revealed]
    finished: list[Finished] = []
    for place, ((own, draw), state) in enumerate(zip(both, sharing, strict=True), 1):
        taken = [receive_share(own, state, d, one.secrets[place - 1], draw) for d, one in enumerate(committed, 1)]
        finished.append(finish(own, state, [one for one in taken if isinstance(one, Secret)], f"T{place}", draw))
    group = assemble([(one.verification_key, one.group_signature) for one in finished], sharing[0].dealing(), reveals, 2)
    trustees = make_trustees((group,)).raw
    terms = Terms(3, 2, Cipher.GCM, (100, 200, 300), ("T1", "T2", "T3"))
    run = finished_run(terms, certificates, commitments, reveals, trustees).encode()
    secret = open_decryption_key(keys[0], finished[0].decryption_key)
    public = secret_multiple(secret, G)
    statement = DrillStatement(UUID, sha256(b"manifest").digest(), sha256(trustees).digest(), 1)
    drill = encode_drill(UUID, 1, make_drill(secret, public, statement, drawing("drill")))
    points = [secret_multiple(Secret.of(number), G) for number in range(2, 8)]
    tally = EncryptedTally(((Ciphertext(points[0], points[1]), Ciphertext(points[2], points[3])), (Ciphertext(*points[4:]),)))
    where = TallyPlace("f" * 43, "11" * 32, "22" * 32)
    delivery = make_share(secret, public, 1, tally, where, drawing("share")).encode(UUID)
    room = TrusteeRoom("town-2026", seeds[0], certificates[0].line(), finished[0], sharing[0], None, Journal().encode())
    value: dict[str, Json] = {
        "origin": "tests/web/ceremony_vectors.py",
        "seeds": [seed.characters for seed in seeds],
        "certificates": [one.line() for one in certificates],
        "states": [[one.to_json() for one in states] for states in (committed, revealed, sharing, finished)],
        "trustees": trustees.decode(),
        "run": run.decode(),
        "drill": {"uuid": UUID, "base": statement.base().hex(), "file": drill.decode()},
        "share": {"tally": tally.encode().decode(), "delivery": delivery.decode()},
        "room": {"passphrase": PASSPHRASE, "file": seal_room(room, PASSPHRASE, drawing("room"), COST).decode()},
    }
    return encode(value)


if __name__ == "__main__":
    FILE.write_bytes(made())
