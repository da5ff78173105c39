"""The wheel installs three packages and nothing else beside them, with every file that they read."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Build the wheel from what git tracks and return the names in it."""
    made = tmp_path_factory.mktemp("wheel")
    source = made / "source"
    source.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    words = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(made),
        str(source),
    ]
    subprocess.run(words, check=True, capture_output=True)
    with zipfile.ZipFile(next(made.glob("*.whl"))) as archive:
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
