"""What an operator can get wrong in the settings: names that are none, values that contradict each other. Secrets stay hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from veche.service.settings import CREDENTIALS, HIDDEN, SECRETS, Settings, secrets_folder, shown_url

PREFIX: Final = "VECHE_"
OTHERS: Final = frozenset({SECRETS, "VECHE_SKIP_WEB", "VECHE_TRACEBACK"})
"""Variables of ours that are no settings."""

_URLS: Final = frozenset({"database", "smtp"})
_SECRETS: Final = frozenset({"database_password"})


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting as it may be shown: `given` says whether it has another value than without any setting."""

    name: str
    value: str
    given: bool
    description: str


def shown_settings(settings: Settings) -> list[ShownSetting]:
    """Every setting in force, without a password."""
    found = []
    for name, described in Settings.model_fields.items():
        value = getattr(settings, name)
        text = shown_url(str(value)) if name in _URLS else str(value)
        if name in _SECRETS and value:
            text = HIDDEN
        found.append(ShownSetting(PREFIX + name.upper(), text, value != described.default, described.description or ""))
    return found


def unknown_names(environment: Mapping[str, str], env_file: Path) -> list[str]:
    """Variables that look like settings and are none, from the environment, `.env` and the folder of secrets; sorted."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHERS
    names = {name for name in environment if name.upper().startswith(PREFIX)}
    if env_file.is_file():
        lines = (line.strip().removeprefix("export ") for line in env_file.read_text("utf-8", "replace").splitlines())
        names |= {line.partition("=")[0].strip() for line in lines if line.upper().startswith(PREFIX)}
    folder = secrets_folder(environment)
    if folder is not None and folder.is_dir():
        names |= {path.name for path in folder.iterdir() if path.name.upper().startswith(PREFIX)}
    return sorted(name for name in names if name.upper() not in known)


def contradictions(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """What cannot all be meant, each as a sentence with what to do."""
    return [sentence for check in (_reached, _stored, _sent) for sentence in check(settings)] + _secrets(environment)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _reached(settings: Settings) -> list[str]:
    found = []
    base, own = urlsplit(settings.public_url), is_loopback(settings.host)
    if settings.base_url and base.scheme == "http" and not is_loopback(base.hostname or ""):
        found.append("VECHE_BASE_URL is http: people would sign in over an open line; set an https address")
    if not settings.base_url and not own:
        found.append(f"the server listens at {settings.host} and VECHE_BASE_URL is empty: links in mails would not work; set it")
    if base.scheme == "https" and not settings.trusted_proxy:
        found.append(
            "VECHE_BASE_URL is https, so a reverse proxy stands before the server, and VECHE_TRUSTED_PROXY is empty: everybody "
            "would count as one address; set it to the proxy's address"
        )
    if settings.trusted_proxy and any(network.prefixlen == 0 for network in settings.trusted_networks):
        found.append("VECHE_TRUSTED_PROXY believes every address: anybody could pretend to be somebody else; name the proxy")
    if settings.trusted_proxy and base.scheme == "http" and is_loopback(base.hostname or ""):
        found.append("VECHE_TRUSTED_PROXY is set and VECHE_BASE_URL is not the proxy's address; set it")
    bind = settings.metrics_bind
    if bind is not None and bind[1] == settings.port and bind[1] != 0:
        found.append("VECHE_METRICS and VECHE_PORT name the same port: metrics are never public; take another port")
    for name, url in settings.witness_addresses.items():
        place = urlsplit(url)
        if place.scheme == "http" and not is_loopback(place.hostname or ""):
            found.append(f"VECHE_WITNESSES asks {name} by http: anybody between could keep the server from starting; take https")
    if settings.witness_addresses and not settings.sign_log:
        found.append("VECHE_WITNESSES is set and VECHE_SIGN_LOG is off: there is nothing that witnesses could confirm; turn it on")
    if bind is not None and bind[0] in ("0.0.0.0", "::"):
        found.append("VECHE_METRICS listens everywhere: bind it to the address that your Prometheus asks, e.g. 127.0.0.1:9100")
    return found


def _stored(settings: Settings) -> list[str]:
    found = []
    sqlite = settings.database_url.startswith("sqlite")
    if sqlite and not settings.worker:
        found.append("VECHE_WORKER is off and the database is SQLite: nobody would open or close an election; turn it on")
    if sqlite and settings.database_password:
        found.append("VECHE_DATABASE_PASSWORD is set and the database is SQLite, which has none; remove it, or set VECHE_DATABASE")
    if not sqlite and not settings.database_url.startswith("postgresql+psycopg:"):
        found.append("VECHE_DATABASE must begin with postgresql+psycopg://: no other driver is installed")
    return found


def _sent(settings: Settings) -> list[str]:
    if not settings.smtp:
        return []
    found = []
    if settings.mail_from == Settings.model_fields["mail_from"].default:
        found.append("VECHE_SMTP is set and VECHE_MAIL_FROM is not: many servers refuse mail from veche@localhost; set it")
    host = urlsplit(settings.smtp)
    if host.scheme == "smtp" and host.password is not None and not is_loopback(host.hostname or ""):
        found.append("VECHE_SMTP sends a password by smtp: take smtps, unless the mail server is known to demand STARTTLS")
    return found


def _secrets(environment: Mapping[str, str]) -> list[str]:
    folder = secrets_folder(environment)
    if folder is None:
        return []
    if not folder.is_dir():
        return [f"{SECRETS} names {folder}, which is no folder; make it, or remove the variable"]
    both = {path.name.upper() for path in folder.iterdir()} & {name.upper() for name in environment}
    found = [f"{name} stands in the environment and in {folder}: the environment wins; keep one" for name in sorted(both)]
    if environment.get(SECRETS) and environment.get(CREDENTIALS):
        found.append(f"{SECRETS} and {CREDENTIALS} are both set: only {SECRETS} is read")
    return found
