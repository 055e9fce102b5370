"""The letter that brings a voter code, as plain text, in Russian and English; `cli.letter_pages` prints it with a QR code.

It says what a voter needs without any website: which votes the code is for, when, the seal to compare, how to vote, how to check,
and what is not promised. It never says that nobody can connect person and ballot: the registrar can, though not see the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from veche.ballot.manifest import seal
from veche.cli.voter_codes import LetterLine, credentials_of
from veche.crypto.errors import Refused
from veche.observer.board import Sealed
from veche.service.utc_offset import utc_offset

LANGUAGES: Final = ("ru", "en")

_YEAR_10000: Final = 253_402_214_400
"""In seconds since 1970; one day early, for zones east of Greenwich."""

_MONTHS: Final = {
    "ru": [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}

_TEXTS: Final = {
    "ru": """\
Кому: {name}
{address}
Код для голосования: ваш личный секрет

    {code}

{weight}Код действует для:

{contests}

Как проголосовать
1. Откройте страницу голосования или программу veche и введите код. Чёрточки и пробелы не важны.
   Цифры 0 и букв O, I, l в кодах не бывает.
2. Отметьте свой выбор. Устройство зашифрует бюллетень и покажет его отпечаток, и только потом спросит:
   отправить или проверить?
3. «Проверить»: бюллетень вскрывается, и другое устройство покажет, что в нём зашифровано.
   Вскрытый бюллетень не считается; проверять можно сколько угодно раз, затем зашифруйте новый.
4. «Отправить»: запишите номер бюллетеня (трекер).

Как проверить
* Печать: сравните печать выше с той, что показывает устройство и что опубликована в нескольких местах.
  Другая печать значит другое голосование.
* Бюллетень: найдите свой трекер в открытой записи (veche voter track)
  или все бюллетени своего кода (veche voter my-ballots).
* Подсчёт: любой человек может проверить его целиком (veche audit).

Можно проголосовать снова: считается последний бюллетень. Это защищает от ошибки, но не от принуждения:
кто знает ваш код или трекер, увидит, что вы голосовали ещё раз. Регистратор может узнать, какой зашифрованный
бюллетень отправлен с вашим кодом, но не ваш выбор.
Никому не передавайте код и не фотографируйте это письмо.
""",
    "en": """\
To: {name}
{address}
Your voting code: a secret of yours

    {code}

{weight}The code is for:

{contests}

How to vote
1. Open the voting page, or the program veche, and type the code. Dashes and blanks do not matter.
   The digit 0 and the letters O, I, l never occur.
2. Mark your choice. Your device encrypts the ballot and shows its fingerprint, and only then asks:
   cast it or test it?
3. "Test": the ballot is opened, and another device shows what was encrypted. An opened ballot does not count;
   test as often as you like, and then encrypt a new one.
4. "Cast": write down the ballot's number (tracker).

How to check
* The seal: compare the seal above with the one that your device shows and that is published in several places.
  Another seal is another vote.
* Your ballot: look for your tracker in the public record (veche voter track),
  or for all ballots of your code (veche voter my-ballots).
* The count: anybody can check all of it (veche audit).

You may vote again: the last ballot counts. That helps against mistakes, not against pressure: whoever knows your
code or your tracker sees that you voted again. The registrar can tell which encrypted ballot was cast with your
code, but not your choice.
Give the code to nobody, and take no photograph of this letter.
""",
}

_CONTEST: Final = {
    "ru": "  {title}\n    открыто: с {opens} до {closes}\n    печать:  {seal}\n    номер:   {uuid}",
    "en": "  {title}\n    open:   {opens} to {closes}\n    seal:   {seal}\n    number: {uuid}",
}

_WEIGHT: Final = {"ru": "Вес голоса: {weight}\n\n", "en": "Weight of your vote: {weight}\n\n"}


@dataclass(frozen=True, slots=True)
class Contest:
    """One vote that the code is for. Times are seconds since 1970; `setup` is the Setup event's hash (hex)."""

    uuid: str
    titles: tuple[tuple[str, str], ...]
    opens_at: int
    closes_at: int
    zone: str
    setup: str

    def title(self, language: str) -> str:
        """The title in this language, or in the first one there is."""
        return dict(self.titles).get(language, self.titles[0][1])


def contest_of(sealed: Sealed) -> Contest:
    """What a letter says about this election. Raises Refused when it is not sealed or has no manifest."""
    if sealed.setup is None or sealed.manifest is None:
        raise Refused("letters-too-early", "letters name the seal and the dates: they need the folder of a sealed election")
    manifest = sealed.manifest
    return Contest(manifest.uuid, manifest.title, manifest.opens_at, manifest.closes_at, manifest.zone, sealed.setup)


def verify_listed(lines: Sequence[LetterLine], sealed: Sealed) -> None:
    """Check that every code gives a credential of the election's list: nobody should get a letter in vain. Raises Refused."""
    codes = {str(place): line.code for place, line in enumerate(lines)}
    found = credentials_of(codes, sealed.election.uuid).values()
    unknown = sum(1 for credential in found if credential not in sealed.credentials.weights)
    if unknown:
        raise Refused(
            "not-this-election",
            f"{unknown} of {len(lines)} codes are not for election {sealed.election.uuid}: not in its list",
        )


def render_letter(line: LetterLine, contests: Sequence[Contest], languages: Sequence[str], weighted: bool = False) -> str:
    """The whole letter, one language after the other. It holds the code: whoever reads it can vote."""
    return f"\n{'-' * 80}\n\n".join(_in_language(line, contests, language, weighted) for language in languages)


def verify_language(language: str) -> None:
    """Check that letters are written in this language. Raises Refused `language-unknown`."""
    if language not in LANGUAGES:
        raise Refused(
            "language-unknown",
            f'letters are written in {" and ".join(LANGUAGES)}; "{language[:20]}" is not one of them',
        )


def _in_language(line: LetterLine, contests: Sequence[Contest], language: str, weighted: bool) -> str:
    verify_language(language)
    listed = "\n\n".join(_contest(contest, language) for contest in contests)
    voter = line.voter
    filled = _TEXTS[language].format(
        name=voter.name or voter.login,
        address=voter.address,
        code=line.code,
        weight=_WEIGHT[language].format(weight=voter.weight) if weighted else "",
        contests=listed,
    )
    return filled if voter.address else filled.replace("\n\n", "\n", 1)


def _contest(contest: Contest, language: str) -> str:
    return _CONTEST[language].format(
        title=contest.title(language),
        opens=moment(contest.opens_at, contest.zone, language),
        closes=moment(contest.closes_at, contest.zone, language),
        seal=seal(contest.setup),
        uuid=contest.uuid,
    )


def moment(time: int, zone: str, language: str) -> str:
    """A time by the clock of that place, and how far it is from UTC, as the pages say it: voters compare them with the letter."""
    if time >= _YEAR_10000:
        raise Refused("letters-time", f"the manifest gives the time {time}, which lies after the year 9999")
    try:
        local = datetime.fromtimestamp(time, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        # A zone that this computer does not know: better a time that is certainly right.
        local = datetime.fromtimestamp(time, UTC)
    year = f"{local.year} г." if language == "ru" else str(local.year)
    return f"{local.day} {_MONTHS[language][local.month - 1]} {year}, {local:%H:%M} {utc_offset(local)}"
