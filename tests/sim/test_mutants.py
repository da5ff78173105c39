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

LOIHI = "arithmetic/loihi.py"
MUTANTS = {
    "threshold reached fires": (LOIHI, '(0 if neurons.properties["at_threshold"] else 1)', "0"),
    "decay floors": (LOIHI, "np.sign(x) * (kept >> 12)", "(x * (DECAY_ONE - d)) >> 12"),
    "du without plus one": (
        LOIHI,
        'grown = decay(before["u"], neurons["du"] + 1)',
        'grown = decay(before["u"], neurons["du"])',
    ),
    "dv with plus one": (
        LOIHI,
        'raised = decay(before["v"], neurons["dv"])',
        'raised = decay(before["v"], neurons["dv"] + 1)',
    ),
    "reset by subtraction always": (
        LOIHI,
        "np.where(z, 0, v)",
        'v - z * (neurons["vth"] << VTH_SHIFT)',
    ),
    "reset takes u along": (
        LOIHI,
        'Stepped({"u": u,',
        'Stepped({"u": np.where(z, 0, u),',
    ),
    "delay off by one": ("reference.py", "raster[:, t].astype", "raster[:, max(t - 1, 0)].astype"),
    "messages before step 0": (
        "reference.py",
        "if t < connection.lag:",
        "if t < connection.lag - len(sent[connection.source]):",
    ),
    "bias exponent ignored": (
        LOIHI,
        '(neurons["bias_mantissa"] << neurons["bias_exponent"])\n    v =',
        'neurons["bias_mantissa"]\n    v =',
    ),
    "clip is two's complement": (LOIHI, "np.clip(x, -V_MAX, V_MAX)", "np.clip(x, -V_MAX - 1, V_MAX)"),
    "wrap maps 2^23": (LOIHI, "np.where(x > WRAP,", "np.where(x >= WRAP,"),
    "wrap keeps -2^23": (LOIHI, "np.where(x <= -WRAP,", "np.where(x < -WRAP,"),
    "exponent shifts each weight": (
        "reference.py",
        "shift(apply(connection.wiring, messages, source, self.population.shape), connection.exponent)",
        "apply(type(connection.wiring)(**{**vars(connection.wiring), 'weight':"
        " shift(connection.wiring.weight.astype(np.int64), connection.exponent)}),"
        " messages, source, self.population.shape)",
    ),
    "padding counts as synapses": (
        "wiring.py",
        "padded[:, pad_y : pad_y + height, pad_x : pad_x + width]",
        "padded[:, :height, :width]",
    ),
    "stride ignored in fan-out": ("wiring.py", "reached[:, ky, kx, None, None]", "reached[:, 0, 0, None, None]"),
    "zero weights are synapses": ("wiring.py", "(conv.weight != 0)", "np.ones_like(conv.weight, dtype=bool)"),
    "graded messages count by size": ("reference.py", "met = present if", "met = np.abs(messages) if"),
    "kernel flipped": ("wiring.py", "conv.weight[write, :, ky, kx].T", "conv.weight[write, :, -1 - ky, -1 - kx].T"),
    "readouts fire": (LOIHI, " & neurons.fires", ""),
    "at_threshold never": (LOIHI, '(0 if neurons.properties["at_threshold"] else 1)', "1"),
    "count one too many": (LOIHI, "(v - bar) // theta + 1)", "(v - bar) // theta + 2)"),
    "count compares the residue strictly": (LOIHI, "(v - bar) // theta + 1)", "(v - 1) // theta)"),
    "count without its limit": (LOIHI, "np.minimum(most, (v - bar) // theta + 1)", "(v - bar) // theta + 1"),
    "one threshold taken off for many spikes": (LOIHI, "v - z * (", "v - (z > 0) * ("),
    "rest one step too long": (LOIHI, "np.where(z > 0, pause,", "np.where(z > 0, pause + 1,"),
    "rest one step too short": (LOIHI, "np.where(z > 0, pause,", "np.where(z > 0, pause - 1,"),
    "rest holds u as well": (
        LOIHI,
        "v, z, clipped = np.where(held,",
        'u, v, z, clipped = np.where(held, before["u"], u), np.where(held,',
    ),
    "rest lets v go on": (LOIHI, 'np.where(held, before["v"], v), np.where(held, 0, z)', "v, np.where(held, 0, z)"),
    "rest sends": (LOIHI, "np.where(held, 0, z), clipped", "z, clipped"),
    "rest counts clips": (LOIHI, "clipped & ~held", "clipped"),
    "no reset resets": (LOIHI, 'case "none":\n            after = v', 'case "none":\n            after = v * (z == 0)'),
    "a message of several spikes is several synops": (LOIHI, 'name="loihi",', 'name="loihi", synop_of="spike",'),
    "messages counted as spikes": ("reference.py", "_per_sample(made.sent != 0)", "_per_sample(made.sent)"),
    "spikes counted as messages": ("reference.py", "_per_sample(made.sent)", "_per_sample(made.sent != 0)"),
    "initial u forgotten": ("reference.py", "self.neurons[s.initial]", "(s.name != 'u') * self.neurons[s.initial]"),
}


