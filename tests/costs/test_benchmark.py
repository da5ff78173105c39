"""benchmarks/energy.py on a small case: it counts again, and writes the files docs/results.md is made of."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from exporters.program_file import write_program
from snn2hw.files.rasters import write_npz, write_raster
from tests.costs.test_report import program, raster, write_cnn

FILE = Path(__file__).parents[2] / "benchmarks" / "energy.py"


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FILE.parent))
    spec = importlib.util.spec_from_file_location("benchmark_energy", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    files = [tmp_path / n for n in ("p.nir", "x.npz", "cnn.onnx", "f.npz")]
    write_program(program(), files[0])
    write_raster(files[1], raster(samples=23), np.arange(23) % 3)
    write_cnn(files[2])
    samples = np.random.default_rng(2).standard_normal((23, 1, 6, 6)).astype(np.float32)
    write_npz(files[3], {"features": samples, "labels": np.arange(23) % 3})
    words = ["--case", "Small one", *map(str, files), "--engine", "reference", "-o", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["energy.py", *words])
    return module


def test_the_benchmark_writes_its_table_numbers_and_pictures(benchmark: ModuleType, tmp_path: Path) -> None:
    assert benchmark.main() == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["break-even-small-one.png", "energy-small-one.png", "energy.json", "energy.md"]
    case = json.loads((tmp_path / "out" / "energy.json").read_text())["cases"][0]
    assert (case["recounted_samples"], case["report"]["digest"]) == (23, program().digest)
    table = (tmp_path / "out" / "energy.md").read_text().splitlines()
    assert table[2].startswith("| Small one | ")
    assert "the SNN loses" in table[2]


def test_a_wrong_synop_count_ends_the_benchmark(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_too_many(*arguments: object) -> dict[str, np.ndarray]:
        from snn2hw.costs.recount import recount_synops

        return {name: rows + 1 for name, rows in recount_synops(*arguments).items()}  # type: ignore[arg-type]  # handed on as they come

    monkeypatch.setattr(benchmark, "recount_synops", one_too_many)
    with pytest.raises(AssertionError, match="conv"):
        benchmark.main()
