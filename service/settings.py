"""The server's settings: environment variables `VECHE_…`, a file `.env`, or a folder of secrets. None is needed to begin."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from veche.observer.executor import available_jobs

DATABASE_NAME: Final = "veche.sqlite3"


class Settings(BaseSettings):
    """Each field is one setting; `veche config check` shows them."""

    model_config = SettingsConfigDict(env_prefix="VECHE_", env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("veche-data"), description="The folder of everything that the server keeps.")
    database: str = Field("", description="Database URL, e.g. postgresql+psycopg://veche@localhost/veche. Empty: SQLite in `data`.")
    host: str = Field("127.0.0.1", description="The address to listen at.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen at.")
    base_url: str = Field("", description="How people reach the server, e.g. https://vote.example.org. Empty: host and port.")
    trusted_proxy: str = Field("", description="Addresses of the reverse proxy, with commas; its X-Forwarded-For is believed.")
    checkers: int = Field(0, ge=0, le=64, description="Processes that check ballots. 0: one per core.")
    metrics: str = Field("", description="HOST:PORT for /metrics, apart from everything else. Empty: none.")
    smtp: str = Field("", description="smtp://USER:PASSWORD@HOST:PORT or smtps://… for mails. Empty: links are printed only.")
    mail_from: str = Field("veche@localhost", description="The sender of mails.")
    worker: bool = Field(True, description="Whether this process does the jobs and timers, too.")
    log_level: str = Field("info", description="debug, info, warning or error.")

    @property
    def database_url(self) -> str:
        """The URL in force."""
        return self.database or f"sqlite+pysqlite:///{self.data.absolute() / DATABASE_NAME}"

    @property
    def public_url(self) -> str:
        """How people reach the server, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def checking_processes(self) -> int:
        return self.checkers or available_jobs()
