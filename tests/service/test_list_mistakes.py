"""What is wrong in a registrar's list, entry by entry."""

from __future__ import annotations

import json

from veche.crypto.group import G
from veche.service.list_mistakes import MOST, NO_CREDENTIAL, OTHER_FORM, TWICE, mistakes_of

GOOD = [(one * G).hex() for one in (2, 3, 4)]


def found(*lines: object) -> list[tuple[int, str]]:
    return mistakes_of(json.dumps(lines).encode())


def test_every_wrong_entry_is_named_by_its_place() -> None:
    assert found(*GOOD) == []
    wrong = [GOOD[0], GOOD[1][:-1], GOOD[0], f"{GOOD[1]},2", GOOD[2]]
    assert found(*wrong) == [(2, NO_CREDENTIAL), (3, TWICE), (4, OTHER_FORM)]
    assert found(f"{GOOD[0]},1", GOOD[1]) == [(2, OTHER_FORM)]


def test_of_another_file_no_entry_is_named_and_of_a_spoilt_one_the_first_fifty() -> None:
    assert mistakes_of(b"login,name\nada,Ada\n") == [] == found(GOOD[0], 7) == found()
    assert len(found(*["00" * 32] * 90)) == MOST
