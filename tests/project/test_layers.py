"""The packages depend on one another in one direction, and starting up is cheap."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sim", "exporters", "snn2hw")
FORBIDDEN = {
    "sim": {"exporters", "snn2hw", "nir", "norse", "h5py", "onnx", "onnxruntime"},
    "exporters": {"snn2hw", "norse", "torch"},
    "snn2hw": set(),
}
HEAVY = {"torch", "norse", "numba", "onnx", "onnxruntime", "nir", "h5py", "matplotlib", "scipy"}
LAVA_SIDE = {"lava"}
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_dotted(path): path for path in FILES}


def _imports(tree: ast.Module, *, top_level_only: bool) -> set[str]:
    """Return the top-level names that a module imports; inside functions too, unless told otherwise."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    if top_level_only:
        lazy = {
            inner
            for n in ast.walk(tree)
            if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(n)
            for inner in ast.walk(n)
        }
        nodes = [n for n in nodes if n not in lazy]
    names = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports inside the project are absolute"
            names.add((node.module or "").split(".")[0])
        else:
            names |= {alias.name.split(".")[0] for alias in node.names}
    return names


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may_know(path):
    package = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not _imports(tree, top_level_only=False) & FORBIDDEN[package]


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "sim")], ids=lambda p: p.stem)
def test_the_simulator_imports_torch_and_numba_only_where_they_are_used(path):
    inside_numba = path.is_relative_to(ROOT / "sim" / "fast")
    heavy = {"torch", "matplotlib", "scipy"} | (set() if inside_numba else {"numba"})
    assert not _imports(ast.parse(path.read_text(encoding="utf-8")), top_level_only=True) & heavy


@pytest.mark.parametrize("package", ["", *PACKAGES])
def test_no_module_bears_the_name_of_a_third_party_package(package):
    taken = HEAVY | LAVA_SIDE | {"numpy", "norse", "snntorch", "sinabs"}
    paths = (ROOT / package).rglob("*.py") if package else ROOT.glob("*.py")
    assert not {p.stem for p in paths} & taken


def test_no_two_modules_need_one_another():
    """Also where an import is for types alone or waits inside a function."""
    TopologicalSorter({name: _needs(path, MODULES) - {name} for name, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_rooms_of_a_package_need_one_another(package):
    """A room is a folder, or a module beside the folders, right below its package."""
    needs = {}
    for name, path in MODULES.items():
        if name.startswith(f"{package}."):
            needs.setdefault(_room(name), set()).update(_room(other) for other in _needs(path, MODULES))
    TopologicalSorter({room: needed - {room} for room, needed in needs.items()}).prepare()


def _room(module):
    return ".".join(module.split(".")[:2])


def _needs(path, modules):
    """Return our modules that this one imports; a package is needed where a name is taken from it."""
    nodes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ImportFrom)]
    names = {(f"{n.module}.{alias.name}", n.module) for n in nodes for alias in n.names}
    return {whole if whole in modules else package for whole, package in names} & modules.keys()


def test_every_error_of_the_tree_is_raised_from_one_root():
    from sim import errors

    assert all(issubclass(getattr(errors, name), errors.Snn2hwError) for name in errors.__all__)


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, snn2hw; print(sorted(set(sys.modules) & {HEAVY!r}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_importing_the_package_takes_less_than_a_third_of_a_second():
    code = "import time; t = time.process_time(); import snn2hw; print(time.process_time() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    assert min(float(r.stdout) for r in runs) < 0.3


def test_every_public_name_of_the_facade_can_be_had():
    import snn2hw

    assert all(getattr(snn2hw, name) is not None for name in snn2hw.__all__)
    assert set(snn2hw.__all__) <= set(dir(snn2hw))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = snn2hw.nothing


def test_no_module_hides_a_public_name_of_the_facade():
    import snn2hw

    modules = {p.stem for p in (ROOT / "snn2hw").glob("*.py")} | {
        p.name for p in (ROOT / "snn2hw").iterdir() if p.is_dir()
    }
    assert not set(snn2hw.__all__) & modules


def test_somebody_elses_sim_package_is_refused_by_name(tmp_path):
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import snn2hw"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert done.returncode == 1
    assert "snn2hw needs its own package 'sim'" in done.stderr


def test_files_stay_short():
    long = [
        str(p.relative_to(ROOT)) for p in ROOT.glob("**/*.py") if _ours(p) and len(p.read_text().splitlines()) > 400
    ]
    assert not long


def _ours(path: Path) -> bool:
    return not any(part.startswith(".") or part in ("build", "dist") for part in path.relative_to(ROOT).parts)
