"""Each known way to get the machine wrong is put into a copy of it, and the comparison with the oracle must go red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rows import a_third, listed

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


def outcome_of(folder, module, mutant=None):
    """Run a copy, unchanged or with a mutant's text in it."""
    shutil.copytree(ROOT / "sim", folder / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        file, old, new = mutant
        text = (folder / "sim" / file).read_text()
        assert text.count(old) == 1, f"the text to mutate stands {text.count(old)} times in {file}"
        (folder / "sim" / file).write_text(text.replace(old, new))
    return _battery(folder, module)


def assert_killed(outcome, *cases):
    """Check that it ended at a comparison of such a case: a crash exits with 1 too, but names none."""
    assert outcome.returncode == 1, outcome.stderr
    assert outcome.stdout.startswith(cases), outcome.stdout + outcome.stderr


def test_the_unchanged_copy_passes(tmp_path):
    outcome = outcome_of(tmp_path, "tests.sim.battery")
    assert outcome.stdout == f"{CASES + 1} cases equal\n", outcome.stderr


@pytest.mark.parametrize("name", a_third(MUTANTS))
def test_mutant_is_killed_by_a_comparison_and_not_by_a_crash(name, tmp_path):
    assert_killed(outcome_of(tmp_path, "tests.sim.battery", MUTANTS[name]), "seed ", "edges: ")


def test_the_unchanged_copy_passes_for_xylo(tmp_path):
    outcome = outcome_of(tmp_path, "tests.sim.xylo_battery")
    assert outcome.stdout == f"{CASES} cases equal\n", outcome.stderr


@pytest.mark.parametrize("name", a_third(XYLO_MUTANTS))
def test_mutant_of_xylo_is_killed_by_a_comparison_and_not_by_a_crash(name, tmp_path):
    assert_killed(outcome_of(tmp_path, "tests.sim.xylo_battery", XYLO_MUTANTS[name]), "seed ")
