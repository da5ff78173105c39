"""Mutants of a text: changes as cosmic-ray knows them, one for each place and kind, none that no run tells apart."""

import ast
import difflib
import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

__all__ = ["Mutant", "drawn", "mutated"]


class Mutant(NamedTuple):
    """One change of one file."""

    file: str
    line: int
    column: int
    operator: str
    occurrence: int
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it whatever line it stands in."""
        return self.file, self.before, self.after


def drawn(texts: Mapping[str, str], sample: int, seed: str) -> list[Mutant]:
    """Return mutants of some files: at most one for each place and kind of change, as the seed draws them."""
    random_ = random.Random(seed)
    chosen = []
    for file, text in texts.items():
        places: dict[tuple[int, int, str], list[tuple[str, int]]] = {}
        for line, column, operator, occurrence in _all(text):
            kind = operator.split("/")[1].split("_")[0]
            places.setdefault((line, column, kind), []).append((operator, occurrence))
        chosen += [(file, text, place, random_.sample(all_, len(all_))) for place, all_ in sorted(places.items())]
    random_.shuffle(chosen)
    found: list[Mutant] = []
    for file, text, (line, column, _), operators in chosen:
        made = (_mutant(file, text, line, column, *change) for change in operators)
        found += [m for m in (next((m for m in made if m is not None), None),) if m is not None]
        if len(found) == sample:
            break
    return found


def _all(text: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield line, column, operator and occurrence of every change that cosmic-ray knows for a text."""
    nodes = list(ast_nodes(get_ast(text)))
    for name in operator_names():
        operator_class = get_operator(name)
        if operator_class.arguments() or name == "core/NoOp":
            continue
        operator, occurrence = operator_class(), 0
        for node in nodes:
            for (line, column), _ in operator.mutation_positions(node):
                yield line, column, name, occurrence
                occurrence += 1


def _mutant(file: str, text: str, line: int, column: int, operator: str, occurrence: int) -> Mutant | None:
    """Return a mutant, or None where no run could tell it from the original: in annotations and what types ask for."""
    changed = mutated(text, operator, occurrence)
    try:
        tree = ast.parse(changed)
    except SyntaxError:
        return None
    if _meaning(tree) == _meaning(ast.parse(text)):
        return None
    lines = list(difflib.unified_diff(text.splitlines(), changed.splitlines(), n=0, lineterm=""))[3:]
    before, after = (" ".join(x[1:].strip() for x in lines if x.startswith(sign)).strip() for sign in "-+")
    return Mutant(file, line, column, operator, occurrence, before, after)


def mutated(text: str, operator: str, occurrence: int) -> str:
    """Return the text with one change."""
    changed = mutate_code(text, get_operator(operator)(), occurrence)
    assert isinstance(changed, str)
    return changed


class _Meaning(ast.NodeTransformer):
    """Leave out what no run sees: annotations of arguments, results and locals, and aliases of types."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        """By place or by name alone: who calls keeps to it, and mypy holds him to it."""
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults = [*node.defaults, *(d for d in node.kw_defaults if d is not None)]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """To `reshape` every negative side is the one to be found out."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            node.args = [ast.Constant(-1) if _negative(a) else a for a in node.args]
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in ("Mapping", "Callable", "NDArray", "tuple", "dict"):
            node.slice = ast.Constant(None)
        return self.generic_visit(node)


def _negative(node: ast.expr) -> bool:
    if not isinstance(node, ast.UnaryOp) or not isinstance(node.operand, ast.Constant):
        return False
    number = node.operand.value
    return (isinstance(node.op, ast.USub) and number > 0) or isinstance(node.op, ast.Invert)


def _meaning(tree: ast.Module) -> str:
    return ast.dump(_Meaning().visit(tree))
