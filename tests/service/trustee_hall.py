"""A campaign on a real server, and its three trustees with the command line tool."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.service.hand_clock import HandClock
from tests.service.invited_trustees import CAMPAIGN, Guests, guests
from tests.service.listening import listening
from tests.service.tool import Tool, take_part
from tests.service.town import ServedTown
from veche.ballot.manifest import seal
from veche.observer.board import board_of
from veche.service.server import Server, open_server
from veche.service.settings import Settings


@dataclass(slots=True)
class Hall:
    """A campaign on a listening server, and its three trustees with their tools."""

    guests: Guests
    url: str
    tools: list[Tool]

    @property
    def server(self) -> Server:
        return self.guests.server

    @property
    def clock(self) -> HandClock:
        return self.guests.clock

    def make_keys(self) -> None:
        self.guests.begin()
        assert take_part(self.url, self.tools) == [0, 0, 0]

    def sealed(self, name: str = "district-1", voters: int = 6) -> ServedTown:
        """A contest whose trustees have made their keys and passed the drill, sealed and with its codes handed out."""
        town = self.guests.contest(name)
        self.make_keys()
        for tool in self.tools:
            assert tool.run(self.url, "drill") == 0
        town.trustees = [tool.private for tool in self.tools]
        town.register(voters)
        town.seal()
        town.issue()
        return town


def hall(server: Server, clock: HandClock, folder: Path, stack: ExitStack) -> Hall:
    invited = guests(server, clock, folder)
    url = stack.enter_context(listening(server))
    tools = [Tool(place, folder / f"trustee-{place}", CAMPAIGN, token) for place, token in enumerate(invited.tokens, 1)]
    return Hall(invited, url, tools)


def cast(server: Server, town: ServedTown, *places: int) -> None:
    for place in places:
        assert asyncio.run(server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1")).new


def hashes(town: ServedTown) -> list[str]:
    """Setup and end as an honest person knows them from elsewhere."""
    board = board_of(town.source())
    return ["--setup", seal(board.setup), "--end", board.end or "00" * 32]


def counting_stage(found: Hall, *voters: int) -> ServedTown:
    """The vote of these voters has ended and its encrypted total is in the record."""
    town = found.sealed()
    town.open()
    cast(found.server, town, *voters)
    town.close()
    town.tally()
    return town


def lone_hall(clock: HandClock, folder: Path, stack: ExitStack) -> Hall:
    """On SQLite, where the database says nothing about what is tested."""
    server = open_server(Settings(data=folder / "data", database="", checkers=1, worker=False), clock)
    stack.callback(server.close)
    return hall(server, clock, folder / "town", stack)
