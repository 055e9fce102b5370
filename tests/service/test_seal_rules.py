"""Before a seal both organizers read every rule that it fixes for ever, and a contest in which nobody could vote is not sealed."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.service.hand_clock import HandClock
from tests.service.office import CAMPAIGN, Office, open_office
from tests.service.signed_in import text_of
from tests.service.test_organizer_console import PAGE, post
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import NoteSigner, VerifierKey
from veche.service.campaigns import contests_of
from veche.service.server import Server
from veche.service.settings import Settings

WITNESS = VerifierKey("w.example", 4, NoteSigner.generate("w", system_randomness).verifier.public).text()
POLICY = f"witness Library {WITNESS}\nquorum Library\n"
RULES: dict[str, Any] = {
    "policy": POLICY, "minimum_ballots": 3, "appeal_days": 14, "eligibility": "residents-16", "electorate": 77,
    "allocation": {"rule": "equal-shares", "budget": 123_456_700, "currency": "EUR", "tie": "earlier"},
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """SQLite alone: there is no SQL here."""
    return Settings(data=tmp_path / "data", database="", checkers=1, worker=False)


def ready(office: Office) -> str:
    """The uuid of a contest with unusual rules, for which only the seal is missing."""
    office.make(contests=1)
    with office.server.storage.database.reading() as connection:
        spec = contests_of(connection, CAMPAIGN)[0].spec()
    own = {name: value for name, value in spec.items() if name not in ("campaign", "rehearsal", "host", "zone")}
    people = [{"name": name, "email": f"{name.lower()}@example.org"} for name in ("Anna", "Boris", "Clara")]
    head = {"campaign": CAMPAIGN, "title": {"en": "City budget"}, "rehearsal": False, "host": "vote.example", "threshold": 2}
    plan = {**head, "trustees": people, "registrar": office.signer.verifier.text(), "contests": [{**own, **RULES}]}
    raw, kind = json.dumps(plan).encode(), {"Content-Type": "application/json"}
    assert office.olga.put(f"/api/campaigns/{CAMPAIGN}/plan", content=raw, headers=kind).status_code == 200
    return office.prepare()


def test_both_organizers_read_all_rules_before_the_seal(
    server: Server, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = (
        "Latest possible end", "which a result is published 3", "appeal after the result 14",
        "people (as in the plan) residents-16",
        "People who may vote 77", "equal-shares", "tie = earlier", "€1,234,567",
        "Library. Needed: “Library”.", WITNESS,
        "Strictly:", "strict", "; needed to count: 2", "Real vote",
    )  # fmt: skip
    in_russian = ("Самый поздний возможный конец", "Library. Обязательно: «Library».", "Строго:", "для подсчёта нужны: 2")
    with ExitStack() as stack:
        office = open_office(server, clock, tmp_path / "people", stack)
        root = f"/organizer/{CAMPAIGN}/contests/{ready(office)}"
        request = post(office.olga, f"{root}/seal", name="District 1").headers["location"]
        for who, path in ((office.olga, f"{root}/seal"), (office.oleg, request)):
            pages = (who.get(f"{prefix}{path}", headers=PAGE).text for prefix in ("", "/ru"))
            seen, in_words = (" ".join(text_of(page.replace("<", " <")).split()) for page in pages)
            assert [one for one in (*english, office.signer.verifier.text()) if one not in seen] == [], seen
            assert [one for one in in_russian if one not in in_words] == [], in_words
        monkeypatch.setattr("veche.ballot.ballot_length.MAX_BYTES", 100)
        refused = post(office.oleg, f"{request}/approve")
        assert (refused.status_code, "no more than 100 are taken" in refused.text) == (400, True), refused.text
        assert office.olga.get(f"{root}/seal", headers=PAGE).status_code == 400
