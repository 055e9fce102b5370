"""What tests in a real browser share: a demonstration that runs, Chromium, and pages that watch over what every page must keep.

Environment: VECHE_REQUIRE_BROWSER=1 makes a test fail that finds no Chromium or no built scripts, where it would else be skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.browser.demonstration import Demonstration, demonstration
from tests.browser.watched import Watched
from veche.service.pages import STATIC

playwright = pytest.importorskip("playwright.sync_api")

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
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """One demonstration for the tests of a module: each takes voters of its own."""
    with demonstration(tmp_path_factory.mktemp("demo"), VECHE_SIGN_LOG="true") as running:
        yield running


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