XYLO, ARRIVAL = "arithmetic/xylo.py", "arrival.py"
XYLO_MUTANTS = {
    "a dash of 0": (XYLO, "np.where((lost == 0) & (x > 0), 1, lost)", "lost"),
    "a dash of 1 from 0 on": (XYLO, "(lost == 0) & (x > 0)", "(lost == 0) & (x >= 0)"),
    "dash rounds toward zero": (XYLO, "x >> n, dtype", "np.sign(x) * (np.abs(x) >> n), dtype"),
    "one value less at the lower end": (XYLO, "return np.clip(x, LEAST, MOST)", "return np.clip(x, LEAST + 1, MOST)"),
    "one value more at the upper end": (XYLO, "return np.clip(x, LEAST, MOST)", "return np.clip(x, LEAST, MOST + 1)"),
    "states wrap": (XYLO, "return np.clip(x, LEAST, MOST)", "return (x - LEAST) % (1 << 16) + LEAST"),
    "the negation of -2^15 has 17 bits": (XYLO, "np.where(x == LEAST, LEAST, -x)", "-x"),
    "the current decays before its input": (
        XYLO,
        '_decayed(before["i"] + a[0], neurons["dash_syn"])',
        '_decayed(before["i"], neurons["dash_syn"]) + a[0]',
    ),
    "v decays after its input": (
        XYLO,
        "second = saturate(first)",
        'first = first + dash(before["v"], neurons["dash_mem"]) - dash(before["v"] + first, neurons["dash_mem"])\n'
        "    second = saturate(first)",
    ),
    "both currents decay alike": (
        XYLO,
        'before["i2"] + a[1], neurons["dash_syn2"]',
        'before["i2"] + a[1], neurons["dash_syn"]',
    ),
    "currents and bias saturate together": (XYLO, "second = saturate(first)", "second = first"),
    "v and its change saturate together": (XYLO, 'before["v"] + saturate(second)', 'before["v"] + second'),
    "fires above the threshold": (
        XYLO,
        "np.where((v >= theta) & neurons.fires",
        "np.where((v > theta) & neurons.fires",
    ),
    "one spike in a step": (XYLO, 'np.minimum(v // theta, neurons.properties["most"])', "1"),
    "spikes without their limit": (XYLO, 'np.minimum(v // theta, neurons.properties["most"])', "v // theta"),
    "one spike more than fits": (XYLO, "np.minimum(v // theta,", "np.minimum(v // theta + 1,"),
    "one threshold taken off for many spikes": (XYLO, '"v": v - z * theta', '"v": v - (z > 0) * theta'),
    "reset to zero": (XYLO, '"v": v - z * theta', '"v": np.where(z, 0, v)'),
    "saturation of v not counted": (XYLO, " | _outside(third)", ""),
    "a message of z is one synop": (XYLO, 'synop_of="spike"', 'synop_of="message"'),
    "one port": (ARRIVAL, "return self.population.inputs[index].port", "return 0"),
    "weights are not shifted": (ARRIVAL, "product << self.population.inputs[index].exponent", "product"),
    "weights are not shifted one by one": (ARRIVAL, " << connection.exponent", ""),
    "sums saturate once a step": (ARRIVAL, "if careful.any():", "if False:"),
    "careful only where the whole sum leaves": (
        ARRIVAL,
        "(state + up > limits[1]) | (state + down < limits[0])",
        "(state + up + down > limits[1]) | (state + up + down < limits[0])",
    ),
    "sources arrive backwards": (ARRIVAL, "key=lambda i: (position", "reverse=True, key=lambda i: (position"),
    "saturated currents not counted": (ARRIVAL, "clipped |= x != grown", "clipped |= x > grown + 1"),
}


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
    outcome = outcomes[name]
    assert outcome.returncode == 1, outcome.stderr
    assert outcome.stdout.startswith(("seed ", "edges: ")), outcome.stdout + outcome.stderr


def test_the_unchanged_copy_passes_for_xylo(xylo_outcomes):
    assert xylo_outcomes["unchanged"].stdout == f"{CASES} cases equal\n", xylo_outcomes["unchanged"].stderr


@pytest.mark.parametrize("name", XYLO_MUTANTS)
def test_mutant_of_xylo_is_killed_by_a_comparison_and_not_by_a_crash(xylo_outcomes, name):
    outcome = xylo_outcomes[name]
    assert outcome.returncode == 1, outcome.stderr
    assert outcome.stdout.startswith("seed "), outcome.stdout + outcome.stderr
