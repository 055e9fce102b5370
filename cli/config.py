"""`veche config`: the settings in force, without a password, and what is wrong with them. docs/operating.md."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from veche.cli.help_text import WholeSentences
from veche.cli.terminal import answer, answer_json, warn
from veche.crypto.canonical_json import Json

app = typer.Typer(cls=WholeSentences, no_args_is_help=True, add_completion=False, help="The settings of the server.")


@app.callback()
def config() -> None:
    """The settings of the server: environment variables VECHE_…, a file .env, or a folder of secrets."""


@app.command()
def check(as_json: bool = typer.Option(False, "--json", help="The answer as JSON.")) -> None:
    """Show every setting in force (* marks those given), names that are no setting, and contradictions. Ends with 1 if any.

    No password is shown.
    """
    from veche.service.settings import read_settings
    from veche.service.settings_check import contradictions, shown_settings, unknown_names

    settings = read_settings()
    shown = shown_settings(settings)
    unknown, wrong = unknown_names(os.environ, Path(".env")), contradictions(settings, os.environ)
    if as_json:
        values: dict[str, Json] = {one.name: {"value": one.value, "given": one.given} for one in shown}
        answer_json({"settings": values, "unknown": [*unknown], "contradictions": [*wrong]})
    else:
        width = max(len(one.name) for one in shown)
        for one in shown:
            answer(f"{'*' if one.given else ' '} {one.name:<{width}}  {one.value or '(empty)'}")
        for name in unknown:
            warn(f"{name} is no setting: a slip of the pen? The names are above")
        for sentence in wrong:
            warn(sentence)
    if unknown or wrong:
        raise typer.Exit(1)
