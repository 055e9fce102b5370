"""The audit with single checks switched off, in a process of its own: what the others would say without this one.

Run as a program it reads requests from standard input, one JSON object per line, and answers each with one.

Every `raise X` of the verifying packages becomes "raise X unless its code is switched off", and every `report.error("code", …)`
likewise. So one copy of the package serves all codes, and a check is off exactly as if its lines were not there.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VERIFYING = ("crypto", "ballot", "ledger", "observer")
OFF: set[str] = set()


def is_on(refusal: object) -> bool:
    """Whether this refusal may be raised."""
    return getattr(refusal, "code", None) not in OFF


def is_code_on(code: str) -> bool:
    """Whether a finding with this code may be reported."""
    return code not in OFF


class Switches(ast.NodeTransformer):
    """Puts a switch before every refusal."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST | list[ast.stmt]:
        if node.exc is None:
            return node
        kept = ast.Assign([ast.Name("_refusal", ast.Store())], node.exc)
        asked = ast.Call(ast.Name("_is_on", ast.Load()), [ast.Name("_refusal", ast.Load())], [])
        again = ast.Raise(ast.Name("_refusal", ast.Load()), node.cause)
        return [kept, ast.If(asked, [again], [])]

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        code = reported_code(node.value)
        if code is None:
            return node
        asked = ast.Call(ast.Name("_is_code_on", ast.Load()), [ast.Constant(code)], [])
        return ast.If(asked, [node], [])


def reported_code(value: ast.expr) -> str | None:
    """The code of a call `report.error("code", …)`."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or value.func.attr != "error":
        return None
    first = value.args[0] if value.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


class Switched(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of the verifying packages and loads them with switches; all else is found as ever."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        parts = name.split(".")
        if len(parts) != 3 or parts[0] != "veche" or parts[1] not in VERIFYING or parts[2] == "onefile":
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(ROOT / parts[1] / f"{parts[2]}.py"))

    def exec_module(self, module: types.ModuleType) -> None:
        origin = str(module.__spec__.origin) if module.__spec__ is not None else ""
        tree = Switches().visit(ast.parse(Path(origin).read_bytes(), origin))
        vars(module).update(_is_on=is_on, _is_code_on=is_code_on, __file__=origin)
        exec(compile(ast.fix_missing_locations(tree), origin, "exec"), vars(module))  # noqa: S102


def answer(request: dict[str, Any]) -> dict[str, object]:
    """The audit's codes and verdict with the checks of `off` switched off; an exception is an answer, too."""
    from veche.observer.audit import audit
    from veche.observer.sources import open_older, open_source

    OFF.clear()
    OFF.update(request["off"])
    against = open_older(str(request["against"])) if request["against"] else None
    try:
        report = audit(open_source(str(request["source"])), against=against, level=request["level"])
    except Exception as error:  # noqa: BLE001
        # Without a check of form, what comes later meets something that cannot be. That too is noticed.
        return {"verdict": "exception", "codes": [], "exception": f"{type(error).__name__}: {error}"}
    return {"verdict": report.verdict, "codes": report.codes(), "exception": None}


def main() -> None:
    sys.meta_path.insert(0, Switched())
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
