"""`veche watch` and `veche evidence`: catch a log that shows two histories, and let anybody check that it was caught."""

from __future__ import annotations

from pathlib import Path

import typer

from veche.cli.mirror import end_proven, repeat


def watch(
    url: str = typer.Argument(metavar="URL", help="The election's address: https://HOST/observer/elections/UUID."),
    peer: list[str] = typer.Option([], "--peer", metavar="URL", help="Where others see it: a mirror, another way to the server."),
    seen: list[Path] = typer.Option([], "--seen", metavar="FILE", help="A checkpoint or receipt (.tlog-proof) that somebody has."),
    acknowledgement: list[Path] = typer.Option(
        [], "--acknowledgement", metavar="FILE", help="What the ballot box signed for a voter: the log is held to it."
    ),
    once: bool = typer.Option(False, "--once", help="Look once, and end."),
    period: float = typer.Option(0, "--period", min=0, metavar="S", help="Seconds between looks; 0: as often as the log signs."),
    evidence: Path = typer.Option(Path("veche-watch"), metavar="DIR", help="Where evidence goes, and what was seen is remembered."),
) -> None:
    """Look at the log of an election again and again, compare it with what was seen, and shout when it contradicts itself.

    Exit code 0: one history. 1: refused, or entries were taken back, which is no proof. 2: not reachable. 3: proven; the evidence
    is in DIR.
    """
    from veche.cli.terminal import answer, tell
    from veche.observer.durable_files import read_file
    from veche.observer.evidence import Proven
    from veche.observer.watch import Watch

    watching = Watch(url, peer, evidence)
    for path in seen:
        watching.add(read_file(path))
    notes = [without_index(read_file(path)) for path in acknowledgement]
    for note in notes:
        watching.add_acknowledgement(note)

    def step() -> None:
        for sentence in watching.step():
            tell(sentence)

    try:
        repeat(step, once, period or max(1, watching.log.period))
        if once:
            answer(f"One history, as far as was seen: election {watching.uuid}.")
            for path, note in zip(acknowledgement, notes, strict=True):
                index = watching.place_of(note)
                answer(f"{path}: {'not in the log yet' if index is None else f'in the log, entry {index}'}.")
    except Proven as proven:
        raise end_proven(proven, evidence) from proven


def evidence(
    file: Path = typer.Argument(metavar="FILE", help="The evidence, as `veche watch` or `veche mirror` wrote it."),
    election: str | None = typer.Option(
        None, "--election", metavar="FOLDER", help="Your own copy of the record: its manifest names the keys of log and ballot box."
    ),
    key: list[str] = typer.Option([], "--key", metavar="VKEY", help="A key of the log, or of its box, that you know otherwise."),
) -> None:
    """Check evidence that somebody gave you, without any network. Exit code 0: proven. 1: not.

    Without --election and --key the keys are those in the evidence itself: then compare them with the election's.
    """
    from veche.cli.terminal import answer
    from veche.crypto.errors import Refused
    from veche.crypto.signed_note import parse_verifier_key
    from veche.ledger.contradiction import Contradiction
    from veche.observer.durable_files import read_file
    from veche.observer.evidence import MAX_BYTES, describe, parse_evidence, verify_evidence
    from veche.observer.receipt_check import Trusted, read_trusted

    if election is not None and key:
        raise typer.BadParameter("give either --election or --key")
    found = parse_evidence(read_file(file, MAX_BYTES))
    box = None if isinstance(found, Contradiction) else found.box
    if election is not None:
        trusted = read_trusted(election)
    elif key:
        known = [parse_verifier_key(one) for one in key]
        boxes = [one for one in known if one.name.endswith("/box")]
        trusted = Trusted(tuple(one for one in known if one not in boxes), boxes[0] if boxes else None)
        if not trusted.keys:
            raise Refused("evidence-keys", "none of these is a key of a log: the log's key has the log's name")
    else:
        trusted = Trusted(found.keys, box)
    verify_evidence(found, trusted.keys, trusted.box)
    answer(f"PROVEN: {describe(found)}.")
    if election is None and not key:
        names = ", ".join(one.text() for one in (*found.keys, *(() if box is None else (box,))))
        answer(f"Whoever holds these keys has done it; compare them with those of the election's manifest: {names}")


def without_index(data: bytes) -> bytes:
    """An acknowledgement as a file has it, or as the paper does, with the number of its entry."""
    from veche.observer.receipt_check import parse_paper

    return parse_paper(data)[0]
