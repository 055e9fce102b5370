"""The acknowledgement on paper: in words, and as a QR code that any scanner reads back. docs/protocol.md section 12.5.

The code holds the note as the box signed it and the number of the entry in the log, and nothing else: no choice, no name.
"""

from __future__ import annotations

from html import escape
from io import BytesIO
from typing import Final

from veche.ballot.acknowledgement import FIRST_LINE
from veche.crypto.errors import Malformed, Refused, Unsupported
from veche.crypto.signed_note import parse_note
from veche.ledger.merkle import leaf_hash, verify_inclusion
from veche.ledger.policy import Confirmation
from veche.ledger.receipt import Logged, parse_receipt, verify_ballot

MOST: Final = 700
"""Bytes in the code, so that a plain printer and a plain telephone manage it."""

_WORDS: Final = (
    (
        "ru",
        "Подтверждение приёма бюллетеня",
        "Урна подписала, что приняла ваш бюллетень. Здесь не записано, как вы голосовали, и нет вашего имени.",
        "Код для поиска бюллетеня (трекер)",
        "Событие номер",
        "Номер записи в открытом журнале",
        "Проверить без сети: прочитайте QR-код в файл и выполните",
    ),
    (
        "en",
        "Acknowledgement of a ballot",
        "The ballot box has signed that it took your ballot. How you voted is not written here, nor your name.",
        "The ballot's tracker",
        "Event number",
        "Number of the entry in the public log",
        "To check it without any network, read the QR code into a file and run",
    ),
)


def make_paper(note: bytes, receipt: bytes | None, suffix: str) -> tuple[bytes, bool]:
    """The page (`suffix` .html) or the code alone (.svg), and whether the code had to be left out because segno is missing.

    Raises Refused `paper-form` for another suffix and `paper-too-long`; Unsupported `no-segno` for a code alone; Malformed for what
    is no acknowledgement; Inconsistent when the receipt is of another ballot.
    """
    if suffix not in (".html", ".svg"):
        raise Refused("paper-form", "a page ends in .html, a QR code alone in .svg")
    lines = parse_note(note).text.split("\n")
    if lines[0] != FIRST_LINE or len(lines) != 9:
        raise Malformed("acknowledgement-malformed", "this is no acknowledgement of a ballot box")
    tracker, height = lines[4], lines[5]
    index = None if receipt is None else _index(receipt, tracker)
    text = paper_text(note, index)
    code = _code(text)
    if suffix == ".svg":
        if code is None:
            raise Unsupported("no-segno", "a QR code needs the package segno: pip install segno")
        return code, False
    return _page(text.decode("utf-8"), code, tracker, height, index).encode("utf-8"), code is None


def paper_text(note: bytes, index: int | None) -> bytes:
    """What the code holds. Raises Refused `paper-too-long`."""
    text = note if index is None else note + f"index {index}\n".encode("ascii")
    if len(text) >= MOST:
        raise Refused("paper-too-long", f"{len(text)} bytes do not fit a QR code of less than {MOST}: keep the file instead")
    return text


def _index(receipt: bytes, tracker: str) -> int:
    """The number of the entry, if the receipt is of this ballot; who signed it is not asked here."""
    read = parse_receipt(receipt)
    entry, checkpoint = read.extra or b"", read.signed.checkpoint
    verify_inclusion(leaf_hash(entry), read.index, checkpoint.size, read.proof, checkpoint.root)
    verify_ballot(Logged(checkpoint.origin, read.index, checkpoint.size, entry, Confirmation((), (), False)), tracker)
    return read.index


def _code(text: bytes) -> bytes | None:
    """The code as SVG; None without segno."""
    try:
        import segno
    except ImportError:
        return None
    out = BytesIO()
    segno.make_qr(text, error="m", mode="byte").save(out, kind="svg", scale=3, border=4, xmldecl=False, nl=False)
    return out.getvalue()


def _page(text: str, code: bytes | None, tracker: str, height: str, index: int | None) -> str:
    parts = []
    for language, title, what, named, event, entry, check in _WORDS:
        rows = [(named, tracker), (event, height), *([] if index is None else [(entry, str(index))])]
        listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
        command = "veche voter check-receipt FILE --election FOLDER"
        parts.append(
            f'<section lang="{language}"><h2>{escape(title)}</h2><p>{escape(what)}</p><dl>{listed}</dl>'
            f"<p>{escape(check)} <code>{command}</code></p></section>"
        )
    image = "" if code is None else f"<figure>{code.decode('utf-8')}</figure>"
    return (
        '<!DOCTYPE html>\n<html lang="ru"><head><meta charset="utf-8"><title>Подтверждение · Acknowledgement</title><style>'
        "body{font:11pt/1.4 serif;max-width:17cm;margin:1cm auto}dd{font-family:monospace;margin:0 0 .5em;overflow-wrap:anywhere}"
        "pre{font-size:7pt;white-space:pre-wrap;overflow-wrap:anywhere}figure{margin:0;text-align:center}"
        f"</style></head><body><h1>Вече · Veche</h1>{''.join(parts)}{image}<pre>{escape(text)}</pre></body></html>\n"
    )
