"""A language that nobody speaks, as one folder: every sentence of ours marked, half as long again, from right to left."""

from __future__ import annotations

import json
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from veche.service.languages import LOCALE, MESSAGES, Languages, read_languages

NAME = "ar"
BEGIN, END = "⟦⟧"


def pseudo_language(folder: Path) -> Languages:
    """English and this language, from the only folder in `folder`."""
    own = folder / NAME
    (own / "LC_MESSAGES").mkdir(parents=True)
    for path in sorted((LOCALE / "ru" / "LC_MESSAGES").glob("*.po")):
        catalog = Catalog(NAME)
        with path.open("rb") as file:
            for message in read_po(file, locale="ru"):
                if message.id:
                    plural = not isinstance(message.id, str)
                    text = longer(message.id[-1] if plural else str(message.id))
                    catalog.add(message.id, (text,) * catalog.num_plurals if plural else text)
        with (own / "LC_MESSAGES" / path.name).open("wb") as file:
            write_po(file, catalog)
    english = json.loads(MESSAGES.read_text("utf-8"))
    pseudo = {section: {key: longer(text) for key, text in texts.items()} for section, texts in english.items()}
    (own / "scripts.json").write_text(json.dumps(pseudo), "utf-8")
    return read_languages(folder)


def longer(english: str) -> str:
    """The sentence with its values, marked, and half as long again by words of that script."""
    return f"{BEGIN}{english} {' '.join(['يييييي'] * (len(english) // 14 + 1))}{END}"
