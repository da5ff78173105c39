"""Imports of the fast engine run one way: engine, kernels, layout, vector instructions."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SIM = Path(__file__).parents[3] / "sim"
ROOMS = ("vector", "layout", "kernels", "")
"""Each may import those before it."""
FILES = sorted((SIM / "fast").rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    return parts[2] if len(parts) > 2 and parts[2] in ROOMS else ""


def imported(path: Path) -> set[tuple[str, ...]]:
    """Return the modules of the fast engine that a module imports, inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    return {tuple(module.split(".")) for module in modules if module.startswith("sim.fast")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SIM)))
def test_a_room_imports_only_rooms_below_it(path):
    own = room_of(path.relative_to(SIM.parent).with_suffix("").parts)
    assert all(ROOMS.index(room_of(module)) <= ROOMS.index(own) for module in imported(path))


def test_no_two_modules_of_the_fast_engine_need_one_another():
    names = {path: path.relative_to(SIM.parent).with_suffix("").parts for path in FILES}
    TopologicalSorter({name: imported(path) - {name} for path, name in names.items()}).prepare()


def test_no_other_engine_imports_the_fast_one():
    assert not imported(SIM / "torch_engine.py")
    assert not imported(SIM / "reference.py")
