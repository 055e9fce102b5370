"""Databases and servers for the tests of the observer endpoint: the same ones that the service is tested with."""

from __future__ import annotations

from tests.service.conftest import checkers, clock, database, postgres_database, postgres_tables, server, settings

__all__ = ["checkers", "clock", "database", "postgres_database", "postgres_tables", "server", "settings"]
