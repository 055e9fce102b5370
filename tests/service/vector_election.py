"""The election of a vector file in a server's database, at level belenios and open: other people's Setup, our ballot box."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from sqlalchemy import update

from tests.service.town import plan
from veche.crypto.canonical_json import encode
from veche.crypto.scalar import system_randomness
from veche.ledger.annex import Manifest as ManifestAnnex
from veche.ledger.chain import append
from veche.ledger.event import EventType
from veche.ledger.payload import SetupData
from veche.observer.record_rows import election_row
from veche.observer.tables import elections
from veche.service.contest_plan import make_plan
from veche.service.record_store import Addition
from veche.service.record_writer import add_entries, create_record
from veche.service.server import Server


def load_election(server: Server, vectors: dict[str, Any]) -> str:
    """The uuid of the election, which takes ballots at the server's time from now on."""
    election, trustees = vectors["election"].encode(), vectors["trustees"].encode()
    # The tool's own files name a login, here empty, between credential and weight; archives do not.
    credentials = encode([line.replace(",,", ",") for line in json.loads(vectors["public_credentials"])])
    uuid: str = json.loads(election)["uuid"]
    log, box = server.keys.generate(uuid, f"vote.example/e/{uuid}", system_randomness)
    spec = plan(4, server.clock.now(), options=2, level="belenios")
    manifest = make_plan(spec, lambda _: b"", uuid, log.verifier, box.verifier, None).manifest
    contents = (election, trustees, credentials)
    setup = SetupData(*(sha256(one).hexdigest() for one in contents)).text()
    event = append(None, EventType.SETUP, sha256(setup).hexdigest())
    first = [Addition(ManifestAnnex(uuid, manifest.digest)), Addition(event, (*contents, setup))]
    with server.storage.database.writing() as connection:
        create_record(connection, manifest, manifest.encode(), server.clock.now(), 0)
        row = add_entries(connection, election_row(connection, uuid), first, [], "open")
        connection.execute(update(elections).where(elections.c.uuid == uuid).values(opens_at=server.clock.now()))
    server.storage.committed(row)
    return uuid
