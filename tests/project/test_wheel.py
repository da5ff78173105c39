"""The wheel installs three packages and nothing else beside them, with every file that they read."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _sources(folder):
    """Copy what git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def _wheel(source, folder):
    """Build the wheel of a source tree or of an sdist."""
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*words, str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from what git tracks."""
    made = tmp_path_factory.mktemp("wheel")
    return _wheel(_sources(made / "source"), made)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Build the archive of sources from what git tracks."""
    made = tmp_path_factory.mktemp("sdist")
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(made)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=_sources(made / "source"), check=True, capture_output=True)
    return next(made.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def names(wheel):
    """Return the names in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_top_level_of_the_wheel_is_our_three_packages(names):
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"sim", "exporters", "snn2hw"}


@pytest.mark.parametrize(
    "needed",
    [
        "sim/py.typed",
        "exporters/c_export/runtime/snn_runtime.c",
        "exporters/onnx_export/run_onnx.py",
        "exporters/lava/standalone/run_lava.py",
        "exporters/lava/standalone/own/processes.py",
        "exporters/lava/worker/worker.py",
        "snn2hw/chips/loihi1.toml",
        "snn2hw/costs/tables/loihi1_davies2018.toml",
        "snn2hw/demo/data/network.nir",
        "snn2hw/demo/data/cnn.onnx",
        "snn2hw/page/template/page.html",
        "snn2hw/page/template/rows.js",
        "snn2hw/page/template/uplot/uPlot.iife.min.js",
        "snn2hw/page/template/uplot/LICENSE",
        "snn2hw/schemas/report.schema.json",
        "snn2hw/schemas/verdict.schema.json",
        "snn2hw/zoo/keywords.nir",
    ],
)
def test_what_the_code_reads_is_in_the_wheel(names, needed):
    assert needed in names


def test_the_command_of_the_wheel_leads_to_a_function():
    import tomllib
    from importlib import import_module

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for place in scripts.values():
        module, _, name = place.partition(":")
        assert callable(getattr(import_module(module), name))


def test_the_wheel_offers_its_fixtures_to_pytest(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        assert "[pytest11]\nsnn2hw = snn2hw.pytest_plugin\n" in archive.read(name).decode()


BESIDE = {"lava", "c"}
"""What needs an environment of its own, or a compiler of the system: a clean one may lack it."""


def _python(minor):
    """Return a Python that runs: on the path, where a shim of pyenv may stand that does not, else one of pyenv's."""
    name = f"python3.{minor}"
    places = [shutil.which(name), *(Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/{name}")]
    for place in filter(None, places):
        if subprocess.run([place, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return str(place)
    return pytest.skip(f"there is no Python 3.{minor} on this machine")


@pytest.mark.full
@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_built_installs_alone_and_shows_that_all_executors_agree(tmp_path, request, minor, kind):
    """In an environment with nothing else, on every Python that is here: the demonstration's verdict."""
    python, built = _python(minor), request.getfixturevalue(kind)
    subprocess.run([python, "-m", "venv", str(tmp_path / "env")], check=True)
    own = tmp_path / "env" / "bin" / "python"
    words = [str(own), "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), f"{built}[demo]"]
    installed = subprocess.run(words, capture_output=True, text=True, check=False)
    if "No matching distribution" in installed.stderr:
        pytest.skip(f"a package of the constraints has no wheel for {Path(python).name}")
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "here").mkdir()
    words = [str(tmp_path / "env" / "bin" / "snn2hw"), "demo", "-o", "out"]
    done = subprocess.run(words, cwd=tmp_path / "here", capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    verdict = json.loads((tmp_path / "here" / "out" / "verdict.json").read_text(encoding="utf-8"))
    said = {row["executor"]: row["status"] for row in verdict["rows"]}
    missing = {name for name, status in said.items() if status == "unavailable"}
    assert missing <= BESIDE, "what the environment itself brings is there"
    assert {said[name] for name in said.keys() - missing - {"reference"}} == {"equal"}, said
    assert said.keys() - missing >= {"reference", "fast", "onnx"}
