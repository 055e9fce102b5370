"""Inputs that phase 9.13 refuses: a checkpoint, its lines and its tiles beside a record that is otherwise right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from tests.election.record_builder import Story
from tests.observer.refusal_case import Case, Input, Make, refusals
from tests.observer.refused_manifests import LOG, ORIGIN, in_order, log
from veche.crypto.signed_note import COSIGNATURE, NoteSigner
from veche.crypto.signing_key import Signer, SigningKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.cosignature import make_line
from veche.ledger.signed_checkpoint import note_bytes
from veche.ledger.tile_growth import Edge, grow

WITNESS = SigningKey("witness.example/w1", sha256(b"w").digest(), COSIGNATURE)
OTHER = NoteSigner(ORIGIN, bytes(32))
ONE_WITNESS = f"witness w1 {WITNESS.verifier.text()}\nquorum w1\n"
TIME = 1_793_000_000
UNREADABLE = "what cannot be read is not there"


def logged(
    policy: str = "",
    size: int | None = None,
    beyond: int = 0,
    root: bytes | None = None,
    origin: str = ORIGIN,
    signers: Sequence[Signer] = (LOG,),
    cosigned: str = "",
    tiles: bool = True,
    change: Callable[[Path], object] = lambda _: None,
) -> Make:
    """A record with a checkpoint, of all entries or of `size` ones and some `beyond`, and its tiles.

    `cosigned` is `rightly`, `wrongly` or nothing.
    """

    def make(folder: Path) -> Path:
        story = Story(changes={"manifest": in_order(log=log(policy=policy))})
        story.write(folder)
        growth = grow(Edge(), story.entries[:size])
        covered = growth.edge.size + beyond
        checkpoint = Checkpoint(origin, covered, root or growth.edge.root())
        lines = [make_line(one, checkpoint, 0) for one in signers]
        if cosigned:
            seen = checkpoint if cosigned == "rightly" else Checkpoint(origin, covered, bytes(32))
            lines.append(make_line(WITNESS, seen, TIME))
        (folder / "checkpoint").write_bytes(note_bytes(checkpoint, lines))
        for resource, data in growth.files if tiles else ():
            path = folder / resource.path()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        change(folder)
        return folder

    return make


def tile(folder: Path, kind: str) -> Path:
    """The one tile, or bundle, of a small log."""
    return next(path for path in (folder / "tile" / kind).rglob("*") if path.is_file())


def flipped(kind: str) -> Callable[[Path], object]:
    """One bit of the tile or bundle is another one."""

    def change(folder: Path) -> object:
        path = tile(folder, kind)
        content = path.read_bytes()
        return path.write_bytes(content[:7] + bytes([content[7] ^ 1]) + content[8:])

    return change


def written(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "checkpoint").write_bytes(content)


def longer(folder: Path) -> object:
    """The tile has one hash more, in its content and its name."""
    path = tile(folder, "0")
    return path.with_name(str(int(path.name) + 1)).write_bytes(path.read_bytes() + bytes(32))


def added(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "tile" / name).write_bytes(b"x")


def root_again(folder: Path) -> object:
    """The root is written as no strict base64."""
    path = folder / "checkpoint"
    lines = path.read_bytes().split(b"\n")
    return path.write_bytes(b"\n".join([*lines[:2], lines[2].rstrip(b"="), *lines[3:]]))


def linked(folder: Path) -> None:
    """The checkpoint stands elsewhere."""
    path = folder / "checkpoint"
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")


LOGS: list[Case] = [
    *refusals(
        "checkpoint-malformed",
        "checkpoint",
        {
            "not a note": logged(change=written(b"x")),
            "an empty file": logged(change=written(b"")),
            "a root that is no base64": logged(change=root_again),
            "a link": logged(change=linked),
            "more than 256 KiB": logged(change=written(b"x" * (256 * 1024 + 1))),
        },
        ends=UNREADABLE,
    ),
    *refusals("checkpoint-origin", "checkpoint", {"of another log": logged(origin="vote.example/e/other")}),
    *refusals(
        "checkpoint-signature",
        "checkpoint",
        {
            "by another key of the name": logged(signers=(OTHER,)),
            "by the witness alone": logged(policy=ONE_WITNESS, signers=(), cosigned="rightly"),
        },
    ),
    *refusals("cosignature-wrong", "checkpoint", {"of another root": logged(policy=ONE_WITNESS, cosigned="wrongly")}),
    *refusals("log-size", "checkpoint", {"of entries that are not here": logged(beyond=5, tiles=False)}),
    *refusals(
        "log-root",
        "checkpoint",
        {"of other entries": logged(root=bytes(32)), "of other first entries": logged(size=5, root=bytes(32))},
    ),
    *refusals(
        "log-changed",
        ".*/older",
        {
            "an older checkpoint of other entries": Input(logged(), against=logged(size=5, root=bytes(32), tiles=False)),
            "by a copy without a checkpoint now": Input(
                logged(change=lambda folder: (folder / "checkpoint").unlink()), against=logged(size=5, root=bytes(32))
            ),
        },
    ),
    *refusals(
        "log-tiles",
        "tile",
        {
            "one bit of a tile": logged(change=flipped("0")),
            "one bit of a bundle": logged(change=flipped("entries")),
            "a tile of one hash more": logged(change=longer),
            "a bundle that is gone": logged(change=lambda folder: tile(folder, "entries").unlink()),
            "a file that is no tile": logged(change=added("readme")),
        },
    ),
]
