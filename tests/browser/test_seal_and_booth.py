"""What two organizers read before the seal is what every voter reads in the booth: the same words, in the same order."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import NewPage
from tests.browser.demonstration import Demonstration
from tests.browser.pages_of_demo import LANGUAGES
from tests.browser.watched import Watched

pytestmark = pytest.mark.slow

_READ = """([root, title]) => {
  const text = (node) => node === null ? '' : node.textContent.replace(/\\s+/g, ' ').trim();
  const all = (from, what) => [...from.querySelectorAll(what)];
  const within = document.querySelector(root);
  return {
    title: text(document.querySelector(title)),
    seal: text(within.querySelector('.seal')),
    description: all(within, ':scope p.prose').filter((one) => one.closest('details') === null).map(text),
    questions: all(within, 'fieldset').map((one) => ({
      asked: text(one.querySelector('legend')),
      rule: text(one.querySelector(':scope > .hint')),
      options: all(one, 'ul.choices > li').map((row) => ({
        shown: text(row.querySelector('label, .choice')),
        cost: text(row.querySelector('label .hint, .choice .hint')),
        about: text(row.querySelector('details summary')),
        text: text(row.querySelector('details .prose')),
      })),
    })),
    until: all(within, 'p.small.quiet').map(text),
  };
}"""


def ballot(page: Watched, root: str, title: str) -> Any:
    """The ballot on this page, all that belongs to an option unfolded."""
    for more in page.page.locator(f"{root} details.about").all():
        more.evaluate("(one) => { one.open = true }")
        more.locator(".prose").filter(has_not_text="…").wait_for()
    found: Any = page.page.evaluate(_READ, [root, title])
    # The server and the browser write an hour in their own ways; day, month and year stand before it.
    return {**found, "until": [re.split(r"(?:,| at| в)? \d{1,2}:\d\d", one)[0] for one in found["until"][-1:]]}


def approval_of(organizer: Watched, uuid: str) -> str:
    """The path of the page on which a second organizer approved the seal of this election: as it was before the seal."""
    for number in range(1, 10):
        organizer.open(f"/en/organizer/demo/approvals/{number}")
        if uuid in organizer.text():
            return f"/organizer/demo/approvals/{number}"
    raise AssertionError(f"nobody approved the seal of {uuid}")


def test_the_page_before_the_seal_shows_the_ballot_of_the_booth(demo: Demonstration, new_page: NewPage) -> None:
    contest = demo.contest("open")
    organizer, voter = new_page(), new_page()
    organizer.page.goto(next(one["link"] for one in demo.described["accounts"] if one["role"] == "organizer"))
    organizer.press("Sign in")
    organizer.page.wait_for_url("**/account")
    path = approval_of(organizer, str(contest["uuid"]))
    for language in LANGUAGES:
        organizer.open(f"/{language}{path}")
        voter.open(f"/{language}/vote/demo#{contest['codes'][-1]}")
        voter.page.locator("#app fieldset").first.wait_for()
        before, seen = ballot(organizer, ".paper", ".paper h3"), ballot(voter, "#app", "h1")
        assert before == seen
        assert seen["seal"] and [len(one["options"]) for one in seen["questions"]] == [4], "three options and the blank vote"
        voter.open(f"/{language}/help")
