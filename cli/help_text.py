"""Lists of commands in which every command is described by a whole sentence, not by one that breaks off."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class WholeSentences(TyperGroup):
    """A group whose help wraps the first sentence of each command instead of cutting it."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, first_sentence(command.help or "")) for name, command in found if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence, in one line."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    head, stop, _ = paragraph.partition(". ")
    return head + stop.strip()
