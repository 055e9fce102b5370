"""The whole ceremony by one command: each step as soon as its turn comes, and plain words about what it waits for.

The steps are those of `trustee_ceremony`; each keeps its state before it shows anything. So the command may be stopped at any time,
and the same command goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from veche.cli.terminal import printable, tell, warn
from veche.cli.trustee_ceremony import (
    SEED,
    Desk,
    bad_share,
    certificates_seal,
    confirm_outcome,
    hand_out_shares,
    make_certificate,
    make_commitment,
    make_reveal,
    parse_place,
    take_shares,
    uncompared_certificates,
)
from veche.cli.trustee_server import Hall, TrusteeServer
from veche.cli.typed_hash import DIGITS, differing_groups, grouped, is_hash, plain
from veche.crypto.ceremony import Finished
from veche.crypto.certificate import Context
from veche.crypto.complaint import Complaint
from veche.crypto.errors import Inconsistent, Malformed, Refused, Unsupported
from veche.crypto.run_file import Terms
from veche.crypto.scalar import Randomness
from veche.observer.durable_files import read_file, read_line, write_new

TRUSTEES: Final = "trustees.json"
RUN: Final = "run.json"

Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long others are waited for (seconds in all), and how often the server is asked (seconds between two times)."""

    seconds: float
    every: float
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Ear:
    """Where the hash of all certificates comes in as another trustee reads it: a person is asked, or a file is waited for."""

    ask: Callable[[], str]
    file: Path | None = None


@dataclass(slots=True)
class Waiting:
    """One wait for many things: it ends with `patience`, and says each sentence once."""

    server: TrusteeServer
    run: int
    terms: Terms
    patience: Patience
    until: float
    said: str = ""

    def say(self, sentence: str) -> None:
        if sentence != self.said:
            tell(sentence)
        self.said = sentence

    def rest(self, why: str) -> None:
        """Some time has passed. Raises Refused `still-waiting` when patience is over."""
        self.say(why)
        if time.monotonic() >= self.until:
            raise Refused("still-waiting", f"{why} Give the same command again later: it goes on where it is now.")
        self.patience.pause(self.patience.every)

    def patiently(self, step: Callable[[], Done]) -> Done:
        """What the step gives; while the server does not answer, it is done again. Every step may be done twice."""
        while True:
            try:
                return step()
            except Unsupported as error:
                if error.code != "unreachable":
                    raise
                self.rest(f"{error.message}; I try again.")

    def hall(self) -> Hall:
        """The run as it stands. Raises Refused `ceremony-ended` when it ended without a key, or Inconsistent `another-run`."""
        found = self.patiently(self.server.hall)
        if found.run != self.run:
            raise Inconsistent("another-run", f"run {found.run} of the ceremony has begun: take part with a new private folder")
        if found.status == "ended":
            how = found.ended or "it ended without a key"
            raise Refused("ceremony-ended", f"{how}. The next run needs a new private folder; this one's seed is used up")
        return found

    def for_messages(self, what: str, names: Iterable[str], own: int) -> None:
        """All these messages are there; each name ends in the places of author and, for shares, recipient."""
        wanted = {name: int(name.removesuffix(".json").split("-")[1]) for name in names}
        while missing := sorted({place for name, place in wanted.items() if name not in self.hall().names and place != own}):
            who = ", ".join(f"{self.terms.names[place - 1]} (trustee {place})" for place in missing)
            self.rest(f"Waiting for the {what} of {who}.")

    def for_outcome(self) -> tuple[bytes, bytes]:
        """trustees.json and run file, when all have confirmed their shares."""
        while self.hall().status != "finished":
            self.rest("Waiting for the others to check their shares.")
        return self.patiently(self.server.outcome)


def agreed_place(desk: Desk, server: TrusteeServer, written: str | None, confirm: Callable[[str], bool]) -> Context:
    """The place that this trustee takes: as a person wrote it, or as the server says and a person confirms.

    Raises Refused `not-confirmed`, Inconsistent `other-terms`.
    """
    terms, hall = _terms(desk), server.hall()
    offered = Context(terms.size, terms.threshold, hall.place)
    if written is not None:
        context = parse_place(written)
        if context != offered:
            told = f"{offered.index}/{offered.threshold}/{offered.size}"
            raise Inconsistent("other-terms", f"the server gives you the place {told}, not {written}: ask the organizer")
        return context
    if offered.index > offered.size or not 1 <= offered.threshold < offered.size:
        raise Malformed("server-malformed", "the server gives you a place that there is not")
    others = ", ".join(f"{place}. {printable(name)}" for place, name in enumerate(terms.names, 1))
    tell(f"The trustees: {others}. Any {terms.threshold} of these {terms.size} will be able to decrypt.")
    kept = (desk.private / SEED).exists()
    if not kept and not confirm(f"You are number {offered.index}. Is that what you agreed on with the others?"):
        raise Refused("not-confirmed", "nothing was made; ask the organizer")
    return offered


