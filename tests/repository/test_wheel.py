"""What a person installs: real files for every package, nothing at the top level but `veche`, no tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.repository.tree import PACKAGES, ROOT
from tests.vectors import VECTORS


def build(target: str, source: Path, into: Path) -> Path:
    """Build one distribution with the hatchling of the environment, without the network; return its file."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the checkout."""
    return zipfile.ZipFile(build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


def package_names(names: list[str]) -> set[str]:
    """Return what a wheel installs beside its own metadata."""
    return {name for name in names if ".dist-info/" not in name}


def test_the_wheel_holds_every_module_of_every_package(wheel: zipfile.ZipFile) -> None:
    ours = {f"veche/{path.relative_to(ROOT)}" for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert ours | {"veche/__init__.py", "veche/py.typed"} <= set(wheel.namelist())


def test_the_wheel_holds_every_migration_and_page(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    migrations = {f"veche/{path.relative_to(ROOT)}" for path in (ROOT / "service" / "migrations").rglob("*.py")}
    assert {"veche/service/migrations/env.py", "veche/service/migrations/versions/0001_first_tables.py"} <= migrations <= held
    assert {f"veche/{path.relative_to(ROOT)}" for path in (ROOT / "service").glob("templates/**/*.html")} <= held


def test_the_wheel_installs_nothing_but_veche_and_no_tests(wheel: zipfile.ZipFile) -> None:
    installed = package_names(wheel.namelist())
    assert {name.split("/")[0] for name in installed} == {"veche"}
    assert {name.split("/")[1] for name in installed} == {*PACKAGES, "__init__.py", "py.typed", "web"}
    assert [name for name in installed if not {"tests", "__pycache__"}.isdisjoint(name.split("/"))] == []


def test_the_wheel_holds_files_and_no_links(wheel: zipfile.ZipFile) -> None:
    links = [info.filename for info in wheel.infolist() if (info.external_attr >> 16) & 0o170000 == 0o120000]
    assert links == []


def test_the_wheel_carries_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    (licence,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
    (entry,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert b"veche = veche.cli.main:main" in wheel.read(entry)


def test_a_wheel_made_from_the_source_archive_is_the_same(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    source = tmp_path / "source"
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(source, filter="data")
    (unpacked,) = source.iterdir()
    again = zipfile.ZipFile(build("wheel", unpacked, tmp_path / "wheel"))
    assert package_names(again.namelist()) == package_names(wheel.namelist())


def test_what_the_wheel_holds_is_enough_to_audit(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    asked = [sys.executable, "-m", "veche.cli.main", "audit", str(VECTORS / "belenios" / "h-basic" / "election.bel")]
    # PYTHONPATH stands before the editable install, so that no file of the checkout is imported.
    alone = {**os.environ, "PYTHONPATH": str(tmp_path)}
    where = [sys.executable, "-c", "import veche.observer; print(veche.observer.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=alone, check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(tmp_path))
    audit = subprocess.run(asked, cwd=tmp_path, env=alone, check=False, capture_output=True, text=True, timeout=300)
    assert audit.returncode == 0, audit.stderr
