"""The letter is all that many voters ever read: it must be complete, true, and for this election."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import segno

from tests.cli.code_story import LOGINS, codes, registration, sealed_folder
from tests.crypto.drawing import drawing
from tests.election.record_builder import UUID, Story
from veche.ballot.manifest import Log, seal
from veche.cli.letter_pages import render_pages, voting_page
from veche.cli.letters import Contest, render_letter
from veche.cli.main import run
from veche.cli.registrar import print_letters, save_registration, write_letters
from veche.cli.voter_codes import LetterLine
from veche.cli.voters_list import Voter
from veche.crypto.errors import Refused
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import read_sealed

# 1 December 2026, 05:00 UTC, which is 08:00 in Moscow.
OPENS = 1_796_101_200
CONTEST = Contest(UUID, (("ru", "Деревья"), ("en", "Trees")), OPENS, OPENS + 90_000, "Europe/Moscow", "ab" * 32)
LINE = LetterLine(Voter("anna", 3, "Анна", "ул. Мира, 1"), "AAAAA-BBBBBB-CCCCC-DDDDDD")


def letter(language: str, contest: Contest = CONTEST, line: LetterLine = LINE, weighted: bool = False) -> str:
    return render_letter(line, [contest], [language], weighted)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_it_gives_person_code_seal_and_election(language: str) -> None:
    text = letter(language)
    for part in ("Анна", "ул. Мира, 1", "AAAAA-BBBBBB-CCCCC-DDDDDD", seal("ab" * 32), UUID):
        assert part in text


def test_it_is_written_in_the_language_of_its_reader() -> None:
    assert "Деревья" in letter("ru")
    assert "1 декабря 2026 г., 08:00 UTC+3" in letter("ru")
    assert "2 декабря 2026 г., 09:00 UTC+3" in letter("ru")
    assert "Trees" in letter("en")
    assert "1 December 2026, 08:00 UTC+3" in letter("en")


def test_both_languages_can_stand_on_one_letter() -> None:
    text = render_letter(LINE, [CONTEST], ["ru", "en"])
    assert "Деревья" in text
    assert "Trees" in text


def test_it_says_that_one_may_vote_again_and_that_this_does_not_help_against_pressure() -> None:
    assert "the last ballot counts" in letter("en")
    assert "not against pressure" in letter("en")
    assert "считается последний бюллетень" in letter("ru")
    assert "но не от принуждения" in letter("ru")


def test_it_never_promises_that_nobody_can_connect_person_and_ballot() -> None:
    assert "registrar can tell which encrypted ballot" in letter("en")
    assert "Регистратор может узнать" in letter("ru")
    assert "nobody can" not in letter("en")


def test_it_tells_how_to_test_the_computer_before_casting() -> None:
    assert "An opened ballot does not count" in letter("en")
    assert "Вскрытый бюллетень не считается" in letter("ru")


def test_a_weight_is_named_only_where_weights_are_used() -> None:
    assert "Weight of your vote: 3" in letter("en", weighted=True)
    assert "Weight" not in letter("en")


def test_without_a_name_the_login_addresses_it_and_braces_in_a_title_stay_as_they_are() -> None:
    odd = Contest(UUID, (("en", "{code}"),), OPENS, OPENS + 60, "Europe/Moscow", "ab" * 32)
    text = letter("en", odd, LetterLine(Voter("anna", 1, "", ""), LINE.code))
    assert text.startswith("To: anna\nYour voting code")
    assert "  {code}\n" in text


def test_a_zone_that_this_computer_does_not_know_gives_the_time_in_utc() -> None:
    assert "1 December 2026, 05:00 UTC" in letter("en", Contest(UUID, (("en", "T"),), OPENS, OPENS + 60, "Moon/Base", "ab" * 32))


def test_an_unknown_language_and_an_impossible_time_are_refused() -> None:
    with pytest.raises(Refused, match="ru and en"):
        letter("fr")
    with pytest.raises(Refused, match="9999"):
        letter("en", Contest(UUID, (("en", "T"),), 2**53 - 1, 2**53, "UTC", "ab" * 32))


def test_letters_are_made_from_the_sealed_record_one_for_each_voter(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    texts = write_letters(registration().letters, [str(folder)], ["en"])
    setup = read_sealed(str(folder)).setup
    assert setup is not None
    assert len(texts) == len(LOGINS)
    for login, text in zip(LOGINS, texts, strict=True):
        assert codes()[login] in text
        assert f"Person {login}\nStreet 1, flat {login}" in text
        assert seal(setup) in text
        assert sum(code in text for code in codes().values()) == 1


def test_no_letter_is_written_for_an_election_that_does_not_list_the_code(tmp_path: Path) -> None:
    other = Story(until="issued 1").write(tmp_path / "other")
    with pytest.raises(Refused) as refused:
        write_letters(registration().letters, [str(other)], ["en"])
    assert refused.value.code == "not-this-election"


def letters_command(tmp_path: Path, folder: Path) -> list[str]:
    private, out = str(tmp_path / "private"), str(tmp_path / "out")
    return ["registrar", "letters", "--private", private, "--folder", str(folder), "--out", out, "--server", "https://vote.example"]


def test_letters_lie_in_a_folder_and_files_for_the_owner_only_and_are_never_overwritten(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    save_registration(registration(), tmp_path / "private", tmp_path / "public")
    command = [
        "registrar",
        "letters",
        "--private",
        str(tmp_path / "private"),
        "--folder",
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--text",
    ]
    assert run(command) == 0
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    letters = sorted((tmp_path / "out").iterdir())
    assert len(letters) == len(LOGINS)
    assert {stat.S_IMODE(path.stat().st_mode) for path in letters} == {0o600}
    before = letters[0].read_bytes()
    assert run(command) == 1
    assert letters[0].read_bytes() == before


def test_before_the_seal_there_are_no_letters(tmp_path: Path) -> None:
    save_registration(registration(), tmp_path / "private", tmp_path / "public")
    draft = sealed_folder(tmp_path / "draft", until="Setup")
    command = [
        "registrar",
        "letters",
        "--private",
        str(tmp_path / "private"),
        "--folder",
        str(draft),
        "--out",
        str(tmp_path / "out"),
    ]
    assert run(command) == 2
    assert not (tmp_path / "out").exists()


class _Sheets(HTMLParser):
    """The sheets of the printed page, and for each QR code its drawn squares as SVG says them."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets = 0
        self.paths: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.sheets += tag == "article"
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag == "path":
            self.paths.append(str(found["d"]))


