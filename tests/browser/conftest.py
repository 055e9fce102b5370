"""What tests in a real browser share: a demonstration that runs, Chromium, and pages that watch over what every page must keep.

Environment

VECHE_REQUIRE_BROWSER=1   a test that finds no Chromium or no built scripts fails, where it would else be skipped
VECHE_MADE_DEMO           a folder that keeps the demonstration once it was made: the next run is about a minute shorter
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from tests.browser.demonstration import Demonstration, demonstration
from tests.browser.watched import Watched
from tests.service.hand_clock import HandClock
from tests.service.trustee_hall import Hall, lone_hall
from veche.service.pages import STATIC

playwright = pytest.importorskip("playwright.sync_api")

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
NewPage = Callable[..., "Watched"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The browser that is installed, without a window."""
    executable = shutil.which("chromium")
    built = (STATIC / "dist" / "manifest.json").is_file()
    if executable is None or not built:
        reason = "no Chromium is installed" if executable is None else "the scripts are not built: make web"
        if os.environ.get("VECHE_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def made_demo(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration that was made and stopped, one for all processes of this run of tests."""
    _ = chromium
    base = tmp_path_factory.getbasetemp()
    shared = Path(os.environ.get("VECHE_MADE_DEMO") or (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo")
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        made = shared / "made"
        if not made.exists():
            making = shared / "making"
            shutil.rmtree(making, ignore_errors=True)
            with demonstration(making, VECHE_SIGN_LOG="true"):
                pass
            making.rename(made)
    return made


@pytest.fixture(scope="module")
def demo(made_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """One demonstration for the tests of a module: each takes voters of its own."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(made_demo / "data", folder / "data")
    with demonstration(folder, VECHE_SIGN_LOG="true") as running:
        yield running


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """A campaign whose trustees are invited, on a server of its own."""
    with ExitStack() as stack:
        yield lone_hall(HandClock(), tmp_path, stack)


@contextmanager
def watched_pages(chromium: object, demo: Demonstration) -> Iterator[NewPage]:
    """Makes pages, each as on a device of its own. At the end none may have broken a promise (see `Watched`)."""
    with ExitStack() as stack:
        made: list[Watched] = []

        def make(**options: object) -> Watched:
            settings = {"viewport": {"width": 390, "height": 780}, "locale": "en-GB", **options}
            context = stack.enter_context(chromium.new_context(**settings))  # type: ignore[attr-defined]  # playwright may be missing
            watched = Watched(context.new_page(), demo.address)
            made.append(watched)
            return watched

        yield make
        for one in made:
            one.verify()


@pytest.fixture
def new_page(chromium: object, demo: Demonstration) -> Iterator[NewPage]:
    with watched_pages(chromium, demo) as make:
        yield make
