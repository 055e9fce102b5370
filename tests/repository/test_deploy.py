"""What stands in `deploy/`, read as text: it cannot be built here, but it contradicts neither program nor manual."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository.tree import ROOT
from veche.cli.main import COMMANDS
from veche.service.settings import Settings
from veche.service.settings_check import OTHERS, contradictions, unknown_names

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file() and path.name != ".env")
KNOWN = {f"VECHE_{name.upper()}" for name in Settings.model_fields} | OTHERS
MANUAL = (ROOT / "docs" / "operating.md").read_text("utf-8")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8")))


@pytest.mark.parametrize("path", [*FILES, ROOT / "docs" / "operating.md"], ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    content = path.read_text("utf-8")
    # A file of a folder of secrets is named in small letters.
    named = re.findall(r"\bVECHE_[A-Z_]*[A-Z]", content) + re.findall(r"(?:LoadCredential=|target: )(veche_\w+)", content)
    assert {name for name in named if name.upper() not in KNOWN} == set()


def test_the_manual_names_every_setting() -> None:
    assert {name for name in KNOWN if name not in MANUAL} == set()


@pytest.mark.parametrize("path", [*FILES, ROOT / "docs" / "operating.md"], ids=lambda path: path.name)
def test_every_command_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"(?:`|^|bin/|--rm )veche ([a-z][a-z-]+)", path.read_text("utf-8"), re.MULTILINE))
    assert {name for name in named if name not in COMMANDS} <= {"observe", "account", "mirror", "watch"}


def test_the_composed_server_has_no_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    server = compose()["services"]["veche"]
    site = "${SITE:?write SITE into .env}"
    given = {name: str(value).replace(site, "vote.example") for name, value in server["environment"].items()}
    given["VECHE_HOST"] = "0.0.0.0"
    for name, value in given.items():
        if name != "VECHE_SECRETS":
            monkeypatch.setenv(name, value)
    made = Settings()
    assert contradictions(made, {}) == []
    assert unknown_names(given, ROOT / "nowhere") == []
    # The proxy that is believed is the one container that people reach.
    caddy = compose()["services"]["caddy"]
    assert made.trusted_proxy == caddy["networks"]["inner"]["ipv4_address"]
    assert [name for name, service in compose()["services"].items() if "ports" in service] == ["caddy"]


def test_the_composed_database_keeps_what_it_committed() -> None:
    command = " ".join(compose()["services"]["database"]["command"])
    for setting in ("fsync=on", "synchronous_commit=on", "full_page_writes=on"):
        assert f"-c {setting}" in command


def test_no_password_stands_in_a_file_and_the_folder_of_secrets_is_never_committed() -> None:
    services = compose()["services"]
    for service in services.values():
        for name, value in service["environment"].items():
            assert "PASSWORD" not in name or name.endswith("_FILE"), name
            assert not re.search(r"://[^/@\s]*:[^/@\s]+@", str(value)), name
    assert {"/deploy/.env", "/deploy/secrets/"} <= set((ROOT / ".gitignore").read_text("utf-8").splitlines())


def test_the_server_runs_without_rights_and_on_a_root_that_cannot_be_written() -> None:
    server = compose()["services"]["veche"]
    assert (server["read_only"], server["cap_drop"], server["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    image = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = image.splitlines()
    assert "USER veche" in lines
    assert not any(line.startswith(("COPY", "RUN")) for line in lines[lines.index("USER veche") :])
    # One folder is written: the one that the volume is.
    assert "VECHE_DATA=/data" in image
    assert "VOLUME /data" in lines


def test_the_image_is_built_by_the_command_that_the_tests_of_the_wheel_run() -> None:
    image = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    assert re.search(r"python -m hatchling build --target wheel --directory \S+", image)
    assert '"-m", "hatchling", "build", "--target", target, "--directory"' in (
        ROOT / "tests" / "repository" / "test_wheel.py"
    ).read_text("utf-8")
    assert "[service]" in image


def test_the_proxy_writes_no_log_and_passes_on_no_address_that_a_client_claimed() -> None:
    lines = (line.strip() for line in (DEPLOY / "Caddyfile").read_text("utf-8").splitlines())
    directives = [line for line in lines if not line.startswith("#")]
    assert not any(line.startswith("log") for line in directives)
    assert not any("trusted_proxies" in line for line in directives)
    assert directives.count("{") + sum(line.endswith(" {") for line in directives) == directives.count("}")


@pytest.mark.parametrize(
    "line",
    ["DynamicUser=yes", "StateDirectory=veche", "ProtectSystem=strict", "NoNewPrivileges=yes", "LimitCORE=0"],
)
def test_the_unit_is_hardened(line: str) -> None:
    assert line in (DEPLOY / "veche.service").read_text("utf-8").splitlines()


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "veche.service"
    # The program itself is not installed where the tests run.
    unit.write_text((DEPLOY / "veche.service").read_text("utf-8").replace("/opt/veche/bin/veche", "/bin/true"))
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
