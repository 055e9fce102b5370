"""What a trustee's page says in another language where the English one says this: stories are told in English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from veche.service.languages import read_languages

_VALUE: Final = re.compile(r"\{([a-z]+)\}")
_END: Final = re.compile(r"[.:](?= |$)|$")
_JOINED: Final = re.compile(r"(?<=\w)\W+(?:and )?(?=\w)")


def spoken(english: str, language: str) -> str | re.Pattern[str]:
    """The whole sentence in this language. `english`: all of it, a part of it, or its beginning with values filled in.

    AssertionError when no sentence is meant by it, or more than one.
    """
    if language == "en":
        return english
    key, values = _meant(english)
    return re.compile(_pattern(sentences(language)[key], values))


def named(english: str, language: str) -> str | re.Pattern[str]:
    """The name of a button, and nothing around it."""
    said = spoken(english, language)
    return said if isinstance(said, str) else re.compile(f"^{said.pattern}$")


def sentences(language: str) -> Mapping[str, str]:
    """The sentences of a trustee's page, by key."""
    return read_languages().by_name[language].scripts["trustee"]


@cache
def _meant(english: str) -> tuple[str, Mapping[str, str]]:
    """The key of the sentence, and its values as far as they are told."""
    for fits in (_whole, _part, _begun):
        found = {key: values for key, text in sentences("en").items() if (values := fits(english, text)) is not None}
        if found:
            assert len(found) == 1, f"{english}: which of {sorted(found)}?"
            return next(iter(found.items()))
    raise AssertionError(f"no page of a trustee says: {english}")


def _whole(english: str, text: str) -> Mapping[str, str] | None:
    return {} if english == text else None


def _part(english: str, text: str) -> Mapping[str, str] | None:
    return {} if english in text else None


def _begun(english: str, text: str) -> Mapping[str, str] | None:
    for end in _END.finditer(text):
        pattern = "".join(
            re.escape(one) if place % 2 == 0 else f"(?P<{one}>.+?)" for place, one in enumerate(_VALUE.split(text[: end.end()]))
        )
        if told := re.fullmatch(pattern, english):
            return told.groupdict()
    return None


def _pattern(text: str, values: Mapping[str, str]) -> str:
    """With every value that was told, however its digits are grouped and its names joined; with anything for another one."""
    parts = _VALUE.split(" ".join(text.split()))
    return "".join(re.escape(one) if place % 2 == 0 else _shown(values.get(one)) for place, one in enumerate(parts))


def _shown(value: str | None) -> str:
    return ".+" if value is None else ".{1,5}".join(map(re.escape, _JOINED.split(value)))
