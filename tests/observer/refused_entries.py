"""Inputs that phase 9.2 refuses: the files of the folder, the entries and their order, and the data they name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from tests.election.record_builder import CLOSES, DAY, OPENS, Story
from tests.election.voters import Text, make_ballot
from tests.observer.refusal_case import Case, Make, after_writing, annex, changed, fields, refusals, told
from veche.crypto.canonical_json import encode, parse
from veche.ledger.event import EventType

UNREADABLE = "what cannot be read is not there"
NO_FILE = "the file that is missing cannot be opened"


def files(change: Callable[[Path, Story], object]) -> Make:
    """The good record with something done to its files."""

    def done(folder: Path, story: Story) -> None:
        change(folder, story)

    return after_writing(Story, done)


def renamed(folder: Path, _: Story) -> object:
    return (folder / "4hVecheTestA11.bel").rename(folder / "4hVecheTestA12.bel")


def doubled(folder: Path, _: Story) -> object:
    return shutil.copy(folder / "4hVecheTestA11.bel", folder / "4hVecheTestA12.bel")


def entries(change: Callable[[bytes], bytes]) -> Make:
    """The good record with its file of entries changed."""

    def done(folder: Path, _: Story) -> object:
        path = folder / "entries.jsonl"
        return path.write_bytes(change(path.read_bytes()))

    return files(done)


def path_of(folder: Path, digest: str) -> Path:
    return folder / "data" / digest[:2] / digest


def without(digest_of: Callable[[Story], str]) -> Make:
    """The good record without one data file."""
    return files(lambda folder, story: path_of(folder, digest_of(story)).unlink())


def one_more(digest_of: Callable[[Story], tuple[str, bytes]]) -> Make:
    """The good record with one data file more, under this name."""

    def done(folder: Path, story: Story) -> object:
        name, content = digest_of(story)
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(content)

    return files(done)


def placed(content: bytes) -> tuple[str, bytes]:
    digest = sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}", content


def named(story: Story, kind: str, field: str) -> str:
    """What the first annex of this type names."""
    entry = next(entry for entry in story.entries if entry.startswith(b'{"annex":"%s"' % kind.encode()))
    value = parse(entry)
    return str(value[field]) if isinstance(value, dict) else ""


def before(step: str, kind: str, **given: object) -> Make:
    """A record with one annex more before this step."""
    return told(extra={step: annex(kind, **given)})


def skipping(*steps: str) -> Make:
    return told(skip=frozenset(steps))


def moved(kind: bytes, place: int) -> Make:
    """The record with the first entry of this kind somewhere else among the entries."""

    def change(entries: list[bytes], _: Story) -> list[bytes]:
        found = next(entry for entry in entries if kind in entry)
        rest = [entry for entry in entries if entry is not found]
        return [*rest[:place], found, *rest[place:]]

    return changed(entries=change)


def another_ballot(story: Story) -> None:
    """A ballot in the chain, at a place where none may be."""
    story.event(EventType.BALLOT, make_ballot(story.election, 1, ((0, 0),), "more"), name="more")


def other_end(entries: list[bytes], _: Story) -> list[bytes]:
    """The entries tell another end of the chain than the archive: the result is another one."""
    place = next(place for place, entry in enumerate(entries) if b'"type":"Result"' in entry)
    value = parse(entries[place])
    if isinstance(value, dict):
        value["payload"] = "ab" * 32
    return [*entries[:place], encode(value), *entries[place + 1 :]]


def up_to_share(entries: list[bytes], _: Story) -> list[bytes]:
    """The entries end before the first share, the archive does not."""
    return entries[: next(place for place, entry in enumerate(entries) if b'"type":"PartialDecryption"' in entry)]


def of_another(entry: bytes) -> bytes:
    return entry.replace(b'"election":"4hVecheTestA11"', b'"election":"4hVecheTestA12"')


def other_election(entries: list[bytes], _: Story) -> list[bytes]:
    return [of_another(entry) if entry.startswith(b'{"annex":"opened"') else entry for entry in entries]


def extended(time: int, closes_at: int) -> Text:
    return {"time": time, "closes_at": closes_at, "reason": "outage"}


def late_shares(story: Story) -> None:
    """A share of trustee 3, who gave its share already, is refused."""
    story.refuse(3, "belenios-proof", b"{}")


NOTHING_MORE = frozenset(("published", "certified"))

FOLDERS: list[Case] = [
    *refusals(
        "folder-form",
        r"archive|folder|manifest.json|entries.jsonl|entry \d+",
        {
            "an archive with another name": files(renamed),
            "no manifest": files(lambda folder, _: (folder / "manifest.json").unlink()),
            "no entries": files(lambda folder, _: (folder / "entries.jsonl").unlink()),
            "two archives": files(doubled),
            "no newline at the end": entries(lambda raw: raw[:-1]),
            "an empty line": entries(lambda raw: raw.replace(b"\n", b"\n\n", 1)),
            "a strict election without anything but its archive": lambda folder: Story().bel_only(folder).parent,
        },
    ),
    *refusals(
        "entry-malformed",
        r"entry \d+",
        {
            "a code with a capital and a blank": before("EndBallots", "incident", time=OPENS, code="A b"),
            "an unknown type": before("EndBallots", "blessed", time=OPENS),
            "white space": entries(lambda raw: raw.replace(b'"opened",', b'"opened", ')),
            "a carriage return": entries(lambda raw: raw.replace(b"\n", b"\r\n")),
            "a time that is a text": changed(opened=fields(time=str(OPENS))),
            "a time before 1970": changed(opened=fields(time=-1)),
            "a number that is true": changed(closed=fields(ballots=True)),
            "a field too many": changed(opened=fields(by="us")),
            "a field too few": changed(certified=fields(complaints=None)),
            "fields in another order": changed(software=lambda f, _: dict(reversed(f.items()))),
            "a trustee numbered 0": changed(drill_1=fields(owner=0)),
            "70,000 bytes": changed(software=fields(version="v" * 70_000)),
        },
    ),
    *refusals(
        "entry-election",
        r"entry \d+",
        {
            "an annex of another election": changed(entries=other_election),
        },
    ),
    *refusals(
        "entry-order",
        r"entry \d+",
        {
            "no software before Setup": skipping("software"),
            "nothing before the manifest": moved(b'"annex":"manifest"', 1),
            "two manifests": told(
                extra={"software": lambda story: story.annex("manifest", "again", manifest=sha256(story.manifest_text).hexdigest())}
            ),
            "no ceremony at level strict": skipping("dkg"),
            "a drill before the ceremony": moved(b'"annex":"dkg"', 3),
            "a drill that is missing": skipping("drill 2"),
            "a trustee's second drill": told(extra={"Setup": lambda story: story.entries.append(story.entries[-1])}),
            "a ballot before opened": told(extra={"opened": another_ballot}),
            "never opened": skipping("opened"),
            "a ballot while suspended": before("ballot 3", "suspended", time=OPENS, reason="outage"),
            "resumed without suspended": before("ballot 3", "resumed", time=OPENS, reason="outage"),
            "no closed after EndBallots": skipping("closed"),
            "something between EndBallots and closed": before("closed", "incident", time=CLOSES, code="outage"),
            "no issued after closed at level strict": skipping("issued 2"),
            "two issued after closed": told(extra={"EncryptedTally": lambda story: story.issue("more", (), 4)}),
            "extended after closed": before("issued 2", "extended", **extended(CLOSES, CLOSES + 5)),
            "a tally after withheld": before("EncryptedTally", "withheld", ballots=3, minimum=2),
            "a share without its strong proof": skipping("proof 1"),
            "a strong proof of another trustee": changed(proof_1=fields(owner=2)),
            "a share refused after one was taken": told(extra={"Result": late_shares}),
            "a result after one share": told(shares=(1,)),
            "published before the result": told(skip=frozenset(("Result",))),
            "certified before published": skipping("published"),
            "cancelled after the result": before("published", "cancelled", time=CLOSES, reason="court"),
            "something after cancelled": before("ballot 3", "cancelled", time=OPENS, reason="court"),
            "annulled before the result": before("Result", "annulled", time=CLOSES, reason="court"),
        },
    ),
    *refusals(
        "entry-time",
        r"entry \d+",
        {
            "a time before an earlier one": before("published", "incident", time=CLOSES - 1, code="outage"),
            "extended beyond what the manifest allows": before("EndBallots", "extended", **extended(OPENS, CLOSES + 2 * DAY)),
            "extended without the manifest's leave": told(
                changes={"manifest": fields(extension=None)}, extra={"EndBallots": annex("extended", **extended(OPENS, CLOSES + 5))}
            ),
            "extended to an earlier end": before("EndBallots", "extended", **extended(OPENS, CLOSES - 5)),
            "extended when it was over": before("EndBallots", "extended", **extended(CLOSES, CLOSES + 5)),
        },
    ),
    *refusals(
        "chain-differs",
        "archive|data",
        {
            "another result among the entries": changed(entries=other_end),
            "events that are missing among the entries": changed(entries=up_to_share),
            "events that are missing in the archive": changed(events=lambda events, _: events[:-1]),
        },
    ),
    *refusals(
        "data-missing",
        "data|key ceremony",
        {
            "the list of assets": without(lambda story: named(story, "software", "assets")),
            "whom a code was handed out to": without(lambda story: named(story, "issued", "credentials")),
            "the run of the ceremony": without(lambda story: named(story, "dkg", "ceremony")),
            "the report that was published": without(lambda story: named(story, "published", "audit")),
            "a text of a project": changed(manifest=lambda m, _: with_text(m)),
        },
        ends=NO_FILE,
    ),
    *refusals(
        "data-hash",
        "data|key ceremony",
        {
            "a list of assets that was changed": files(
                lambda folder, story: path_of(folder, named(story, "software", "assets")).write_bytes(b" ")
            ),
            "a run that was changed": files(
                lambda folder, story: path_of(folder, named(story, "dkg", "ceremony")).write_bytes(b"{}")
            ),
        },
    ),
    *refusals(
        "data-unnamed",
        "data",
        {
            "a file that nothing names": one_more(lambda _: placed(b"advertisement")),
            "a file that is in the archive": one_more(lambda story: placed(story.cast[0][1])),
            "an empty ballot that is an empty list of assets, too": changed(ballot_4=lambda *_: b""),
            "the manifest once more": one_more(lambda story: placed(story.manifest_text)),
            "a file in another place": one_more(lambda story: (f"zz/{sha256(b'').hexdigest()}", b"")),
            "a file with a name of its own": one_more(lambda _: ("readme.txt", b"hello")),
        },
    ),
]


def with_text(manifest: Text) -> Text:
    """The manifest names the text of its first project."""
    manifest["options"][0][0]["text"] = "ab" * 32
    return manifest
