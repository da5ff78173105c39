"""Nothing that is built from the same input comes out different: digests, traces, bounds, floats, files, answers.

`make_digests` wrote what an earlier state of snn2hw did. Where a test here fails, programs that users compiled before
are no longer those that the same input gives, or their files no longer do what they did.
"""

import json
import warnings

import numpy as np
import pytest

import snn2hw as sw
from tests.golden import inside
from tests.golden.kept import DIGESTS, FLOAT_ARRAYS, FLOATS, PROGRAM_FILES, PROGRAMS, SECTIONS
from tests.golden.machine import machine
from tests.golden.make_digests import main as make_digests
from tests.golden.measure import float_arrays, samples_of, trace_sha
from tests.golden.pairs import PAIRS
from tests.golden.sources import SOURCES
from tests.rows import a_third

KEPT = json.loads(DIGESTS.read_text(encoding="utf-8"))
TRAINS = {"tune"}
CASES = [(section, name) for section, cases in SECTIONS.items() for name in cases]
FEWEST_PAIRS = 40
FOLDED = {"norse/feedback by hand": 2e-16}
"""Sources in which maps follow one another whose product (by 0.3) is no multiple of 1/1024: it rounds once, not twice.
"""


def changed(before, after, place: str = "") -> list[str]:
    """Return where two JSON values differ, and how."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        pairs = ((before.get(key, "absent"), after.get(key, "absent"), f"{place}/{key}") for key in keys)
        return [line for old, new, where in pairs for line in changed(old, new, where)]
    return [] if before == after else [f"{place}: {_short(before)} became {_short(after)}"]


def _short(value) -> str:
    text = str(value)
    return f"{text[:12]}.." if len(text) == 64 and " " not in text else text[:300]


@pytest.mark.parametrize(("section", "name"), CASES, ids=[f"{section}: {name}" for section, name in CASES])
def test_it_is_what_it_was(section, name):
    if name in TRAINS and section == "commands" and KEPT["made on"] != machine():
        pytest.skip(f"trained weights are those of {KEPT['made on']}, here is {machine()}")
    found = json.loads(json.dumps(SECTIONS[section][name]()))
    assert changed(KEPT[section][name], found) == []


@pytest.mark.parametrize("name", FLOATS)
def test_the_float_machine_answers_what_it_answered(name):
    found = float_arrays(name)
    with np.load(FLOAT_ARRAYS) as kept:
        before = {key: kept[key] for key in kept if key.startswith(f"{name}|")}
    assert sorted(found) == sorted(before)
    slack = FOLDED.get(name, 0.0)
    differing = [key for key, array in before.items() if not (np.abs(array - found[key]) <= slack).all()]
    assert differing == [], {key: float(np.abs(before[key] - found[key]).max()) for key in differing}


@pytest.mark.parametrize("name", a_third(PROGRAMS))
def test_a_program_file_of_before_is_verified_and_certified_today(name):
    path = PROGRAM_FILES / f"{name}.nir"
    program = sw.read_program(path)
    assert inside.main(["certify", str(path)]) == 0
    assert inside.read_program_file(path).attachments["certificate"]["digest"] == program.digest
    executors = ("reference", "fast", "torch", "nir") + (("onnx",) if name in ("spotter", "graded") else ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = sw.verify(program, samples_of(program), against=executors)
    assert verdict.equal, [row for row in verdict.rows if row.status not in ("baseline", "equal")]
    assert trace_sha(program, engine="fast") == KEPT["read"][name]["trace"]


def test_what_is_kept_is_all_there_is_and_enough():
    assert {section: list(KEPT[section]) for section in SECTIONS} == {s: list(cases) for s, cases in SECTIONS.items()}
    assert len(SOURCES) >= 24
    assert len(PAIRS) >= 40
    assert sum("refused" not in facts for facts in KEPT["compiled"].values()) >= FEWEST_PAIRS
    assert len({facts["digest"] for facts in KEPT["compiled"].values() if "digest" in facts}) > 0.9 * len(PAIRS)


def test_nothing_that_is_kept_is_overwritten_unasked(capsys):
    before = DIGESTS.read_bytes()
    assert make_digests([]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert DIGESTS.read_bytes() == before


def test_a_difference_is_named():
    before = {"a": {"digest": "x" * 64, "b": 1}, "c": [1]}
    assert changed(before, {"a": {"digest": "y" * 64, "b": 1}, "c": [2], "d": 0}) == [
        "/a/digest: xxxxxxxxxxxx.. became yyyyyyyyyyyy..",
        "/c: [1] became [2]",
        "/d: absent became 0",
    ]
