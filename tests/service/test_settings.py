"""Where settings come from, what wins, what is refused at the start, and that no password is ever shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from veche.crypto.errors import Malformed
from veche.service.settings import Settings, parse_bind, read_settings, shown_url
from veche.service.settings_check import contradictions, shown_settings, unknown_names

SECRET = "geheim-4711"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests counts."""
    for name in os.environ:
        if name.startswith("VECHE_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    made = read_settings()
    assert made.public_url == "http://127.0.0.1:8000"
    assert made.database_url == f"sqlite+pysqlite:///{tmp_path}/veche-data/veche.sqlite3"
    assert contradictions(made, {}) == []


def test_the_environment_wins_over_the_file_and_the_file_over_the_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in (("veche_port", "1001"), ("VECHE_HOST", "::1"), ("veche_mail_from", "secret@vote.example")):
        (secrets / name).write_text(value + "\n")
    (tmp_path / ".env").write_text("VECHE_PORT=1002\nVECHE_HOST=127.0.0.2\n")
    monkeypatch.setenv("VECHE_SECRETS", str(secrets))
    monkeypatch.setenv("VECHE_PORT", "1003")
    made = read_settings()
    assert (made.port, made.host, made.mail_from) == (1003, "127.0.0.2", "secret@vote.example")
    assert read_settings(port=1004).port == 1004


def test_the_folder_that_systemd_names_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "veche_database_password").write_text(SECRET + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    made = read_settings(database="postgresql+psycopg://veche@db/veche")
    assert made.database_url == f"postgresql+psycopg://veche:{SECRET}@db/veche"


def test_no_password_is_in_any_text_of_the_settings() -> None:
    url = f"postgresql+psycopg://veche:{SECRET}@db/veche?sslpassword={SECRET}"
    made = read_settings(database=url, database_password=SECRET, smtp=f"smtps://mail:{SECRET}@mx.example:465")
    told = [repr(made), str(made), *(one.value for one in shown_settings(made)), *contradictions(made, {})]
    assert SECRET not in "\n".join(told)
    assert "veche:(hidden)@db/veche" in "\n".join(told)


def test_what_is_refused_names_the_setting_and_not_its_value() -> None:
    wrong = {
        "database": f"no url {SECRET}",
        "port": SECRET,
        "smtp": f"http://u:{SECRET}@h",
        "base_url": f"https://u:{SECRET}@vote.example",
        "log_level": SECRET,
        "checkers": "-1",
    }
    for name, value in wrong.items():
        with pytest.raises(Malformed) as refused:
            read_settings(**{name: value})
        assert refused.value.code == "settings"
        assert refused.value.message.startswith(f"VECHE_{name.upper()}: ")
        assert SECRET not in str(refused.value) + repr(refused.value.__context__)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database", "mysql://localhost/veche"),
        ("base_url", "vote.example"),
        ("base_url", "https://vote.example/town"),
        ("base_url", "https://vote.example/?a=b"),
        ("trusted_proxy", "10.0.0.1/8"),
        ("trusted_proxy", "proxy.example"),
        ("metrics", "9100"),
        ("metrics", "127.0.0.1:many"),
        ("metrics", "127.0.0.1:65536"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(Malformed, match=f"VECHE_{name.upper()}"):
        read_settings(**{name: value})


def test_binds_and_networks_are_those_of_both_families() -> None:
    assert parse_bind("127.0.0.1:9100") == ("127.0.0.1", 9100)
    assert parse_bind("[::1]:9100") == ("::1", 9100)
    made = read_settings(trusted_proxy="127.0.0.1, fd00::/8", host="::1")
    assert [str(network) for network in made.trusted_networks] == ["127.0.0.1/32", "fd00::/8"]
    assert made.public_url == "http://[::1]:8000"


def test_a_name_that_is_no_setting_is_found_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# VECHE_COMMENT=1\nexport VECHE_PROT=8000\nVECHE_PORT=8000\nOTHER=1\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "veche_datbase").write_text("x")
    given = {"VECHE_BASEURL": "x", "VECHE_DATA": "x", "PATH": "x", "VECHE_SECRETS": str(tmp_path / "secrets")}
    assert unknown_names(given, tmp_path / ".env") == ["VECHE_BASEURL", "VECHE_PROT", "veche_datbase"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"base_url": "http://vote.example", "trusted_proxy": "10.0.0.1"}, "open line"),
        ({"host": "0.0.0.0"}, "VECHE_BASE_URL is empty"),
        ({"base_url": "https://vote.example"}, "VECHE_TRUSTED_PROXY is empty"),
        ({"base_url": "https://vote.example", "trusted_proxy": "0.0.0.0/0"}, "believes every address"),
        ({"trusted_proxy": "10.0.0.1"}, "not the proxy's address"),
        ({"metrics": "127.0.0.1:8000"}, "same port"),
        ({"metrics": "0.0.0.0:9100"}, "listens everywhere"),
        ({"worker": False}, "nobody would open or close"),
        ({"database_password": SECRET}, "which has none"),
        ({"database": "postgresql://veche@db/veche"}, "no other driver"),
        ({"smtp": "smtps://mx.example:465"}, "VECHE_MAIL_FROM is not"),
        ({"smtp": f"smtp://u:{SECRET}@mx.example", "mail_from": "a@vote.example"}, "sends a password"),
    ],
)
def test_each_contradiction_is_one_sentence(given: dict[str, object], named: str) -> None:
    found = contradictions(read_settings(**given), {})
    assert len(found) == 1
    assert named in found[0]


def test_a_good_production_setting_has_no_contradiction() -> None:
    made = read_settings(
        base_url="https://vote.example",
        trusted_proxy="127.0.0.1",
        database="postgresql+psycopg://veche@db/veche",
        database_password=SECRET,
        metrics="127.0.0.1:9100",
        smtp=f"smtps://u:{SECRET}@mx.example:465",
        mail_from="vote@vote.example",
    )
    assert contradictions(made, {}) == []


def test_a_secret_given_twice_and_a_folder_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "veche_smtp").write_text("x")
    folder = {"VECHE_SECRETS": str(tmp_path)}
    assert "keep one" in contradictions(Settings(), {**folder, "VECHE_SMTP": "x"})[0]
    assert "both set" in contradictions(Settings(), {**folder, "CREDENTIALS_DIRECTORY": "x"})[0]
    assert "no folder" in contradictions(Settings(), {"VECHE_SECRETS": str(tmp_path / "nowhere")})[0]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///veche.sqlite3", "sqlite:///veche.sqlite3"),
        ("postgresql+psycopg://veche@db/veche", "postgresql+psycopg://veche@db/veche"),
        (f"smtp://u:{SECRET}@h:25", "smtp://u:(hidden)@h:25"),
        (f"smtp://u:a@{SECRET}@h:25", "smtp://u:(hidden)@h:25"),
        (f"postgresql+psycopg://db/veche?password={SECRET}", "postgresql+psycopg://db/veche?(hidden)"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown
