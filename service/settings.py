"""The server's settings: environment variables `VECHE_…`, a file `.env`, or a folder of secrets. None is needed to begin.

What stands in the environment wins over `.env`, and that over the folder of secrets: one file per setting, named like its variable,
as systemd (`LoadCredential=`) and Docker (`secrets:`) hand them over. The folder is `VECHE_SECRETS`, or the one that systemd names.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from veche.crypto.errors import Malformed
from veche.observer.database import DATABASE_NAME
from veche.observer.executor import available_jobs

SECRETS: Final = "VECHE_SECRETS"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
HIDDEN: Final = "(hidden)"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def secrets_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder that holds one file per secret setting, or None."""
    named = environment.get(SECRETS) or environment.get(CREDENTIALS)
    return Path(named) if named else None


class Settings(BaseSettings):
    """Each field is one setting; `veche config check` shows them."""

    model_config = SettingsConfigDict(
        env_prefix="VECHE_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    data: Path = Field(Path("veche-data"), description="The folder of everything that the server keeps.")
    database: str = Field(
        "", repr=False, description="Database URL, e.g. postgresql+psycopg://veche@localhost/veche. Empty: SQLite in `data`."
    )
    database_password: str = Field("", repr=False, description="The database's password, where the URL does not hold it.")
    host: str = Field("127.0.0.1", description="The address to listen at.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen at.")
    base_url: str = Field("", description="How people reach the server, e.g. https://vote.example.org. Empty: host and port.")
    trusted_proxy: str = Field("", description="Addresses of the reverse proxy, with commas; its X-Forwarded-For is believed.")
    checkers: int = Field(0, ge=0, le=64, description="Processes that check ballots. 0: one per core.")
    metrics: str = Field("", description="HOST:PORT for /metrics, apart from everything else. Empty: none.")
    smtp: str = Field(
        "", repr=False, description="smtp://USER:PASSWORD@HOST:PORT or smtps://… for mails. Empty: links are printed only."
    )
    mail_from: str = Field("veche@localhost", description="The sender of mails.")
    worker: bool = Field(True, description="Whether this process does the jobs and timers, too.")
    sign_log: bool = Field(True, description="Whether checkpoints of the logs are signed and served.")
    witnesses: str = Field("", description="NAME=URL of each witness that checkpoints are sent to, with spaces or commas between.")
    log_ml_dsa: bool = Field(False, description="Whether logs of new elections sign with a second key, of ML-DSA-44, too.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error.")
    commit: str = Field("", description="The commit this was built from, for /version; an image sets it.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, the environment, `.env`, the folder of secrets: the first that names a setting decides."""
        sources = (init_settings, env_settings, dotenv_settings)
        folder = secrets_folder(os.environ)
        # A folder that is not there is named by `veche config check`; the framework would only warn on stderr.
        if folder is None or not folder.is_dir():
            return sources
        return (*sources, SecretsSettingsSource(settings_cls, folder))

    @field_validator("database")
    @classmethod
    def _database(cls, value: str) -> str:
        if value:
            try:
                backend = make_url(value).get_backend_name()
            except (ArgumentError, ValueError):
                # The library's sentence would repeat the URL, and with it the password.
                raise ValueError("is not a database URL") from None
            if backend not in ("sqlite", "postgresql"):
                raise ValueError(f"{backend} is not supported: sqlite or postgresql+psycopg")
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        fit = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.username
        if value and not (fit and parts.path in ("", "/")):
            raise ValueError("must be http:// or https:// with a host and nothing behind it")
        return value

    @field_validator("trusted_proxy")
    @classmethod
    def _trusted_proxy(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, value: str) -> str:
        if value:
            parse_bind(value)
        return value

    @field_validator("witnesses")
    @classmethod
    def _witnesses(cls, value: str) -> str:
        parse_witnesses(value)
        return value

    @field_validator("smtp")
    @classmethod
    def _smtp(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("smtp", "smtps") or not urlsplit(value).hostname):
            raise ValueError("must be smtp://HOST:PORT or smtps://HOST:PORT")
        return value

    @property
    def database_url(self) -> str:
        """The URL in force, with its password: for the driver alone, never for a person."""
        if not self.database:
            return f"sqlite+pysqlite:///{self.data.absolute() / DATABASE_NAME}"
        url = make_url(self.database)
        if self.database_password and url.password is None:
            url = url.set(password=self.database_password)
        return url.render_as_string(hide_password=False)

    @property
    def public_url(self) -> str:
        """How people reach the server, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def checking_processes(self) -> int:
        return self.checkers or available_jobs()

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """The addresses whose X-Forwarded-For is believed."""
        return parse_networks(self.trusted_proxy)

    @property
    def witness_addresses(self) -> dict[str, str]:
        """Where checkpoints are sent: the address by the name of the witness's key."""
        return parse_witnesses(self.witnesses)

    @property
    def metrics_bind(self) -> tuple[str, int] | None:
        """Where /metrics listens, or None."""
        return parse_bind(self.metrics) if self.metrics else None


def read_settings(**given: Any) -> Settings:
    """The settings in force; `given` wins over all. Raises Malformed `settings` that names the setting and not its value."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        name = "VECHE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Malformed("settings", f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between them. Raises ValueError that says which is none."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError:
            raise ValueError(f"{part!r} is neither an address nor a network like 10.0.0.0/8 or fd00::/8") from None
    return tuple(found)


def parse_witnesses(text: str) -> dict[str, str]:
    """Addresses by names, of NAME=URL with spaces or commas between. Raises ValueError that says what is wrong."""
    found: dict[str, str] = {}
    for part in text.replace(",", " ").split():
        name, _, url = part.partition("=")
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
        if not name or not fit or parts.username is not None:
            raise ValueError("must be NAME=URL, e.g. witness.example.org/one=https://witness.example.org")
        if name in found:
            raise ValueError(f"names {name!r} twice: one witness has one address")
        found[name] = url.rstrip("/")
    return found


def parse_bind(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT or [IPV6]:PORT. Raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, e.g. 127.0.0.1:9100 or [::1]:9100")
    return host, int(port)


def shown_url(url: str) -> str:
    """A URL fit to be shown: its password, and everything behind a question mark, are not in it."""
    parts = urlsplit(url)
    if parts.username is None and not parts.query:
        return url
    place = parts.netloc.rpartition("@")[2]
    user = "" if parts.username is None else f"{parts.username}{':' + HIDDEN if parts.password is not None else ''}@"
    return parts._replace(netloc=user + place, query=HIDDEN if parts.query else "").geturl()
