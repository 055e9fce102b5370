"""Which data files a record needs: what its annexes and its manifest name. docs/protocol.md steps 9.2.7 to 9.2.9."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from veche.ballot.manifest import Manifest
from veche.ballot.share import parse_owned
from veche.crypto.errors import Inconsistent, Malformed
from veche.crypto.run_file import FinishedRun, parse_run
from veche.ledger.annex import Annex, Dkg, ShareRefused
from veche.ledger.entry import named_data

MAX_RUNS: Final = 100


def texts_of(manifest: Manifest) -> Iterator[str]:
    """The SHA-256 of the options' texts."""
    return (option.text for question in manifest.options for option in question if option.text is not None)


def named_by(annexes: Iterable[Annex], read: Callable[[str], bytes]) -> Iterator[str]:
    """The SHA-256 of all that these annexes name, and of what that names in its turn; `read` gives the content of one.

    Raises Inconsistent `ceremony-malformed` for an endless row of runs, Malformed, and whatever `read` raises.
    """
    for annex in annexes:
        yield from named_data(annex)
        if isinstance(annex, ShareRefused):
            with suppress(Malformed):  # What cannot be read names nothing.
                yield parse_owned(read(annex.payload)).payload
        if isinstance(annex, Dkg):
            yield from _named_by_runs(annex.ceremony, read)


def _named_by_runs(digest: str | None, read: Callable[[str], bytes]) -> Iterator[str]:
    """The run files of the ceremony, and the list of trustees that they gave."""
    seen: set[str] = set()
    while digest is not None and digest not in seen:
        if len(seen) >= MAX_RUNS:
            raise Inconsistent("ceremony-malformed", f"more than {MAX_RUNS} runs of the ceremony")
        seen.add(digest)
        yield digest
        run = parse_run(read(digest))
        if isinstance(run, FinishedRun):
            yield run.trustees
        digest = run.previous
