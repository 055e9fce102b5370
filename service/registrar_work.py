"""What the registrar's tool fetches and hands in: manifests, public credentials, and the signed word on who got a code.

The server never has a code or a name: a body that looks like the registrar's private files is refused before anything else is done
with it. Everything taken here is public, or will be. design section 1; docs/protocol.md section 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import update

from veche.ballot.credential import parse_public_credentials
from veche.ballot.manifest import parse_manifest
from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Malformed, Refused
from veche.ledger.annex import Issued
from veche.observer.record_rows import election_row, manifest_of
from veche.service import voting
from veche.service.access import Invited
from veche.service.audit_trail import note
from veche.service.campaigns import contest_of, contests_of, is_fixed
from veche.service.clock import Clock
from veche.service.contest_desk import held_contest
from veche.service.storage import Storage
from veche.service.tables import contests

MAX_CREDENTIALS: Final = 2_000_000
"""People in one election, at most."""

MAX_LIST: Final = 100 * MAX_CREDENTIALS
MAX_ENTRY: Final = 4096
SMALL: Final = 64 * 1024

_ITEM: Final = 100
"""Bytes of a public credential in its list: 64 digits, a weight, quotes and commas, with room to spare."""

_LIST: Final = re.compile(rb'\s*\[\s*(?:"[0-9a-f]{64}[",]|\])')
_PRIVATE: Final = (
    "this looks like a file with codes or names, which nobody but you may ever have: it was not kept. What belongs here is "
    "public_creds.json, and later issued-….json with its list"
)


@dataclass(frozen=True, slots=True)
class RegistrarWork:
    """The registrar's part in this server's campaigns."""

    storage: Storage
    clock: Clock

    def standing(self, campaign: str) -> list[Json]:
        """Each contest with its uuid, and how far it is. Raises Refused `rules-open` before the rules are fixed."""
        with self.storage.database.reading() as connection:
            if not is_fixed(connection, campaign):
                raise Refused("rules-open", "the organizers have not fixed the rules of this campaign yet: there are no manifests")
            found: list[Json] = []
            for contest in contests_of(connection, campaign):
                row = election_row(connection, contest.uuid)
                found.append(
                    {
                        "contest": contest.contest,
                        "election": contest.uuid,
                        "state": row.state,
                        "credentials": contest.credentials_count,
                        "credentials_sha256": contest.credentials_sha256,
                        "issued": row.issued,
                    }
                )
        return found

    def manifest(self, campaign: str, uuid: str) -> bytes:
        """manifest.json of this contest. Raises Refused `no-election`, also before the rules are fixed."""
        with self.storage.database.reading() as connection:
            contest_of(connection, campaign, uuid)
            return manifest_of(connection, uuid)

    def limit(self, campaign: str, uuid: str) -> int:
        """Bytes that a list for this contest may have: as many people as its manifest promises, and no more."""
        electorate = parse_manifest(self.manifest(campaign, uuid)).electorate
        return min(MAX_LIST, SMALL + _ITEM * electorate)

    def put_credentials(self, who: Invited, uuid: str, raw: bytes) -> int:
        """The public list waits for the seal, instead of one before; how many are in it.

        Raises Refused `private-file`, `electorate`, `entry-order` once it is sealed, and Malformed naming the item that is wrong.
        """
        refuse_private(raw)
        # Outside the lock: each credential is checked to be a point of the group, which for a large city takes seconds.
        count = len(parse_public_credentials(raw).weights)
        digest = sha256(raw).hexdigest()
        with self._noted(who, uuid, "put-credentials"), held_contest(self.storage, self.clock, uuid) as (desk, connection):
            desk.refuse_unless("handing in public credentials", "draft")
            if count > desk.view.manifest.electorate:
                promised = desk.view.manifest.electorate
                raise Refused("electorate", f"{count} public credentials for an electorate of {promised}: more codes than people")
            change = update(contests).where(contests.c.uuid == uuid)
            connection.execute(change.values(credentials=raw, credentials_count=count, credentials_sha256=digest))
            note(connection, self.clock.now(), who.account, who.campaign, uuid, "put-credentials", count=count, sha256=digest)
        return count

    def add_issued(self, who: Invited, uuid: str, raw: bytes) -> Issued:
        """The signed word stands in the record with its list. `raw` is the entry, a newline, and the list.

        Raises Refused `private-file`, Malformed `issued-malformed`, and what `voting.add_issued` finds wrong.
        """
        entry, newline, listed = raw.removesuffix(b"\n").partition(b"\n")
        if not entry.startswith(b'{"annex":"issued"'):
            refuse_private(raw)
        if not newline or len(entry) > MAX_ENTRY or not entry.startswith(b'{"annex":"issued"'):
            raise Malformed("issued-malformed", "two lines were expected: the signed entry issued, and the list that it names")
        if _LIST.match(listed) is None:
            raise Refused("private-file", _PRIVATE)
        with self._noted(who, uuid, "add-issued"), held_contest(self.storage, self.clock, uuid) as (desk, connection):
            issued = voting.add_issued(desk, entry, listed)
            note(connection, self.clock.now(), who.account, who.campaign, uuid, "add-issued", total=issued.total)
        return issued

    def verify_contest(self, campaign: str, uuid: str) -> None:
        """Check that this contest is one of the campaign. Raises Refused `no-election`."""
        with self.storage.database.reading() as connection:
            contest_of(connection, campaign, uuid)

    def _noted(self, who: Invited, uuid: str, action: str) -> _Refusals:
        return _Refusals(lambda code: self._refused(who, uuid, action, code))

    def _refused(self, who: Invited, uuid: str, action: str, code: str) -> None:
        with self.storage.database.writing() as connection:
            note(connection, self.clock.now(), who.account, who.campaign, uuid, f"{action}-refused", code=code)


class _Refusals:
    """What is refused in its block is told with its code, and goes on."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ElectionError) and error.code != "storage-failed":
            self._told(error.code)


def refuse_private(raw: bytes) -> None:
    """Check that this begins as a list of public credentials does, without codes or names. Raises Refused `private-file`."""
    if _LIST.match(raw[:200]) is None:
        raise Refused("private-file", _PRIVATE)
