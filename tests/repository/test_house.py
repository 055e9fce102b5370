"""The house rules that no linter knows: size, names, and what may not stand in a public file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repository.tree import (
    PACKAGES,
    ROOT,
    package_files,
    parsed,
    project_files,
    python_files,
    shown,
)

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
REASON = re.compile(r"^Length: \S", re.MULTILINE)
NAMELESS = re.compile(r"^(utils?|helpers?|common|managers?|misc)\.py$")

# The addresses of package registries, and paths that exist on one machine alone. Written so that the patterns do
# not match themselves.
ADDRESSES = re.compile(
    rb"(pypi|pythonhosted|npmjs|crates|debian)[.](org|io)|registry[.]npm|files[.]python|/w[o]rk/|/r[o]ot/|/hom[e]/|/User[s]/"
)
# This page names where dependencies come from; the licence text has its own address.
MAY_HOLD_ADDRESSES = {"docs/dependencies.md", "LICENSE"}


def gives_reason_for_length(module: ast.Module) -> bool:
    """Say whether the module's docstring has a line "Length: …" that says why it is long."""
    return bool(REASON.search(ast.get_docstring(module) or ""))


def long_parts(source: str) -> list[str]:
    """Return what is longer than the house allows in one module, unless its docstring gives the reason."""
    module = ast.parse(source)
    if gives_reason_for_length(module):
        return []
    lines = len(source.splitlines())
    found = [f"the module has {lines} lines"] if lines > LONGEST_MODULE else []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(f"{node.name} has {length} lines")
    return found


def test_no_module_or_function_is_too_long_without_a_reason() -> None:
    found = {shown(path): parts for path in python_files() if (parts := long_parts(path.read_text(encoding="utf-8")))}
    assert found == {}


def test_a_long_function_is_noticed_and_a_stated_reason_is_heard() -> None:
    long = "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION
    assert long_parts(long) == [f"f has {LONGEST_FUNCTION + 1} lines"]
    assert long_parts("x = 1\n" * (LONGEST_MODULE + 1)) == [f"the module has {LONGEST_MODULE + 1} lines"]
    assert long_parts('"""One file.\n\nLength: a sceptic reads it alone.\n"""\n' + long) == []


def test_every_module_is_named_by_its_idea() -> None:
    assert [shown(path) for path in python_files() if NAMELESS.match(path.name)] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [shown(path) for path in python_files() if not ast.get_docstring(parsed(path))] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_init_holds_only_its_map(package: str) -> None:
    body = parsed(ROOT / package / "__init__.py").body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


def test_no_package_checks_anything_by_assert() -> None:
    # Under `python -O` an assert is not there; a verdict must not depend on it.
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in package_files()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_no_file_holds_a_registry_address_or_a_path_of_one_machine() -> None:
    found = [
        f"{shown(path)}: {match.group().decode()}"
        for path in project_files()
        if shown(path) not in MAY_HOLD_ADDRESSES and (match := ADDRESSES.search(path.read_bytes()))
    ]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_reached_through_a_relative_link(package: str) -> None:
    assert (ROOT / "src" / "veche" / package).readlink() == Path("..", "..", package)


def test_the_licence_is_the_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_folder_of_vectors_stands_in_their_readme() -> None:
    readme = (ROOT / "vectors" / "README.md").read_text(encoding="utf-8")
    folders = {path.relative_to(ROOT / "vectors").parts[0] for path in (ROOT / "vectors").rglob("*") if path.is_dir()}
    assert {folder for folder in folders if f"`{folder}/" not in readme} == set()
