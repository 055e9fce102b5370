"""Times, numbers and sums of money as a language writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision, get_currency_symbol
from markupsafe import Markup

from veche.service.utc_offset import utc_offset

_TIME: Final = Markup('<time datetime="{}">{}</time>')
_MACHINE: Final = "%Y-%m-%dT%H:%M:%SZ"


class LocalForms:
    """The forms of one language. Digits are the European ones everywhere: they stand beside hashes and codes."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def moment(self, seconds: int, zone: str = "UTC") -> Markup:
        """A time, seconds since 1970, for people and for programs: the clock of `zone`, and how far it is from UTC."""
        time = datetime.fromtimestamp(seconds, _zone(zone))
        day = format_date(time.date(), "long", locale=self._locale)
        clock = f"{time:%H:%M} {utc_offset(time)}"
        # A day and an hour that a line break would tear apart are read as two times.
        return _TIME.format(time.astimezone(UTC).strftime(_MACHINE), f"{day}, {clock}".replace(" UTC", "\N{NO-BREAK SPACE}UTC"))

    def day(self, seconds: int, zone: str = "UTC") -> Markup:
        """The day of a time, in this zone."""
        time = datetime.fromtimestamp(seconds, _zone(zone))
        return _TIME.format(f"{time:%Y-%m-%d}", format_date(time.date(), "long", locale=self._locale))

    def hour(self, seconds: int, zone: str = "UTC") -> str:
        """Day of the month and hour, for a chart."""
        time = datetime.fromtimestamp(seconds, _zone(zone))
        return f"{format_date(time.date(), 'd MMM', locale=self._locale)}, {format_time(time, 'HH:mm', locale=self._locale)}"

    def span(self, seconds: int) -> str:
        """How long this is, about: at least three of its unit, where it is not only some seconds."""
        return format_timedelta(timedelta(seconds=seconds), threshold=3, locale=self._locale)

    def plural(self, value: int) -> str:
        """Which form of a sentence fits this number: one, few, many, other."""
        return str(self._locale.plural_form(value))

    def number(self, value: int | Decimal) -> str:
        return format_decimal(value, locale=self._locale)

    def share(self, part: int, whole: int) -> str:
        """A part of a whole in per cent, with one digit; of nothing it is none."""
        return format_percent(Decimal(part) / Decimal(whole) if whole else 0, "#,##0.0%", locale=self._locale)

    def money(self, minor_units: int, currency: str) -> str:
        """A sum that is given in the smallest unit of its currency, e.g. kopecks; whole roubles are shown without kopecks."""
        given = Decimal(minor_units).scaleb(-get_currency_precision(currency))
        whole = given == given.to_integral_value()
        form = str(self._locale.currency_formats["standard"].pattern)
        if whole:
            form = form.replace(".00", "")
        # A code such as RUB, where the language has no sign for it, does not touch the digits; browsers write it so too.
        if get_currency_symbol(currency, self._locale)[-1].isalpha() and form.startswith("¤#"):
            form = form.replace("¤", "¤\N{NO-BREAK SPACE}")
        return format_currency(given, currency, form, self._locale, currency_digits=not whole)


def _zone(name: str) -> tzinfo:
    """The time zone of this name; where this computer does not know it, UTC, which is then what the page says."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
