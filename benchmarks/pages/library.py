"""The page of public names, from their signatures and docstrings."""

import ast
import inspect
import re
import textwrap
from typing import Any

import snn2hw
from benchmarks.pages.markdown import MADE, code

__all__ = ["library_page"]

GROUPS = {
    "Networks in": ("from_norse", "from_nir", "read_ann", "convert", "example", "Source"),
    "From floats to registers": ("check", "compile", "tune", "place", "Target"),
    "The float network": ("float_reference", "lower", "to_nir", "write_nir"),
    "Run, prove, price": ("run", "verify", "energy", "Trace", "Verdict"),
    "Programs": (
        "read_program",
        "write_program",
        "export",
        "Program",
        "Input",
        "Population",
        "Connection",
        "Dense",
        "Conv",
    ),
    "Errors": ("Snn2hwError",),
}
"""Headings, and the public names under each; together they are all of them."""

HEAD = """# Library

{made}
`import snn2hw as sw` offers these names and loads nothing heavy: each is imported when it is first used. What may be
relied upon: [extend](../extend.md#what-you-may-rely-on).
Errors are of one family, in [errors](errors.md).
"""


def library_page() -> str:
    """Return the page."""
    parts = [HEAD.format(made=MADE)]
    for heading, names in GROUPS.items():
        parts.append(f"## {heading}\n")
        parts += [_entry(name, getattr(snn2hw, name)) for name in names]
    return "\n".join(parts)


def _entry(name: str, thing: Any) -> str:
    """Return one name: how it is called, and what it says of itself."""
    lines = [f"### sw.{name}", "", _block(_signature(name, thing)), "", _prose(inspect.getdoc(thing) or ""), ""]
    if inspect.isclass(thing):
        lines += _methods(name, thing)
    return "\n".join(lines)


def _signature(name: str, thing: Any) -> str:
    """Return the call as its source has it, one parameter a line where it is long."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    assert isinstance(tree, ast.FunctionDef | ast.ClassDef)
    rows, returns = _parameters(tree)
    end = f") -> {returns}" if returns else ")"
    short = f"sw.{name}({', '.join(rows)}{end}"
    return short if len(short) <= 110 else "\n".join([f"sw.{name}(", *(f"    {row}," for row in rows), end])


def _parameters(tree: ast.FunctionDef | ast.ClassDef) -> tuple[list[str], str]:
    """Return what a function or the construction of a class takes, and what it returns."""
    if isinstance(tree, ast.ClassDef):
        made = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        if not made:
            fields = [n for n in tree.body if isinstance(n, ast.AnnAssign)]
            return [ast.unparse(field) for field in fields if "init=False" not in ast.unparse(field)], ""
        return _parameters(made[0])[0], ""
    every = [*tree.args.posonlyargs, *tree.args.args]
    defaults = [None] * (len(every) - len(tree.args.defaults)) + list(tree.args.defaults)
    rows = [_parameter(a, d) for a, d in zip(every, defaults, strict=True) if a.arg not in ("self", "cls")]
    if tree.args.vararg:
        rows.append(f"*{_parameter(tree.args.vararg, None)}")
    elif tree.args.kwonlyargs:
        rows.append("*")
    rows += [_parameter(a, d) for a, d in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)]
    if tree.args.kwarg:
        rows.append(f"**{_parameter(tree.args.kwarg, None)}")
    return rows, ast.unparse(tree.returns).strip("'\"") if tree.returns else ""


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    said = ast.unparse(argument)
    return said if default is None else f"{said} = {ast.unparse(default)}"


def _methods(name: str, thing: type) -> list[str]:
    """Return the methods and properties that a class itself says in public."""
    rows = []
    for key, value in vars(thing).items():
        if key.startswith("_") or not (inspect.isfunction(value) or isinstance(value, property)):
            continue
        first = (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")
        rows.append(f"- `{key}{'' if isinstance(value, property) else '()'}`: {_inline(first)}")
    return [*rows, ""] if rows else []


def _prose(doc: str) -> str:
    """Return a docstring as Markdown: examples and equations stay blocks, a list of arguments becomes a list."""
    parts = []
    for paragraph in re.split(r"\n\n+", doc):
        if paragraph.startswith((">>>", "    ")):
            parts.append(_block(inspect.cleandoc(paragraph)))
        elif re.match(r"(Args|Returns|Raises|Attributes|Yields):\n", paragraph):
            head, _, rest = paragraph.partition("\n")
            parts.append(
                f"{head}\n\n" + _items(inspect.cleandoc(rest), named=head in ("Args:", "Attributes:", "Raises:"))
            )
        else:
            parts.append(_inline(paragraph))
    return "\n\n".join(parts)


def _items(text: str, *, named: bool) -> str:
    """Return the lines of a section, those that are indented with the one above them."""
    joined = re.sub(r"\n\s+", " ", text)
    if not named:
        return _inline(joined)
    return "\n".join(
        "- " + re.sub(r"^(\*{0,2}\w+)(?: \([^)]*\))?: ", r"`\1`: ", _inline(row)) for row in joined.splitlines()
    )


def _inline(text: str) -> str:
    """Return running text: double backticks are single ones here, angle brackets no tags."""
    plain = re.sub(r":\w+:`([^`]*)`", r"`\1`", text.replace("``", "`"))
    return re.sub(r"<(?=\w)", "&lt;", plain)


def _block(text: str) -> str:
    return code(text) if ">>>" in text else code(text).replace("```text", "```", 1)
