"""What a page calls by its path or by its name is there, and the tree of the architecture leaves no room out."""

import ast
import re
from fnmatch import fnmatch
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import get_args

import pytest

from sim.plugins import Group

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
TREES = ("sim", "exporters", "snn2hw", "tests", "benchmarks", "docs")
FILES = [path for tree in TREES for path in ROOT.glob(f"{tree}/**/*") if "__pycache__" not in path.parts]
PLACES = {f"/{path.relative_to(ROOT).as_posix()}" for path in (*FILES, *ROOT.glob("*"))}

PATH = re.compile(r"[\w.*-]+(?:/[\w.*-]+)*(?:\.py|\.toml|\.c|\.h|/)|(?:" + "|".join(TREES) + r")/[\w./*-]*\w")
PLACEHOLDER = re.compile(r"[A-Z]{3,}|_X|/x_|^x_")
"""What stands for any name: ``VERB.py``, ``to_X.py``."""
WRITTEN = {"netx.toml", "program.c", "program.h", "snn_program.h", "src/program.c", "src/snn_program.h"}
WRITTEN |= {"mynet.py", "twin.py", "make_program.py", "test_program.py"}
"""What an export writes, or whoever follows a page."""

NAME_IN = re.compile(r"`(?:sw\.)?(\w+(?:\.\w+)*)(?:\([^`]*\))?` (?:in |\()`([\w./]+\.py)`")
"""`name` in `file.py`, and `name` (`file.py`)."""


def _spoken(page: Path) -> set[str]:
    """Return what stands in backticks, outside blocks of code."""
    prose = re.sub(r"^(?:```.*?^```|    .*?$)", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", prose))


def _exists(path: str) -> bool:
    """Whether a path, from the root or from a folder below it, is one of ours; ``*`` stands for any part of a name."""
    wanted = path.rstrip("/")
    if wanted.startswith(tuple(f"{tree}/" for tree in TREES)):
        return any(fnmatch(place, f"/{wanted}") for place in PLACES)
    return any(fnmatch(place, f"*/{wanted}") for place in PLACES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_in_backticks_is_there(page):
    paths = {said for said in _spoken(page) if PATH.fullmatch(said) and not PLACEHOLDER.search(said)}
    assert {path for path in paths if not _exists(path)} - WRITTEN == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_name_is_in_the_file_that_the_page_says(page):
    text = page.read_text(encoding="utf-8")
    found = [(name, file) for name, file in NAME_IN.findall(text) if not PLACEHOLDER.search(file)]
    missing = [(name, file) for name, file in found if not any(_defines(place, name) for place in _files(file))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_dotted_name_that_begins_with_a_package_can_be_had(page):
    dotted = [said for said in _spoken(page) if re.fullmatch(r"(?:sim|exporters|snn2hw)(?:\.\w+)+", said)]
    assert [name for name in dotted if not _leads_somewhere(name) and name not in get_args(Group)] == []


def test_every_page_is_linked_from_the_readme_or_from_another_page():
    """A page that nothing leads to is read by nobody."""
    linked = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in link and (page.parent / link).resolve() != page.resolve()
    }
    pages = [page.resolve() for page in (ROOT / "docs").rglob("*.md")]
    assert [page.name for page in pages if page not in linked] == []


def test_a_link_to_a_place_in_a_page_finds_its_heading():
    lost = []
    for page in PAGES:
        for link, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]*)\)", page.read_text(encoding="utf-8")):
            if "://" not in link and anchor not in _anchors(page.parent / link if link else page):
                lost.append(f"{page.name}: {link}#{anchor}")
    assert lost == []


def _anchors(page: Path) -> set[str]:
    """Return what the headings of a page are linked by: lower case, hyphens for blanks, no punctuation."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_tree_of_the_architecture_names_every_room():
    """A room is a folder or a module right below its package; what nobody is told of is looked for in vain."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = page[page.index("## The tree") : page.index("## Two journeys")]
    said = set(re.findall(r"`([^`\n]+)`", tree))
    silent = [room for room in _rooms() if not any(_same_room(room, name) for name in said)]
    assert silent == []


def _rooms() -> list[str]:
    """Return the rooms of the packages as paths, modules with their suffix."""
    found = [path for package in ("sim", "snn2hw", "exporters") for path in sorted((ROOT / package).glob("*"))]
    folders = [path for path in found if (path / "__init__.py").exists()]
    modules = [path for path in found if path.suffix == ".py" and not path.stem.startswith("__")]
    hidden = {"exporters/hdf5_file.py", "exporters/hdf5_headers.py", "exporters/hdf5_heap.py"}  # behind hdf5_border
    rooms = {path.relative_to(ROOT).as_posix() for path in (*folders, *modules)}
    return sorted(rooms - hidden)


def _same_room(room: str, said: str) -> bool:
    """Whether a name in the tree means a room: by its whole path, or by its last part with or without ``.py``."""
    package, last = room.split("/")
    return said.rstrip("/") in (room, last, *([last.removesuffix(".py")] if package == "exporters" else []))


def _files(file: str) -> list[Path]:
    return [ROOT / place[1:] for place in PLACES if place.endswith(f"/{file}")]


@cache
def _names_of(path: Path) -> frozenset[str]:
    """Return what a module defines: functions and classes with those in them, and what it assigns, fields included."""
    found: set[str] = set()
    nodes: list[tuple[str, ast.AST]] = [("", ast.parse(path.read_text(encoding="utf-8")))]
    for inside, node in nodes:  # grows while it is walked
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                found.add(f"{inside}{child.name}")
                nodes.append((f"{inside}{child.name}.", child))
            targets = child.targets if isinstance(child, ast.Assign) else [getattr(child, "target", None)]
            found |= {f"{inside}{target.id}" for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)


def _defines(path: Path, name: str) -> bool:
    return path.suffix == ".py" and name in _names_of(path)


def _leads_somewhere(dotted: str) -> bool:
    """Whether a dotted name is a module or a package, or stands in one; a package may hand on what it imports."""
    for place in reversed([Path(*parts) for parts in accumulate((p,) for p in dotted.split("."))]):
        rest = dotted.split(".")[len(place.parts) :]
        module, package = ROOT / place.with_suffix(".py"), ROOT / place / "__init__.py"
        if module.is_file():
            return not rest or _defines(module, ".".join(rest))
        if package.is_file():
            return not rest or re.search(rf"\b{rest[0]}\b", package.read_text(encoding="utf-8")) is not None
    return False
