"""`veche organizer campaign-example`: a campaign of several contests in one file, to copy and change."""

from __future__ import annotations

from typing import Annotated

import typer


def campaign_example(
    csv: Annotated[bool, typer.Option("--csv", help="As a table for a spreadsheet, separated by semicolons.")] = False,
) -> None:
    """Print an example of a campaign's file, from which a server makes a campaign of many contests.

    In the table each line is one option; a contest's cells are needed in its first line only. Amounts are in the smallest unit of
    the currency, times are those of the zone. "registrar" is the registrar's public key; it may come before the rules are fixed.
    """
    from veche.cli.terminal import answer
    from veche.service.campaign_example import CSV_EXAMPLE, JSON_EXAMPLE

    answer((CSV_EXAMPLE if csv else JSON_EXAMPLE).rstrip("\n"))