def _terms(desk: Desk) -> Terms:
    terms = desk.shared.terms()
    if terms is None:
        raise Refused("no-terms", "the server shows no terms of a ceremony: the organizer begins it")
    return terms


def compare_aloud(wait: Waiting, certificates: str, ear: Ear) -> None:
    """What another trustee read aloud was typed in here, and is this hash of all certificates.

    A person is asked until it is; a file is read once. Raises Refused `not-confirmed`, or `still-waiting` while there is no file.
    """
    tell(f"The hash of all certificates is, on your screen: {grouped(certificates)}")
    tell("Speak with the other trustees. Read it to them, and let another one read theirs to you: it must be the same.")
    if ear.file is not None:
        while not (ear.file.exists() and (heard := read_line(ear.file, 4096))):
            wait.rest(f"Waiting for {ear.file}: it shall hold the hash of all certificates as another trustee reads it.")
        if wrong := misheard(certificates, heard):
            raise Refused("not-confirmed", f"{ear.file}: {wrong}")
        return
    while wrong := misheard(certificates, ear.ask()):
        warn(wrong)


def misheard(certificates: str, typed: str) -> str:
    """What is wrong with the hash that was typed, and what to do; empty when it is the same."""
    heard = plain(typed)
    if not heard:
        return "Type what another trustee reads to you. If nobody can now, stop here: the same command asks again."
    if not is_hash(heard):
        found = sum(one in "0123456789abcdef" for one in heard)
        return f"A hash has {DIGITS} signs, digits and letters from a to f; found {found} of them. Have it read once more."
    if groups := differing_groups(certificates, heard):
        where = ", ".join(str(one) for one in groups)
        return (
            f"Not the same as on your screen: group {where} of 8. Have it read once more. If it stays so, somebody shows different "
            "things to different trustees: stop here (Ctrl-C), and tell all the others. Nothing of your key has left."
        )
    return ""


def take_part(
    desk: Desk, server: TrusteeServer, context: Context, patience: Patience, ear: Ear, randomness: Randomness
) -> Finished:
    """The ceremony is over and this trustee has its key; trustees.json and run.json lie in its private folder, checked.

    Nothing is chosen before people have compared the certificates. Raises Refused `bad-share` after a complaint, `ceremony-ended`,
    `still-waiting`, `not-confirmed`, or whatever a step finds wrong.
    """
    terms = _terms(desk)
    wait = Waiting(server, server.hall().run, terms, patience, time.monotonic() + patience.seconds)
    own, places = context.index, range(1, context.size + 1)
    wait.hall()
    made = wait.patiently(lambda: make_certificate(desk, context, randomness))
    tell(f"Step 1 of 5: your certificate is on the board; its fingerprint is {made.file_name()}.")
    wait.for_messages("certificate", (f"certificate-{i}.json" for i in places), own)
    compared = wait.patiently(lambda: uncompared_certificates(desk))
    if compared is not None:
        compare_aloud(wait, compared, ear)
    committed = wait.patiently(lambda: make_commitment(desk, None, randomness, compared))
    tell("Step 2 of 5: you have chosen your part of the key, and shown a hash of it.")
    tell(f"The hash of all certificates, if another trustee asks: {grouped(certificates_seal(committed.place.certificates))}")
    wait.for_messages("commitment", (f"commitment-{i}.json" for i in places), own)
    wait.patiently(lambda: make_reveal(desk, randomness))
    tell("Step 3 of 5: you have shown your part itself.")
    wait.for_messages("part", (f"reveal-{i}.json" for i in places), own)
    wait.patiently(lambda: hand_out_shares(desk))
    tell("Step 4 of 5: everybody's part is what was promised, and your encrypted shares are handed out.")
    wait.for_messages("share", (f"share-{i}-{own}.json" for i in places if i != own), own)
    outcome = wait.patiently(lambda: take_shares(desk, None, randomness))
    if isinstance(outcome, Complaint):
        raise bad_share(outcome)
    tell("Step 5 of 5: all shares are good, and your key is ready.")
    trustees, run = wait.for_outcome()
    keep_outcome(desk, trustees, run)
    return outcome


def keep_outcome(desk: Desk, trustees: bytes, run: bytes) -> None:
    """The published keys are those of this trustee's ceremony; they lie in its private folder. Raises as `confirm_outcome`."""
    confirm_outcome(desk, trustees, run)
    for name, content in ((TRUSTEES, trustees), (RUN, run)):
        path = desk.private / name
        if not path.exists():
            write_new(path, content)
        elif read_file(path) != content:
            raise Inconsistent("other-group", f"{path} is of before and says something else than the server says now")
