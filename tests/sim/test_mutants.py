"""Each known way to get the machine wrong is put into a copy of it, and the comparison with the oracle must go red."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.rows import listed

ROOT = Path(__file__).parents[2]
CASES = 40

LISTS = Path(__file__).with_name("mutants.toml")
MUTANTS, XYLO_MUTANTS = listed(LISTS, "loihi"), listed(LISTS, "xylo")


def _battery(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, str(CASES)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def outcomes_of(make_folder, mutants, module):
    """Run the unchanged copy and every mutant, two at a time."""
    folders = {}
    for name in ("unchanged", *mutants):
        folder = folders[name] = make_folder("copy")
        shutil.copytree(ROOT / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))
        if name in mutants:
            file, old, new = mutants[name]
            text = (folder / "sim" / file).read_text()
            assert text.count(old) == 1, f"{name}: the text to mutate stands {text.count(old)} times in {file}"
            (folder / "sim" / file).write_text(text.replace(old, new))
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(_battery, folders.values(), [module] * len(folders))
        return dict(zip(folders, runs, strict=True))


def assert_killed(outcome, *cases):
    """Check that it ended at a comparison of such a case: a crash exits with 1 too, but names none."""
    assert outcome.returncode == 1, outcome.stderr
    assert outcome.stdout.startswith(cases), outcome.stdout + outcome.stderr


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return outcomes_of(tmp_path_factory.mktemp, MUTANTS, "tests.sim.battery")


@pytest.fixture(scope="module")
def xylo_outcomes(tmp_path_factory):
    return outcomes_of(tmp_path_factory.mktemp, XYLO_MUTANTS, "tests.sim.xylo_battery")


def test_the_unchanged_copy_passes(outcomes):
    assert outcomes["unchanged"].stdout == f"{CASES + 1} cases equal\n", outcomes["unchanged"].stderr


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed_by_a_comparison_and_not_by_a_crash(outcomes, name):
    assert_killed(outcomes[name], "seed ", "edges: ")


def test_the_unchanged_copy_passes_for_xylo(xylo_outcomes):
    assert xylo_outcomes["unchanged"].stdout == f"{CASES} cases equal\n", xylo_outcomes["unchanged"].stderr


@pytest.mark.parametrize("name", XYLO_MUTANTS)
def test_mutant_of_xylo_is_killed_by_a_comparison_and_not_by_a_crash(xylo_outcomes, name):
    assert_killed(xylo_outcomes[name], "seed ")
