"""The code keeps its shape: no name twice, no circle between rooms, nothing too long to be read at once.

What breaks a rule today stands in `STILL`, by name. A test fails for anything that is not there, and for anything that
is there and no longer breaks it: the sets only shrink.
"""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sim", "exporters", "snn2hw")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TREES = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
LINES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").splitlines() for path in FILES}

MOST_LINES_OF_A_FUNCTION, MOST_PARAMETERS, MOST_BY_POSITION = 50, 8, 5
LONG = "# long: "
"""On the line of ``def`` or above it, with the reason: a function that is better whole."""

STILL: dict[str, set[str]] = {
    "class twice": set(),
    "room needs": set(),
    "long function": set(),
    "parameters": set(),
    "by position": set(),
}
"""To be emptied."""


def _classes():
    """Return the files of every class by its name; one inside a function is nobody else's."""
    found = defaultdict(set)
    for name, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name].add(name)
    return found


def _functions():
    """Yield (file, function) for every function, methods included."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node


def _room(module):
    """Return the room of a dotted module: the folder, or the module beside the folders, right below its package."""
    return ".".join(module.split(".")[:2])


def _rooms(package):
    """Return the rooms of a package, each with the rooms it needs, also where an import waits inside a function."""
    needs = defaultdict(set)
    for name, tree in TREES.items():
        own = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if "." not in own or own.split(".")[0] != package:
            continue
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        wanted = {f"{n.module}.{alias.name}" if n.module == package else n.module for n in imports for alias in n.names}
        needs[_room(own)] |= {_room(w) for w in wanted if w.startswith(f"{package}.")} - {_room(own)}
    return needs


def _long_functions():
    for name, node in _functions():
        around = LINES[name][max(node.lineno - 2, 0) : node.lineno]
        if node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION and not any(LONG in line for line in around):
            yield f"{name}: {node.name}"


def _many_parameters():
    for name, node in _functions():
        given = node.args
        if len([*given.posonlyargs, *given.args, *given.kwonlyargs]) > MOST_PARAMETERS and name.startswith("sim/fast"):
            yield f"{name}: {node.name}"


def _by_position():
    """Yield every file and class of ours that is made there of more than five values by position."""
    ours = {node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) > MOST_BY_POSITION:
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if called in ours:
                    yield f"{name}: {called}"


def _needs_of_rooms():
    """Yield the pairs of rooms that need one another."""
    for package in PACKAGES:
        needs = _rooms(package)
        yield from (f"{a} <-> {b}" for a in sorted(needs) for b in sorted(needs[a]) if a < b and a in needs[b])


FOUND = {
    "class twice": lambda: {name for name, files in _classes().items() if len(files) > 1},
    "room needs": lambda: set(_needs_of_rooms()),
    "long function": lambda: set(_long_functions()),
    "parameters": lambda: set(_many_parameters()),
    "by position": lambda: set(_by_position()),
}


@pytest.mark.parametrize("rule", FOUND)
def test_nothing_new_breaks_a_rule_of_shape(rule):
    assert FOUND[rule]() - STILL[rule] == set()


@pytest.mark.parametrize("rule", FOUND)
def test_what_keeps_a_rule_again_is_no_longer_excused(rule):
    assert STILL[rule] - FOUND[rule]() == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_form_a_circle(package):
    """Also a circle of three or more; pairs that still need one another are judged above."""
    apart = {
        room: {other for other in needed if not {f"{room} <-> {other}", f"{other} <-> {room}"} & STILL["room needs"]}
        for room, needed in _rooms(package).items()
    }
    try:
        TopologicalSorter(apart).prepare()
    except CycleError as circle:
        pytest.fail(f"rooms in a circle: {' -> '.join(circle.args[1])}")


def test_nothing_but_the_command_line_imports_a_command():
    """What a verb does is a function of the library, which everybody can call."""
    for name, tree in TREES.items():
        if not name.startswith(("snn2hw/commands/", "snn2hw/__main__")):
            wanted = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
            assert not [w for w in wanted if w.startswith("snn2hw.commands")], name
