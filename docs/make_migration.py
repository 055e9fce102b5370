"""Writes a migration: what must be done so that a database of the newest one has the tables as they are described.

    python docs/make_migration.py 0002 "What changes" > service/migrations/versions/0002_what_changes.py
    python docs/make_migration.py 0001 > service/migrations/versions/0001_first_tables.py       (until the first release only)

Read what it wrote before you keep it: a renamed column looks like one dropped and one added, and rows that are there need a value.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from veche.service.schema import described_tables, migrate, wanted_version

PAGE = '''"""{title}

Length: one statement per table, as Alembic wrote them; see docs/make_migration.py.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before}


def upgrade() -> None:
    """A fixed text: it does the same to every database, however the tables are described later."""
{body}
'''


def body(url: str, batch: bool) -> str:
    """The statements of `upgrade`, for a database of this URL; `batch` for changes that SQLite can only do by copying a table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = described_tables()
        context = MigrationContext.configure(connection, opts={"target_metadata": tables, "compare_type": True})
        operations = produce_migrations(context, tables).upgrade_ops
    engine.dispose()
    code = "pass" if operations is None else render_python_code(operations, render_as_batch=batch)
    # Alembic indents what stands inside a function, but for the first line.
    lines = ("    " + code.lstrip()).splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith("#"))


def page(number: str, title: str) -> str:
    """The whole module."""
    first = number == "0001"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+pysqlite:///{Path(folder, 'made.sqlite3')}"
        if not first:
            migrate(url)
        lines = body(url, not first)
    before = "None" if first else f'"{wanted_version()}"'
    made = PAGE.format(title=title.rstrip(".") + ".", number=number, before=before, body=lines)
    command = [sys.executable, "-m", "ruff", "format", "--line-length=132", "-"]
    return subprocess.run(command, input=made, capture_output=True, text=True, check=True).stdout


def main() -> None:
    """Print it."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    print(page(sys.argv[1], " ".join(sys.argv[2:]) or "The first tables: the public record, and the server's own"), end="")


if __name__ == "__main__":
    main()
