"""The letters as one page to print: a letter per sheet, with the code as a QR code that opens the voting page.

The QR code holds `https://HOST/vote/CAMPAIGN#CODE`. What stands behind the # stays in the voter's browser: it is sent to nobody.
Everything is made on the registrar's computer; nothing on the page is loaded from anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from veche.ballot.manifest import seal
from veche.cli.letters import Contest, moment, verify_language
from veche.cli.voter_codes import LetterLine
from veche.crypto.errors import Refused, Unsupported
from veche.observer.board import Sealed

_STYLE: Final = """\
@page { size: A4; margin: 15mm 18mm; }
* { box-sizing: border-box; }
body { font: 11pt/1.4 "DejaVu Sans", "Noto Sans", Arial, sans-serif; color: #000; background: #fff; margin: 0; }
article { max-width: 174mm; margin: 0 auto; padding: 6mm 4mm; break-after: page; }
article:last-child { break-after: auto; }
h1, h2, p, li, td { overflow-wrap: anywhere; }
h1 { font-size: 15pt; line-height: 1.25; margin: 5mm 0 2mm; }
h2 { font-size: 11.5pt; margin: 4mm 0 1mm; }
p, ol, ul { margin: 0 0 2mm; }
ol, ul { padding-left: 6mm; }
.to { white-space: pre-line; min-height: 22mm; }
.rehearsal { border: 1mm solid #000; padding: 2mm; text-align: center; font-weight: bold; }
.secret { display: flex; flex-wrap: wrap; gap: 6mm; align-items: center; border: .5mm solid #000; padding: 3mm; }
.secret svg { width: 38mm; height: 38mm; flex: none; }
.secret div { flex: 1 1 70mm; }
.code, .seal { font: bold 15pt/1.4 "DejaVu Sans Mono", "Noto Sans Mono", monospace; }
.seal { font-size: 11pt; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: .2mm solid #000; padding: 1mm 3mm 1mm 0; }
@media print { article { padding: 0; max-width: none; } }
"""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "ru": {
            "heading": "Ваш код для голосования",
            "rehearsal": "Это репетиция: результат ничего не решает.",
            "secret": "Код — ваш личный секрет. Никому его не передавайте и не фотографируйте это письмо.",
            "scan": "Наведите камеру телефона на квадрат или откройте",
            "type": "и введите код. Чёрточки и пробелы не важны. Цифры 0 и букв O, I, l в коде не бывает.",
            "weight": "Вес голоса: {}",
            "for": "Код действует для",
            "vote": "Голосование",
            "open": "Открыто",
            "from_to": "с {} до {}",
            "seal": "Печать",
            "how": "Как проголосовать",
            "check": "Как проверить",
            "again": "Можно проголосовать снова: считается последний бюллетень. Это защищает от ошибки, но не от принуждения: "
            "кто знает ваш код или номер бюллетеня, увидит, что вы голосовали ещё раз. Регистратор может узнать, какой "
            "зашифрованный бюллетень отправлен с вашим кодом, но не ваш выбор.",
        },
        "en": {
            "heading": "Your voting code",
            "rehearsal": "This is a rehearsal: nothing decided here counts.",
            "secret": "The code is a secret of yours. Give it to nobody, and take no photograph of this letter.",
            "scan": "Point a phone's camera at the square, or open",
            "type": "and type the code. Dashes and blanks do not matter. The digit 0 and the letters O, I, l never occur.",
            "weight": "Weight of your vote: {}",
            "for": "The code is for",
            "vote": "Vote",
            "open": "Open",
            "from_to": "{} to {}",
            "seal": "Seal",
            "how": "How to vote",
            "check": "How to check",
            "again": "You may vote again: the last ballot counts. That helps against mistakes, not against pressure: whoever "
            "knows your code or your ballot's number sees that you voted again. The registrar can tell which encrypted ballot "
            "was cast with your code, but not your choice.",
        },
    }
)

_STEPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ru": (
            "Отметьте свой выбор. Устройство зашифрует бюллетень и покажет его отпечаток.",
            "«Отправить»: сохраните номер бюллетеня (трекер).",
            "Или «Проверить устройство»: бюллетень вскрывается и не считается. Проверять можно сколько угодно раз.",
        ),
        "en": (
            "Mark your choice. Your device encrypts the ballot and shows its fingerprint.",
            "“Cast”: keep the ballot's number (tracker).",
            "Or “Test this device”: the ballot is opened and does not count. Test as often as you like.",
        ),
    }
)

_CHECKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ru": (
            "Печать: сравните печать из этого письма с той, что показывает устройство. Другая печать — другое голосование.",
            "Бюллетень: найдите его номер в открытой записи.",
            "Подсчёт: любой человек может проверить его целиком (veche audit).",
        ),
        "en": (
            "The seal: compare the one in this letter with the one that your device shows. Another seal is another vote.",
            "Your ballot: look for its number in the public record.",
            "The count: anybody can check all of it (veche audit).",
        ),
    }
)


def voting_page(elections: Sequence[Sealed], server: str | None) -> str:
    """Where the code opens the voting page: `BASE/vote/CAMPAIGN`; BASE is `server`, or https and the host of the elections' log.

    Raises Refused `letters-apart` when the elections have different campaigns or hosts, `letters-nowhere` when none says where, and
    `letters-server` when `server` is no address.
    """
    manifests = [sealed.manifest for sealed in elections if sealed.manifest is not None]
    places = {(one.campaign, "" if one.log is None else one.log.origin.partition("/")[0]) for one in manifests}
    if len(places) != 1:
        raise Refused("letters-apart", "one letter is for the votes of one campaign on one server; make the others separately")
    campaign, host = places.pop()
    if server is None and not host:
        raise Refused("letters-nowhere", "these elections do not say where they are held: name the server with --server")
    base = f"https://{host}" if server is None else server.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment or parts.path:
        raise Refused("letters-server", 'the server is written like "https://vote.example.org"')
    return f"{base}/vote/{campaign}"


def render_pages(
    lines: Sequence[LetterLine], contests: Sequence[Contest], languages: Sequence[str], page: str, rehearsal: bool, weighted: bool
) -> str:
    """One document with a sheet for every voter and language. It holds the codes. Raises Unsupported `no-segno`, Refused."""
    for language in languages:
        verify_language(language)
    sheets = "".join(_sheet(line, contests, one, page, rehearsal, weighted) for line in lines for one in languages)
    return (
        f'<!DOCTYPE html>\n<html lang="{languages[0]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_WORDS[languages[0]]['heading'])}</title><style>\n{_STYLE}</style></head><body>\n{sheets}</body></html>\n"
    )


def qr_code(address: str) -> bytes:
    """The QR code of this text as SVG, with its quiet zone. Raises Unsupported `no-segno`."""
    try:
        import segno
    except ImportError as error:
        raise Unsupported("no-segno", "QR codes need the package segno: pip install segno, or make letters with --text") from error
    out = BytesIO()
    segno.make_qr(address, error="m", mode="byte").save(out, kind="svg", border=4, xmldecl=False, nl=False, omitsize=True)
    return out.getvalue()


def _sheet(line: LetterLine, contests: Sequence[Contest], language: str, page: str, rehearsal: bool, weighted: bool) -> str:
    words, voter = _WORDS[language], line.voter
    code = qr_code(f"{page}#{line.code}").decode("utf-8")
    weight = f"<p>{escape(words['weight'].format(voter.weight))}</p>" if weighted else ""
    trial = f'<p class="rehearsal">{escape(words["rehearsal"])}</p>' if rehearsal else ""
    addressed = "\n".join(part for part in (voter.name or voter.login, voter.address) if part)
    listed = "".join(_row(contest, language) for contest in contests)
    return (
        f'<article lang="{language}">{trial}<p class="to">{escape(addressed)}</p><h1>{escape(words["heading"])}</h1>'
        f'<section class="secret">{code}<div><p class="code">{escape(line.code)}</p><p>{escape(words["secret"])}</p>'
        f"<p>{escape(words['scan'])} <strong>{escape(page)}</strong> {escape(words['type'])}</p>{weight}</div></section>"
        f"<h2>{escape(words['for'])}</h2><table><thead><tr>"
        + "".join(f'<th scope="col">{escape(words[name])}</th>' for name in ("vote", "open", "seal"))
        + f"</tr></thead><tbody>{listed}</tbody></table>"
        f"<h2>{escape(words['how'])}</h2><ol>{_items(_STEPS[language])}</ol>"
        f"<h2>{escape(words['check'])}</h2><ul>{_items(_CHECKS[language])}</ul><p>{escape(words['again'])}</p></article>\n"
    )


def _row(contest: Contest, language: str) -> str:
    times = (moment(time, contest.zone, language) for time in (contest.opens_at, contest.closes_at))
    shown = _WORDS[language]["from_to"].format(*times)
    return (
        f'<tr><th scope="row">{escape(contest.title(language))}</th><td>{escape(shown)}</td>'
        f'<td class="seal">{seal(contest.setup)}</td></tr>'
    )


def _items(texts: Sequence[str]) -> str:
    return "".join(f"<li>{escape(one)}</li>" for one in texts)
