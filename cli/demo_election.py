"""A whole election, played by the very functions behind the commands of organizer, registrar, trustees and voters."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from veche.ballot.acknowledgement import parse_acknowledgement, verify_acknowledgement
from veche.ballot.election import Election
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.manifest import Manifest, parse_manifest
from veche.ballot.manifest import seal as short_form
from veche.ballot.prepared_ballot import Choices, parse_opened, verify_opened
from veche.ballot.result import Result
from veche.ballot.trustees import SingleTrustee
from veche.cli import organizer_setup, organizer_voting, trustee_ceremony
from veche.cli.ceremony_folder import CeremonyFolder
from veche.cli.demo_casting import encrypt_all
from veche.cli.demo_story import Story
from veche.cli.demo_town import SINGLE, Town, draw, draw_choices, login
from veche.cli.organizer_desk import FolderDesk, open_desk
from veche.cli.organizer_keys import read_single
from veche.cli.organizer_voting import Accepted, Offered
from veche.cli.registrar import register, save_issued, save_registration, sign_issued
from veche.cli.trustee_drill import drafted, pass_drill
from veche.cli.trustee_journal import open_journal
from veche.cli.trustee_key import TrusteeKey, make_single_key, read_trustee_key
from veche.cli.trustee_share import share_of_total, verify_confirmed
from veche.cli.voter_ballot import encrypt_vote, listed_secret
from veche.cli.voter_codes import parse_codes
from veche.crypto.canonical_json import encode
from veche.crypto.channel import Cipher
from veche.crypto.errors import Inconsistent
from veche.crypto.run_file import Terms
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import Sealed, read_board, read_sealed
from veche.observer.durable_files import make_private_folder, read_file, read_line, write_new, write_private
from veche.observer.executor import available_jobs
from veche.observer.sources import open_source
from veche.service import counting, sealing, voting
from veche.service.key_ceremony import begin, finish_ceremony

HOUR: Final = 3600
DAY: Final = 24 * HOUR


@dataclass(slots=True)
class Rehearsal:
    """A demonstration under way. `now` is the simulated clock; `expected` what each voter (by place) chose last."""

    town: Town
    story: Story
    public: Path
    private: Path
    now: int = field(default_factory=lambda: int(time.time()))
    codes: dict[str, str] = field(default_factory=dict)
    expected: dict[int, Choices] = field(default_factory=dict)
    issued: int = 0
    setup: str = ""
    end: str = ""
    result: Result | None = None

    @property
    def snapshot(self) -> Path:
        """Where an observer keeps the copy it made during the vote."""
        return self.private / "observer-copy"

    def at_desk(self, step: Callable[[FolderDesk], object]) -> None:
        """The organizer does one step at the simulated time."""
        with open_desk(self.public, str(self.now), self.private) as desk:
            step(desk)

    def sealed(self) -> Sealed:
        return read_sealed(str(self.public))


def _write_rules(rehearsal: Rehearsal) -> None:
    town, story = rehearsal.town, rehearsal.story
    story.step("The organizer writes down the rules, and they never change again.")
    registrar = NoteSigner.generate("vote.example/registrar", system_randomness)
    folder = rehearsal.private / "registrar"
    make_private_folder(rehearsal.private)
    make_private_folder(folder)
    write_private(folder / "registrar.key", registrar.private_text().encode() + b"\n")
    write_new(folder / "registrar.pub", registrar.verifier.text().encode() + b"\n")
    spec = rehearsal.private / "SPEC.json"
    write_new(spec, encode(town.spec(rehearsal.now + HOUR, rehearsal.now + HOUR + DAY)))
    manifest = organizer_setup.new_election(
        spec, rehearsal.public, rehearsal.private, folder / "registrar.pub", str(rehearsal.now), system_randomness
    )
    story.say(f"Election {manifest.uuid}: {town.questions} question(s), {town.voters} eligible voters, level {manifest.level}.")
    story.say(f"Fewer than {manifest.minimum_ballots} ballots would never be decrypted: they would show how people voted.")


def _make_keys(rehearsal: Rehearsal) -> None:
    town, story = rehearsal.town, rehearsal.story
    names = town.trustee_names()
    story.step(
        f"{town.size} trustees make one key together: {', '.join(names)}. Any {town.threshold} of them can decrypt the total."
    )
    shared = rehearsal.private / "ceremony"
    deadlines = (rehearsal.now + HOUR, rehearsal.now + 2 * HOUR, rehearsal.now + 3 * HOUR)
    begin(CeremonyFolder(shared), Terms(town.size, town.threshold, Cipher.GCM, deadlines, names))
    desks = [_trustee_desk(rehearsal, place) for place in range(1, town.size + 1)]
    for place, desk in enumerate(desks, 1):
        context = trustee_ceremony.parse_place(f"{place}/{town.threshold}/{town.size}")
        trustee_ceremony.make_certificate(desk, context, system_randomness)
    for desk in desks:
        trustee_ceremony.make_commitment(desk, None, system_randomness)
    for desk in desks:
        trustee_ceremony.make_reveal(desk, system_randomness)
    for desk in desks:
        trustee_ceremony.hand_out_shares(desk)
    for desk in desks:
        trustee_ceremony.take_shares(desk, None, system_randomness)
    singles = [_single_key(rehearsal)] if town.single else []
    trustees, run = finish_ceremony(CeremonyFolder(shared), singles, None)
    rehearsal.at_desk(lambda desk: sealing.add_keys(desk, trustees.raw, [run.encode()]))
    for desk in desks:
        trustee_ceremony.confirm_outcome(desk, trustees.raw, run.encode())
    story.say("Each committed to its part before anyone revealed theirs, so nobody could choose the key. The whole key is nowhere.")
    if town.single:
        story.say(f"{SINGLE.capitalize()} has a key of its own, and must always take part.")


def _trustee_desk(rehearsal: Rehearsal, place: int) -> trustee_ceremony.Desk:
    return trustee_ceremony.Desk(rehearsal.private / f"trustee-{place}", CeremonyFolder(rehearsal.private / "ceremony"))


def _single_key(rehearsal: Rehearsal) -> SingleTrustee:
    folder = rehearsal.private / f"trustee-{rehearsal.town.size + 1}"
    make_private_folder(folder)
    private, public = make_single_key(SINGLE, system_randomness)
    write_private(folder / trustee_ceremony.SEED, private)
    write_new(folder / "public.json", public)
    return read_single(folder / "public.json")


def _owners(rehearsal: Rehearsal) -> range:
    """The numbers of all trustees: the group first, then the single one."""
    return range(1, rehearsal.town.size + rehearsal.town.single + 1)


def _key_files(rehearsal: Rehearsal, owner: int) -> tuple[Path, TrusteeKey]:
    """The trustee fetches its key from where it is kept."""
    folder = rehearsal.private / f"trustee-{owner}"
    dkey = folder / trustee_ceremony.DECRYPTION_KEY
    key = folder / trustee_ceremony.SEED
    return key, read_trustee_key(key, dkey if dkey.exists() else None)


def _drill(rehearsal: Rehearsal) -> None:
    rehearsal.story.step("Before the vote, every trustee proves that it still has its key.")
    for owner in _owners(rehearsal):
        manifest, trustees = drafted(str(rehearsal.public))
        path, key = _key_files(rehearsal, owner)
        with open_journal(path) as file:
            made, journal = pass_drill(key, owner, manifest, trustees or b"", file.journal, system_randomness)
            file.save(journal)
        rehearsal.at_desk(partial(sealing.add_drill, raw=made))
    rehearsal.story.say("They multiplied a point that nobody chose: the drill can decrypt nothing, and it fixes the lot for ties.")


def _register(rehearsal: Rehearsal) -> None:
    rehearsal.story.step(f"The registrar draws a secret code for each of the {rehearsal.town.voters} voters.")
    manifest = published_manifest(rehearsal)
    made = register(rehearsal.town.voters_csv(), [], [manifest], system_randomness)
    save_registration(made, rehearsal.private / "registrar", rehearsal.private / "registrar-public")
    rehearsal.codes = parse_codes(made.codes)
    rehearsal.story.say(
        "The codes stay with the registrar; only a list of public credentials, sorted so that it says nothing, is published."
    )


def published_manifest(rehearsal: Rehearsal) -> Manifest:
    """The manifest, as everybody reads it."""
    return parse_manifest(read_file(rehearsal.public / "manifest.json"))


def _seal(rehearsal: Rehearsal) -> None:
    rehearsal.story.step("The election is sealed. From here on nobody can change questions, keys or voters.")
    credentials = read_file(rehearsal.private / "registrar-public" / "public_creds.json")
    rehearsal.at_desk(lambda desk: sealing.seal(desk, credentials))
    rehearsal.setup = rehearsal.sealed().setup or ""
    rehearsal.story.say(f"The seal that everybody compares: {short_form(rehearsal.setup)}")
    rehearsal.story.say(f"(short for the Setup hash {rehearsal.setup})")


def _hand_out(rehearsal: Rehearsal) -> None:
    rehearsal.story.step("The registrar hands out the codes, and signs for which credentials. Other codes cannot vote.")
    half = rehearsal.town.voters // 2
    _issue(rehearsal, [login(place) for place in range(half)] if half >= 5 and rehearsal.town.voters - half >= 5 else None, False)
    rehearsal.story.say(f"{rehearsal.issued} codes are handed out so far; the signed word stands in the record.")


def _issue(rehearsal: Rehearsal, logins: Sequence[str] | None, last: bool) -> None:
    folder = rehearsal.private / "registrar"
    signer = NoteSigner.from_private_text(read_line(folder / "registrar.key"))
    entry, data, total = sign_issued(str(rehearsal.public), rehearsal.codes, logins, signer, last)
    out = rehearsal.private / ("issued-last" if last else "issued")
    paths = save_issued(entry, data, total, out)
    rehearsal.at_desk(lambda desk: voting.add_issued(desk, read_file(paths[0]), read_file(paths[1])))
    rehearsal.issued = total


def _open(rehearsal: Rehearsal) -> None:
    rehearsal.now += HOUR
    rehearsal.story.step("The announced hour has come (the clock of a rehearsal is simulated): the box opens.")
    rehearsal.at_desk(lambda desk: voting.open_vote(desk, _owners(rehearsal)))
    rehearsal.story.say("All trustees answered the roll-call: one more than needed must be at hand, or nothing is opened.")
    if rehearsal.issued < rehearsal.town.voters:
        _issue(rehearsal, None, False)
        rehearsal.story.say(f"The registrar has handed out the other codes, too: {rehearsal.issued}.")


def _vote(rehearsal: Rehearsal) -> None:
    town, story = rehearsal.town, rehearsal.story
    sealed = rehearsal.sealed()
    _test_a_device(rehearsal, sealed)
    voting = list(range(town.voters - town.absent))
    story.step(f"{len(voting)} people vote. Each ballot is encrypted on the voter's own device.")
    ballots = _encrypt(rehearsal, voting, sealed.election)
    rehearsal.now += HOUR
    accepted = _cast(rehearsal, ballots)
    story.say(f"{len(accepted.new)} ballots checked and taken. Each voter holds an acknowledgement signed by the box.")
    _refuse_a_bad_one(rehearsal, ballots[0])
    shutil.copytree(rehearsal.public, rehearsal.snapshot)
    story.say("An observer somewhere copies the public record, as anyone may at any time.")
    again = voting[:: max(1, len(voting) // max(1, town.voters // 5))][: max(1, town.voters // 5)]
    who = "One voter changes her mind and votes" if len(again) == 1 else f"{len(again)} voters change their minds and vote"
    story.step(f"{who} again; only the last ballot of each voter counts.")
    rehearsal.now += HOUR
    accepted = _cast(rehearsal, _encrypt(rehearsal, again, sealed.election))
    repeated = _cast(rehearsal, ballots[:1])
    if len(accepted.new) != len(again) or repeated.new:
        raise Inconsistent("demo-box", "the box did not take every new ballot exactly once")
    story.say(
        "Their new ballots are taken, too. One device sends an old ballot a second time: the same answer, and nothing is added."
    )


def _test_a_device(rehearsal: Rehearsal, sealed: Sealed) -> None:
    rehearsal.story.step(
        "A careful voter tests the device first: it shows a fingerprint, and only then is told to open the ballot."
    )
    secret = listed_secret(rehearsal.codes[login(0)], sealed)
    prepared = encrypt_vote(sealed, secret, draw_choices(sealed.election.questions), system_randomness)
    shown = prepared.commitment
    opened = parse_opened(prepared.open().encode())
    verify_opened(opened, sealed.election)
    if opened.commitment != shown:
        raise Inconsistent("opened-other", "the opened ballot is not the one whose fingerprint was shown")
    rehearsal.story.say("Opened and checked on another device: it encrypts exactly what was chosen. It can never be cast.")


def _encrypt(rehearsal: Rehearsal, places: Sequence[int], election: Election) -> list[bytes]:
    for place in places:
        rehearsal.expected[place] = draw_choices(election.questions)
    votes = [(rehearsal.codes[login(place)], rehearsal.expected[place]) for place in places]
    return encrypt_all(str(rehearsal.public), votes)


def _cast(rehearsal: Rehearsal, ballots: Sequence[bytes]) -> Accepted:
    """The ballots reach the box; every acknowledgement is checked as a voter would."""
    acknowledgements = rehearsal.private / "acknowledgements"
    offered = [Offered(f"ballot {number}", raw) for number, raw in enumerate(ballots, 1)]
    with open_desk(rehearsal.public, str(rehearsal.now), rehearsal.private) as desk:
        accepted = organizer_voting.accept(desk, offered, acknowledgements)
        log = desk.view.manifest.log
    sealed = rehearsal.sealed()
    for raw in ballots:
        tracker = read_ballot(raw).tracker
        if tracker in (*accepted.new, *accepted.known) and log is not None:
            note = parse_acknowledgement(read_file(acknowledgements / f"{tracker}.ack"), log.box)
            verify_acknowledgement(note, sealed.election.fingerprint, sealed.setup or "", tracker)
    return accepted


def _refuse_a_bad_one(rehearsal: Rehearsal, ballot: bytes) -> None:
    place = ballot.index(b'"response":"') + len(b'"response":"')
    digit = b"1" if ballot[place : place + 1] != b"1" else b"2"
    accepted = _cast(rehearsal, [ballot[:place] + digit + ballot[place + 1 :]])
    rehearsal.story.say(f"A ballot with one changed digit is refused: {accepted.refused[0][1].message}.")


def _close(rehearsal: Rehearsal) -> None:
    rehearsal.now = published_manifest(rehearsal).closes_at
    rehearsal.story.step("The announced end has come: the box closes. It could not have been closed earlier.")
    rehearsal.at_desk(voting.close_vote)
    board = read_board(str(rehearsal.public))
    rehearsal.end = board.end or ""
    rehearsal.story.say(f"{len(board.ballots)} ballots of {len(board.counted())} voters stand in the record.")
    _issue(rehearsal, None, True)
    rehearsal.story.say("The registrar signs its last list: no code beyond these was ever handed out.")


def _tally(rehearsal: Rehearsal) -> None:
    rehearsal.now += HOUR
    rehearsal.story.step("The last ballots of all voters are added up, still encrypted. No single ballot is ever opened.")
    rehearsal.at_desk(counting.add_tally)


def _decrypt(rehearsal: Rehearsal) -> None:
    town, story, names = rehearsal.town, rehearsal.story, rehearsal.town.trustee_names()
    story.step("The trustees decrypt the total, each with its part of the key, after recounting it from the record.")
    first = draw(town.size)
    present = sorted((first + step) % town.size + 1 for step in range(town.threshold))
    away = [names[place - 1] for place in range(1, town.size + 1) if place not in present]
    story.say(f"{', '.join(away)} cannot be reached. {town.threshold} of {town.size} are enough.")
    for owner in [*present, *range(town.size + 1, town.size + 1 + town.single)]:
        delivery = _share_of(rehearsal, owner)
        rehearsal.at_desk(partial(counting.add_share, raw=delivery))
        name = SINGLE.capitalize() if owner > town.size else names[owner - 1]
        story.say(f"{name} has audited the record and given a share, with a proof that it belongs to this total.")


def _share_of(rehearsal: Rehearsal, owner: int) -> bytes:
    """What one trustee hands over. Setup and end are confirmed with the hashes that everybody has seen before."""
    path, key = _key_files(rehearsal, owner)
    board = read_board(str(rehearsal.public))
    verify_confirmed(board, rehearsal.setup, rehearsal.end)
    source, level = open_source(str(rehearsal.public)), rehearsal.town.level
    with open_journal(path) as file:
        delivery, journal = share_of_total(key, owner, source, board, file.journal, level, None, None, available_jobs())
        file.save(journal)
    return delivery


def _result(rehearsal: Rehearsal) -> None:
    story = rehearsal.story
    story.step("The shares are put together. The result:")
    found: list[Result] = []
    rehearsal.at_desk(lambda desk: found.append(counting.add_result(desk)))
    result, election = found[0], rehearsal.sealed().election
    for question, row in zip(election.questions, result.counts, strict=True):
        story.say(question.text)
        names = (["(blank vote)"] if question.blank else []) + list(question.answers)
        for name, count in zip(names, row, strict=True):
            story.say(f"   {count:>6}  {name}")
    if result != plain_count(rehearsal, election):
        raise Inconsistent("demo-result", "the decrypted result is not the plain count of the votes that were drawn")
    story.say("It equals the plain count of what the voters chose, which only this rehearsal knows.")
    rehearsal.result = result


def plain_count(rehearsal: Rehearsal, election: Election) -> Result:
    """What the counts must be, from the votes in the clear."""
    counts = [[0] * question.ciphertexts for question in election.questions]
    for place, choices in rehearsal.expected.items():
        weight = rehearsal.town.weight(place)
        for row, marks in zip(counts, choices, strict=True):
            for column, mark in enumerate(marks):
                row[column] += weight * mark
    return Result(tuple(tuple(row) for row in counts))


def _publish(rehearsal: Rehearsal) -> None:
    rehearsal.now += HOUR
    rehearsal.story.step("The organizer audits the whole record, and only then publishes the result; later it is certified.")
    rehearsal.at_desk(lambda desk: counting.publish(desk, available_jobs()))
    rehearsal.at_desk(lambda desk: counting.certify(desk, 0))
    rehearsal.story.say("In a real election days for complaints lie between the two.")


STEPS: Final[Mapping[str, Callable[[Rehearsal], None]]] = {
    "rules": _write_rules,
    "keys": _make_keys,
    "drill": _drill,
    "register": _register,
    "seal": _seal,
    "hand-out": _hand_out,
    "open": _open,
    "vote": _vote,
    "close": _close,
    "tally": _tally,
    "decrypt": _decrypt,
    "result": _result,
    "publish": _publish,
}
"""The steps in order; each leaves a legal record."""


def play(rehearsal: Rehearsal, last: str = "publish") -> None:
    """The election from its first line to the step `last`. Raises whatever a step refuses."""
    for name, step in STEPS.items():
        step(rehearsal)
        if name == last:
            return
