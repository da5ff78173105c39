"""Each known way to get the machine wrong is put into a copy of it, and the comparison with the oracle must go red."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = 40

MUTANTS = {
    "threshold reached fires": ("reference.py", "(v > self.threshold)", "(v >= self.threshold)"),
    "decay floors": ("arithmetic.py", "np.sign(x) * (kept >> 12)", "(x * (DECAY_ONE - d)) >> 12"),
    "du without plus one": ("reference.py", "population.du.astype(np.int64) + 1", "population.du.astype(np.int64)"),
    "dv with plus one": ("reference.py", "population.dv.astype(np.int64))", "population.dv.astype(np.int64) + 1)"),
    "reset by subtraction always": (
        "reference.py",
        "np.where(self.z, 0, v)",
        "np.where(self.z, v - self.threshold, v)",
    ),
    "reset takes u along": (
        "reference.py",
        "self.spikes += ",
        "self.u = np.where(self.z, 0, self.u)\n        self.spikes += ",
    ),
    "delay off by one": ("reference.py", "raster[:, t].astype", "raster[:, max(t - 1, 0)].astype"),
    "messages before step 0": ("reference.py", "if t < connection.lag:", "if False:"),
    "bias exponent ignored": ("reference.py", " << population.bias_exponent", ""),
    "clip is two's complement": ("arithmetic.py", "np.clip(x, -V_MAX, V_MAX)", "np.clip(x, -V_MAX - 1, V_MAX)"),
    "wrap maps 2^23": ("arithmetic.py", "np.where(x > WRAP,", "np.where(x >= WRAP,"),
    "wrap keeps -2^23": ("arithmetic.py", "np.where(x <= -WRAP,", "np.where(x < -WRAP,"),
    "exponent shifts each weight": (
        "reference.py",
        "shift(apply(connection.wiring, messages, source, population.shape), connection.exponent)",
        "apply(type(connection.wiring)(**{**vars(connection.wiring), 'weight':"
        " shift(connection.wiring.weight.astype(np.int64), connection.exponent)}), messages, source, population.shape)",
    ),
    "padding counts as synapses": (
        "wiring.py",
        "padded[:, pad_y : pad_y + height, pad_x : pad_x + width]",
        "padded[:, :height, :width]",
    ),
    "stride ignored in fan-out": ("wiring.py", "reached[:, ky, kx, None, None]", "reached[:, 0, 0, None, None]"),
    "zero weights are synapses": ("wiring.py", "(conv.weight != 0)", "np.ones_like(conv.weight, dtype=bool)"),
    "graded messages count by size": ("reference.py", "_per_sample(present * ", "_per_sample(np.abs(messages) * "),
    "kernel flipped": ("wiring.py", "conv.weight[write, :, ky, kx].T", "conv.weight[write, :, -1 - ky, -1 - kx].T"),
    "readouts fire": ("reference.py", " & population.fires", ""),
    "initial u forgotten": ("reference.py", "population.u0.astype(np.int64)", "0 * population.u0.astype(np.int64)"),
}


def _battery(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.sim.battery", str(CASES)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Run the unchanged copy and every mutant, two at a time."""
    folders = {}
    for name in ("unchanged", *MUTANTS):
        folder = folders[name] = tmp_path_factory.mktemp("copy")
        shutil.copytree(ROOT / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))
        if name in MUTANTS:
            file, old, new = MUTANTS[name]
            text = (folder / "sim" / file).read_text()
            assert text.count(old) == 1, f"{name}: the text to mutate stands {text.count(old)} times in {file}"
            (folder / "sim" / file).write_text(text.replace(old, new))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(folders, pool.map(_battery, folders.values()), strict=True))


def test_the_unchanged_copy_passes(outcomes):
    assert outcomes["unchanged"].stdout == f"{CASES + 1} cases equal\n", outcomes["unchanged"].stderr


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed_by_a_comparison_and_not_by_a_crash(outcomes, name):
    outcome = outcomes[name]
    assert outcome.returncode == 1, outcome.stderr
    assert outcome.stdout.startswith(("seed ", "edges: ")), outcome.stdout + outcome.stderr
