"""The tables of the public record, of which everything in them may be shown to everybody. docs/protocol.md section 8; design 9.

They belong to the observer, so that `veche observe --database URL` reads a server's database without any code of the server. No
column here holds a session, an address or a person; the one time beside a ballot is the acknowledgement's, which the voter holds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

RECORD = MetaData()
"""Alembic's migrations in `service/migrations` make these tables; a test compares the two."""

elections = Table(
    "election",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("campaign", String(64), nullable=False),
    Column("contest", String(64), nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    # Seconds by which a rehearsal's clock runs ahead of the server's. A real election has none.
    Column("clock_offset", BigInteger, nullable=False, default=0),
    Column("manifest", LargeBinary, nullable=False),
    Column("archive_time", BigInteger, nullable=False),
    # Where the record stands: a state of `ledger.record_state`, and what the next append continues.
    Column("state", String(20), nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("entry_bytes", BigInteger, nullable=False),
    Column("archive_bytes", BigInteger, nullable=False),
    Column("height", BigInteger),
    Column("head", String(64)),
    # The newest time that any entry or acknowledgement has, seconds since 1970: times never go back.
    Column("latest_time", BigInteger, nullable=False),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    # From Setup on.
    Column("setup", String(64)),
    Column("fingerprint", String(43)),
    Column("listed", BigInteger, nullable=False, default=0),
    # Credentials handed out; Ballot events; credentials of weight > 0 with a ballot.
    Column("issued", BigInteger, nullable=False, default=0),
    Column("ballots", BigInteger, nullable=False, default=0),
    Column("voters", BigInteger, nullable=False, default=0),
    CheckConstraint("rehearsal OR clock_offset = 0", name="real_elections_have_no_offset"),
)
"""One row per record. Whoever appends locks it first."""

entries = Table(
    "entry",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("place", BigInteger, primary_key=True),
    # The type of the event or annex; the owner where it has one; the height for events.
    Column("kind", String(24), nullable=False),
    Column("owner", Integer),
    Column("height", BigInteger),
    Column("text", LargeBinary, nullable=False),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""The entries in the order of the log, `place` from 0, with their exact texts."""

Index("entry_kind", entries.c.uuid, entries.c.kind)

archive_records = Table(
    "archive_record",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("height", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""The data records that stand in the archive before the event of this height, `number` from 0."""

Index("archive_record_name", archive_records.c.uuid, archive_records.c.sha256)

data_files = Table(
    "data_file",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""What entries name and neither the archive nor manifest.json is: the files under `data/`."""

ballots = Table(
    "ballot",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("tracker", String(64), primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("credential", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    # Where the ballot's bytes stand in the archive.
    Column("offset", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""The ballots in the chain. `event` (hex) and `time` (seconds since 1970) are those of the acknowledgement."""

Index("ballot_credential", ballots.c.uuid, ballots.c.credential)
Index("ballot_height", ballots.c.uuid, ballots.c.height, unique=True)

credentials = Table(
    "credential",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("credential", String(64), primary_key=True),
    Column("weight", String(20), nullable=False),
    # The place in Setup's list, from 0; the place of the `issued` entry that names it, once there is one.
    Column("listed", BigInteger, nullable=False),
    Column("issued", BigInteger),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""The public credentials of Setup. A weight may be larger than 2^63, so it is decimal text."""

turnout = Table(
    "turnout",
    RECORD,
    Column("uuid", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("ballots", BigInteger, nullable=False),
    Column("voters", BigInteger, nullable=False),
    ForeignKeyConstraint(["uuid"], ["election.uuid"]),
)
"""Ballots, and credentials that voted for the first time, in each hour; `hour` is hours since 1970."""
