"""The page of errors: every class, and every refusal with its cure, read from the source."""

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sim.errors
from benchmarks.pages.markdown import MADE, cell, code, table
from sim.cures import install

__all__ = ["Refusal", "errors_page", "refusals"]

ROOT = Path(__file__).parents[2]
PACKAGES = ("sim", "exporters", "snn2hw")
CODES = {
    "MachineError": 1,
    "UnsupportedError": 1,
    "ProblemsError": 1,
    "NoRegisterError": 1,
    "Problem": 1,
}
"""What ends a command with 1, the answer is no; every other error ends it with 2."""
PLAIN = {"join", "format", "str", "sorted", "map", "list", "min", "max", "len"}
"""Calls whose names say nothing of what is filled in."""
Names = dict[tuple[str, int], ast.expr]
"""What names were given, with the line where: to look up a text that was built first."""
MORE = {"ProblemsError", "NoRegisterError", "Problem"}

HEAD = """# Errors

{made}
Every error that is raised on purpose says what, where, and what to do (`fix`), in Python as `error.what` and
`error.fix`. In capitals stands what is filled in. A command prints it on standard error and ends with the code; with
`--json` the same stands in a document of schema `snn2hw.refusal/1`.

{tree}

{codes}
`Problem` is one thing that stands in the way of a model: `check` lists them all, `compile` refuses with all of them in
one `ProblemsError`. Anything else that is raised is a mistake of ours: the command says `internal error`, ends with 2
and asks to be run with `--debug`.
"""


@dataclass(frozen=True)
class Refusal:
    """One place that refuses: the class it raises, the file, and the texts as far as they can be read there."""

    error: str
    module: str
    what: str
    fix: str


def errors_page() -> str:
    """Return the page."""
    tree = (inspect.getdoc(sim.errors) or "").split("\n\n")[1]
    codes = table(("class", "exit code"), [(f"`{name}`", str(CODES.get(name, 2))) for name in sorted(_classes())])
    parts = [HEAD.format(made=MADE, tree=code(inspect.cleandoc(tree)), codes=f"{codes}\n")]
    rooms: dict[str, list[Refusal]] = defaultdict(list)
    for found in refusals():
        rooms[".".join(found.module.split(".")[:2])].append(found)
    for room, rows in rooms.items():
        said = [r for r in rows if re.search("[a-z]{2}", r.what)]  # what only hands on is said where it comes from
        lines = dict.fromkeys((f"`{r.error}`", cell(_dots(r.what)), cell(_dots(r.fix))) for r in said)
        if not lines:
            continue
        parts.append(f"## {room}\n\n{table(('class', 'what', 'fix'), lines)}\n")
    return "\n".join(parts)


def _dots(text: str) -> str:
    """Return a text in which what is filled in twice in a row is one gap."""
    return re.sub(r"\.{4,}", "...", text)


def _classes() -> set[str]:
    return {name for name in sim.errors.__all__ if name != "Snn2hwError"} | MORE


def refusals() -> Iterator[Refusal]:
    """Yield every place in the packages that makes an error of ours or a problem, in the order of files and lines."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from _of_scope(tree, module, {})


def _of_scope(scope: ast.AST, module: str, outer: Names) -> Iterator[Refusal]:
    """Yield the refusals of a function or a module; a text that was given a name first is looked up."""
    names, calls, inner = dict(outer), [], []
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            inner.append(node)
            continue
        if isinstance(node, ast.Assign):
            names |= {(name, node.lineno): value for name, value in _named(node.targets[0], node.value)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _classes():
            calls.append((node.lineno, node.func.id, node))
        waiting += ast.iter_child_nodes(node)
    for _, error, call in sorted(calls, key=lambda found: found[0]):
        yield _refusal(error, module, call, names)
    for node in inner:
        yield from _of_scope(node, module, names)


def _named(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of an assignment with what each is given."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=False):
            yield from _named(one, part)


def _refusal(error: str, module: str, call: ast.Call, names: Names) -> Refusal:
    given = [*call.args, *(word.value for word in call.keywords if word.arg in ("what", "fix"))]
    texts = [_text(value, names, call.lineno) for value in given]
    if error == "Problem" and len(texts) > 2:
        texts = [f"{texts[0]}: {texts[1]}", texts[2]]
    return Refusal(error, module, *[*texts, "", ""][:2])


def _text(node: ast.expr, names: Names, line: int, depth: int = 0) -> str:
    """Return a text as it stands in the source, with a word in capitals for whatever is filled in."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.Constant(value=None):
            return ""
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, names, line, depth) for part in parts)
        case ast.FormattedValue(value=value, conversion=conversion):
            word = _text(value, {}, line, depth)
            return f"'{word}'" if conversion == ord("r") else word
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, names, line, depth) + _text(right, names, line, depth)
        case ast.IfExp(body=body, orelse=other):
            return " / ".join(filter(None, (_text(body, names, line, depth), _text(other, names, line, depth))))
        case ast.Name(id=name):
            above = [place for known, place in names if known == name and place <= line]
            return _text(names[name, max(above)], names, line, depth + 1) if above and depth < 4 else name.upper()
        case ast.Attribute(attr=name):
            return name.strip("_").upper()
        case ast.Call(func=ast.Name(id="install"), args=[ast.Constant(value=str(package))]):
            return install(package)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return "..." if name in PLAIN else name.strip("_").upper()
        case ast.Subscript(value=value):
            return _text(value, {}, line, depth)
        case _:
            return "..."
