"""The server's own tables: people, campaigns, work to be done. None is public, and none says anything about a voter's ballot.

Times are seconds since 1970. Tokens (of sessions, links, invitations) are kept as SHA-256 only: whoever reads the database cannot
use them. Voters have no row here at all.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

SERVICE = MetaData()

accounts = Table(
    "account",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    # May make campaigns; may see how the server is doing. Both are given on the command line only.
    Column("organizer", Boolean, nullable=False, default=False),
    Column("operator", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", BigInteger, nullable=False),
)

campaigns = Table(
    "campaign",
    SERVICE,
    Column("id", String(64), primary_key=True),
    # {"ru": …, "en": …} as JSON.
    Column("title", Text, nullable=False),
    Column("rehearsal", Boolean, nullable=False),
    # A demonstration plays the trustees itself: only ever true for a rehearsal.
    Column("demo", Boolean, nullable=False, default=False),
    Column("host", String(200), nullable=False),
    # The registrar's verifier key, and as JSON the trustees by name and address and how many of them decrypt.
    Column("registrar", Text),
    Column("terms", Text),
    Column("created_at", BigInteger, nullable=False),
)

roles = Table(
    "role",
    SERVICE,
    Column("campaign", String(64), ForeignKey("campaign.id"), primary_key=True),
    Column("account", Integer, ForeignKey("account.id"), primary_key=True),
    # organizer, registrar or trustee: one person is one of them in a campaign, never two.
    Column("role", String(20), nullable=False),
    # A trustee's number, from 1.
    Column("place", Integer),
)

campaign_drafts = Table(
    "campaign_draft",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    # The campaign whose plan this will replace; none while it is a new one.
    Column("campaign", String(64)),
    # What was typed, field by field, as JSON.
    Column("typed", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)
"""A campaign that an organizer is still typing: complete or not, nothing typed is lost."""

contests = Table(
    "contest",
    SERVICE,
    Column("campaign", String(64), ForeignKey("campaign.id"), primary_key=True),
    Column("contest", String(64), primary_key=True),
    Column("uuid", String(64), nullable=False, unique=True),
    Column("place", Integer, nullable=False),
    # The plan as it was imported (JSON), the draft of the questions, and trustees.json of other people's tools.
    Column("plan", LargeBinary, nullable=False),
    Column("draft", LargeBinary),
    Column("trustees", LargeBinary),
    # What the registrar uploaded, until Setup has it; how many, and the SHA-256.
    Column("credentials", LargeBinary),
    Column("credentials_count", Integer),
    Column("credentials_sha256", String(64)),
    # How a voter gets in: `codes` today; log-ins come later.
    Column("way_in", String(20), nullable=False, default="codes"),
)

sessions = Table(
    "session",
    SERVICE,
    Column("token", String(64), primary_key=True),
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    # A session ends when nobody used it for a while, and a fixed time after its beginning at the latest.
    Column("begun_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

links = Table(
    "link",
    SERVICE,
    Column("token", String(64), primary_key=True),
    # login (once), or invitation (of a trustee or registrar, until revoked).
    Column("purpose", String(20), nullable=False),
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    Column("campaign", String(64)),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
    Column("revoked", Boolean, nullable=False, default=False),
)

approvals = Table(
    "approval",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("campaign", String(64), nullable=False),
    Column("uuid", String(64), nullable=False),
    # seal, cancel or annul; what goes with it as JSON.
    Column("action", String(20), nullable=False),
    Column("details", Text, nullable=False),
    Column("asked_by", Integer, ForeignKey("account.id"), nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    # asked, done, refused or withdrawn.
    Column("status", String(20), nullable=False),
    Column("decided_by", Integer, ForeignKey("account.id")),
    Column("decided_at", BigInteger),
)

audit_trail = Table(
    "audit_trail",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
    # None: the server itself, by its timers.
    Column("account", Integer),
    Column("campaign", String(64)),
    Column("uuid", String(64)),
    Column("action", String(60), nullable=False),
    Column("details", Text, nullable=False),
)
"""Everything an organizer, registrar, trustee or timer did. Rows are only ever added."""

ceremonies = Table(
    "ceremony",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("campaign", String(64), ForeignKey("campaign.id"), nullable=False),
    # 1 for a campaign's first run, 2 for the next.
    Column("run", Integer, nullable=False),
    # running, finished or ended; the run file, and trustees.json of a finished one.
    Column("status", String(20), nullable=False),
    Column("run_file", LargeBinary),
    Column("trustees", LargeBinary),
)

ceremony_messages = Table(
    "ceremony_message",
    SERVICE,
    Column("ceremony", Integer, ForeignKey("ceremony.id"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What trustees put on their board, each once; see `service.ceremony_board`."""

roll_calls = Table(
    "roll_call",
    SERVICE,
    Column("uuid", String(64), primary_key=True),
    Column("owner", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
)

jobs = Table(
    "job",
    SERVICE,
    Column("id", Integer, primary_key=True),
    Column("kind", String(40), nullable=False),
    # What it is about, as JSON; `topic` is unique among the jobs that wait or run, so that none is queued twice.
    Column("payload", Text, nullable=False),
    Column("topic", String(200), nullable=False),
    # When it may be done; once it has ended, when that was.
    Column("due_at", BigInteger, nullable=False),
    # waiting, running, done or failed.
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("worker", String(100)),
    Column("locked_until", BigInteger),
    Column("error", Text),
)

Index("job_due", jobs.c.status, jobs.c.due_at)

_UNDER_WAY = jobs.c.status.in_(("waiting", "running"))

# Two processes that queue the same thing at the same moment queue it once.
Index("job_topic", jobs.c.topic, unique=True, sqlite_where=_UNDER_WAY, postgresql_where=_UNDER_WAY)
