"""Public credentials by their first digits: a voter finds all ballots of her own without telling the server which one is hers.

A prefix is as short as she likes and never so long that few credentials share it. Design section 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from veche.crypto.canonical_json import Json, encode
from veche.crypto.errors import Malformed
from veche.observer.endpoint_answers import JSON, ONE, Uuid, reads
from veche.observer.public_record import PublicRecord, etag_of, row_of
from veche.observer.ranges import REVALIDATED, unchanged
from veche.observer.record_rows import BallotRow, ElectionRow, ballots_between, credentials_after
from veche.observer.summary import bucket_digits, credential_json, head_json

AT_ONCE: Final = 1000
"""Credentials that are in memory at a time for one reader."""

_PREFIX = re.compile(r"[0-9a-f]{0,3}")


def bucket_routes(router: APIRouter, record: PublicRecord) -> None:
    """The routes `…/credentials/{prefix}`; the empty prefix is everybody."""

    def bucket(request: Request, uuid: str, prefix: str) -> Response:
        if not _PREFIX.fullmatch(prefix):
            raise Malformed("prefix-malformed", "a prefix has at most 3 hexadecimal digits in lower case")
        with record.reading() as connection:
            row = row_of(connection, uuid)
        digits = bucket_digits(row.listed)
        if len(prefix) > digits:
            raise Malformed("prefix-too-long", f"in this election a prefix has at most {digits} digits: more would say whose it is")
        found = unchanged(request, etag_of(row))
        if found is not None:
            return found
        headers = {"ETag": etag_of(row), "Cache-Control": REVALIDATED}
        return StreamingResponse(_pieces(record, row, prefix), 200, headers, JSON)

    @reads(router, ONE + "/credentials/{prefix}", JSON, "The public credentials that begin so, their state, their ballots")
    def credentials(request: Request, uuid: Uuid, prefix: str) -> Response:
        return bucket(request, uuid, prefix)

    @reads(router, ONE + "/credentials/", JSON, "All public credentials, their state, their ballots")
    @reads(router, ONE + "/credentials", JSON, "All public credentials, their state, their ballots")
    def everybody(request: Request, uuid: Uuid) -> Response:
        return bucket(request, uuid, "")


def _pieces(record: PublicRecord, row: ElectionRow, prefix: str) -> Iterator[bytes]:
    """The bucket as the record stood at `row`, read some credentials at a time: no reader holds the database for long."""
    head: dict[str, Json] = {**head_json(row), "prefix": prefix, "bucket_digits": bucket_digits(row.listed)}
    yield encode(head)[:-1] + b',"credentials":['
    after: str | None = ""
    separator = b""
    while after is not None:
        found, after = _some(record, row, prefix, after)
        for one in found:
            yield separator + encode(one)
            separator = b","
    yield b"]}"


def _some(record: PublicRecord, row: ElectionRow, prefix: str, after: str) -> tuple[list[dict[str, Json]], str | None]:
    """The next credentials, and behind which one to go on; None at the end."""
    with record.reading() as connection:
        rows = credentials_after(connection, row.uuid, prefix, after, AT_ONCE)
        if not rows:
            return [], None
        cast = ballots_between(connection, row.uuid, rows[0].credential, rows[-1].credential, row.height or 0)
    of: dict[str, list[BallotRow]] = {}
    for ballot in cast:
        of.setdefault(ballot.credential, []).append(ballot)
    found = [credential_json(one, row.entries, of.get(one.credential, ())) for one in rows]
    return found, rows[-1].credential if len(rows) == AT_ONCE else None
