"""What every test may ask for: the vectors, and the Belenios tool that nobody here wrote.

Environment

VECHE_BELENIOS_TOOL       path of a belenios-tool 2.1 or later; without it the one on PATH is taken
VECHE_BELENIOS_TOOL_SID   path of a newer one, for tests that run against two versions
VECHE_REQUIRE_INTEROP=1   a test that finds no tool fails, where it would else be stepped around
VECHE_SOAK=1              long hypothesis runs, as in `make soak`
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.vectors import VECTORS

OLDEST_TOOL = (2, 1)

settings.register_profile("ci", max_examples=200, deadline=None, print_blob=True)
settings.register_profile(
    "soak", max_examples=10_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("soak" if os.environ.get("VECHE_SOAK") else "ci")


def tool_version(tool: str) -> tuple[int, ...]:
    """Return the version that `tool --version` prints first, e.g. (3, 0) for "3.0 (3.0+20250220)"."""
    printed = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True, timeout=300).stdout
    numbers = re.match(r"\d+(\.\d+)*", printed)
    return tuple(int(number) for number in numbers.group().split(".")) if numbers else (0,)


def find_tool(variable: str, otherwise: str | None) -> Path:
    """Return the executable that `variable` names, or else the one on PATH called `otherwise`.

    Without one that is new enough the test is stepped around, with the reason; it fails when
    VECHE_REQUIRE_INTEROP=1, so that our own CI never steps around it unnoticed.
    """
    tool = os.environ.get(variable) or (shutil.which(otherwise) if otherwise else None)
    if tool and tool_version(tool) >= OLDEST_TOOL:
        return Path(tool)
    reason = f"no belenios-tool {OLDEST_TOOL[0]}.{OLDEST_TOOL[1]} or later: set {variable} to its path"
    if os.environ.get("VECHE_REQUIRE_INTEROP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


LONGEST = (
    "whole_campaign", "killed", "campaign_story", "durability", "console", "trustee_complaint", "campaign",
    "demonstration", "agreement", "trustee",
)  # fmt: skip
"""Files that take about a minute and more, by name: the longest first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first, so that no worker is left alone with one at the end."""
    longest = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    long = {item.path for item in items if any(item.get_closest_marker(mark) is not None for mark in ("slow", "interop"))}
    items.sort(key=lambda item: (longest.get(item.path.name, len(LONGEST)), item.path not in long))


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder `vectors/`; its README names the origin of every file."""
    return VECTORS


@pytest.fixture(scope="session")
def belenios_tool() -> Path:
    """An executable belenios-tool, 2.1 or later."""
    return find_tool("VECHE_BELENIOS_TOOL", otherwise="belenios-tool")


@pytest.fixture(scope="session")
def belenios_tool_sid() -> Path:
    """The newest belenios-tool at hand, another version than `belenios_tool`."""
    return find_tool("VECHE_BELENIOS_TOOL_SID", otherwise=None)