def drawn(path: str, size: int) -> list[list[int]]:
    """The squares that an SVG path of segno blackens: M, m move the pen, h draws a stroke one unit thick."""
    squares = [[0] * size for _ in range(size)]
    x, y = 0.0, 0.0
    for step, values in re.findall(r"([Mmh])([-0-9. ]+)", path):
        numbers = [float(one) for one in values.split()]
        if step == "h":
            for column in range(int(x), int(x + numbers[0])):
                squares[int(y)][column] = 1
            x += numbers[0]
        else:
            x, y = (numbers[0], numbers[1]) if step == "M" else (x + numbers[0], y + numbers[1])
    return squares


def test_the_printed_letters_have_a_sheet_each_whose_qr_code_opens_the_voting_page_with_the_code(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    sealed = read_sealed(str(folder))
    assert sealed.manifest is not None
    assert sealed.setup is not None
    page = print_letters(registration().letters, [str(folder)], ["ru", "en"], "https://vote.example.org")
    read = _Sheets()
    read.feed(page)
    assert read.sheets == 2 * len(LOGINS) == len(read.paths)
    assert read.fetched == []
    assert page.count(seal(sealed.setup)) == read.sheets
    for place, path in enumerate(read.paths):
        address = f"https://vote.example.org/vote/{sealed.manifest.campaign}#{codes()[LOGINS[place // 2]]}"
        expected = [list(row) for row in segno.make_qr(address, error="m", mode="byte").matrix_iter(border=4)]
        assert drawn(path, len(expected)) == expected


def test_the_address_comes_from_the_record_or_from_the_registrar_and_must_be_one(tmp_path: Path) -> None:
    sealed = read_sealed(str(sealed_folder(tmp_path / "record")))
    assert sealed.manifest is not None
    key = NoteSigner.generate("town.example/e/x", drawing("log")).verifier
    logged = replace(sealed, manifest=replace(sealed.manifest, log=Log(key.name, (key,), key, 10, "")))
    assert voting_page([logged], None) == f"https://town.example/vote/{sealed.manifest.campaign}"
    with pytest.raises(Refused) as refused:
        voting_page([sealed], None)
    assert refused.value.code == "letters-nowhere"
    assert voting_page([sealed], "http://127.0.0.1:8000/") == f"http://127.0.0.1:8000/vote/{sealed.manifest.campaign}"
    for wrong in ("vote.example.org", "ftp://vote.example.org", "https://vote.example.org/#x"):
        with pytest.raises(Refused) as refused:
            voting_page([sealed], wrong)
        assert refused.value.code == "letters-server"
    other = replace(sealed, manifest=replace(sealed.manifest, campaign="another"))
    with pytest.raises(Refused) as refused:
        voting_page([sealed, other], "https://vote.example.org")
    assert refused.value.code == "letters-apart"


def test_names_are_text_on_the_printed_letter_and_a_rehearsal_says_so() -> None:
    odd = LetterLine(Voter("anna", 1, "<script>alert(1)</script>", "a\nb"), LINE.code)
    page = render_pages([odd], [CONTEST], ["ru", "en"], "https://vote.example/vote/budget", rehearsal=True, weighted=False)
    assert "<script" not in page
    assert "Это репетиция" in page
    assert "This is a rehearsal" in page
    real = render_pages([LINE], [CONTEST], ["ru"], "https://vote.example/vote/budget", rehearsal=False, weighted=True)
    assert "репетиция" not in real
    assert "Вес голоса: 3" in real


def test_the_printed_letters_lie_in_a_folder_for_the_owner_only(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    save_registration(registration(), tmp_path / "private", tmp_path / "public")
    assert run(letters_command(tmp_path, folder)) == 0
    made = tmp_path / "out" / "letters.html"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (made.parent, made)] == [0o700, 0o600]
    before = made.read_bytes()
    assert run(letters_command(tmp_path, folder)) == 1
    assert made.read_bytes() == before
