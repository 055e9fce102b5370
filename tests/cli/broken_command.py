"""A command with a mistake in it, and one that meets a file it may not read."""

from __future__ import annotations


def mistaken() -> None:
    """Fail as only a mistake of ours does."""
    raise KeyError("voter code 12345")


def unreadable() -> None:
    """Fail as a disk does."""
    raise PermissionError(13, "Permission denied", "letters.csv")
