"""A second arithmetic is this one module and a line in the registry: everything that depends on registers follows it.

It is a toy: one state of 16 bits that saturates, a leak by shifting, a threshold that may count when just reached.
"""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from exporters.c_export.tables import program_c
from exporters.nir_export.difference import program_difference
from exporters.program_file import read_program, write_program
from exporters.registry import EXPORTERS, export
from exporters.to_golden import execute as execute_golden
from exporters.to_nir import execute as execute_nir
from sim.arithmetic import description
from sim.arithmetic.description import Reached, RealDynamics, Stepped
from sim.arithmetic.registry import ARITHMETICS
from sim.compare import first_divergence, recorded_of
from sim.engines import run
from sim.errors import FileError, InputError, MachineError, ProgramError, Snn2hwError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.chips.limits import refuse_beyond
from snn2hw.chips.target import read_target
from snn2hw.compiler.certify import certify
from snn2hw.compiler.checker import check_certificate
from snn2hw.costs.workload import spiking_workload

ALL = ("spikes", "m")
LEAST, MOST = -(1 << 15), (1 << 15) - 1


def _raised(neurons, v, a):
    """Return v before it saturates, and after: it leaks by v >> leak, adds, and never falls below the floor."""
    raised = np.maximum(v - (v >> neurons["leak"]) + a + neurons["push"], neurons["floor"])
    return raised, np.clip(raised, LEAST, MOST)


def _step(neurons, before, a):
    raised, v = _raised(neurons, before["m"], a)
    reached = v >= neurons["theta"] if neurons.properties["at_threshold"] else v > neurons["theta"]
    z = (reached & neurons.fires).astype(np.int64)
    return Stepped({"m": v - z * neurons["theta"]}, z, np.zeros_like(reached), v != raised)


def _interval(neurons, before, a):
    raised, (low, high) = _raised(neurons, before["m"], a)
    fired = np.minimum(low, neurons["theta"] * 0) if neurons.fires else low
    return Reached({"m": raised}, {"m": np.stack([np.minimum(low, fired), high])})


def _dynamics(neurons):
    return RealDynamics(
        share_u=np.ones(neurons["leak"].shape),
        share_v=2.0 ** -neurons["leak"],
        drive=neurons["push"].astype(float),
        threshold=neurons["theta"].astype(float),
        v0=neurons["m0"].astype(float),
    )


BARE = description.Arithmetic(
    name="toy",
    step=_step,
    interval=_interval,
    dynamics=_dynamics,
    registers=(
        description.Register("leak", (1, 15), default=4),
        description.Register("theta", (1, 1023), default=1),
        description.Register("push", (-128, 127)),
        description.Register("floor", (LEAST, 0), default=LEAST, optional=True),
        description.Register("m0", (LEAST, MOST)),
    ),
    states=(description.StateVariable("m", initial="m0", bits=16, overflow="clips"),),
    accumulator=description.Accumulator(1 << 18, bits=19),
    resets=("subtract",),
    exponents=(0, 8),
    messages=(0, 255),
    weight_rules=("signed",),
)
ARITHMETIC = replace(
    BARE, properties=(description.Property("at_threshold", False), description.Property("rest", 0, (0, 62)))
)
"""What the registry finds under this module's name."""

CHIP = """
name = "toychip"
title = "A toy"
arithmetic = "toy"
[weights]
rule = "signed"
bits = [2, 8]
exponent = [0, 4]
[registers]
leak = [2, 9]
theta = [1, 511]
push = [-128, 127]
[behaviour]
resets = ["subtract"]
delay_steps = 3
graded_input = true
per_neuron = ["theta", "m0"]
[sources]
"weights.rule" = "made up"
"weights.exponent" = "made up"
"registers.leak" = "made up"
"registers.theta" = "made up"
"registers.push" = "made up"
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(ARITHMETICS, "toy", __name__)


def _population(name="p", source="input", weight=((3, -2),), **values):
    return Population(name, (len(weight),), (Connection(source, Dense(weight), 1),), arithmetic="toy", **values)


def _program(*populations, lo=0, hi=255):
    return Program(Input((2,), lo, hi), populations or (_population(),), arithmetic="toy")


def _network(**values):
    first = _population(weight=((3, -2), (90, 7), (-5, 1)), theta=[9, 1, 700], push=2, m0=[0, -70, 5], **values)
    return _program(first, _population("out", "p", ((1, 2, -3), (4, 0, 1)), leak=1, fires=False))


def _raster(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, 20, 2))


def _by_hand(program, raster):
    """Return spikes and v of every population, neuron by neuron, in Python's integers."""
    found = {}
    for sample in raster.tolist():
        v = {p.name: p.m0.tolist() for p in program.populations}
        for messages in sample:
            sent = {"input": messages}
            for p in program.populations:
                sent[p.name] = []
                for n in range(p.size):
                    a = sum(
                        sum(w * s for w, s in zip(c.wiring.weight[n].tolist(), sent[c.source], strict=True))
                        << c.exponent
                        for c in p.inputs
                    )
                    x = v[p.name][n]
                    x = max(x - (x >> int(p.leak[n])) + a + int(p.push[n]), int(p.floor[n]))
                    x = min(max(x, -32768), 32767)
                    least = int(p.theta[n]) + (not p.properties["at_threshold"])
                    z = int(p.fires and x >= least)
                    v[p.name][n] = x - z * int(p.theta[n])
                    sent[p.name].append(z)
                found.setdefault(("spikes", p.name), []).append(sent[p.name])
                found.setdefault(("m", p.name), []).append(list(v[p.name]))
    return found


@pytest.mark.parametrize("at_threshold", [False, True])
def test_the_reference_computes_its_step(at_threshold):
    program, raster = _network(at_threshold=at_threshold), _raster()
    trace = run(program, raster, record=ALL)
    for (what, name), values in _by_hand(program, raster).items():
        recorded = recorded_of(trace)[what][name]
        np.testing.assert_array_equal(recorded, np.array(values).reshape(recorded.shape))
    assert trace.u == trace.v == {}
    assert trace.spikes["p"].any()
    np.testing.assert_array_equal(trace.output, trace.others["m"]["out"])
    assert [(a.what, a.bits) for a in trace.counts.writes["out"]] == [("accumulator", 19), ("m", 16), ("message", 1)]


def test_saturation_is_counted_and_refused_where_a_certificate_bounds_it():
    program = _program(_population(weight=((120, 120),), theta=1023, leak=15))
    full = np.full((1, 4, 2), 255)
    assert run(program, full).counts.clips["p"].tolist() == [4]
    with pytest.raises(MachineError, match="population 'p': m clips at step 0 in sample 0, against its certificate"):
        run(program, full, clip_free=("p",))


def test_sums_beyond_its_own_accumulator_are_refused():
    heavy = _program(_population(weight=((400, 400),)))
    with pytest.raises(MachineError, match=r"\|a\| >= 2\^18 leaves the accumulator"):
        run(heavy, np.full((1, 1, 2), 255))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: _program(_population(leak=16)), "population 'p': leak 16..16 is outside the register's 1..15"),
        (lambda: _program(_population(theta=[0])), "population 'p': theta 0..0 is outside the register's 1..1023"),
        (lambda: _population(vth=3), "population 'p': arithmetic 'toy' has no register vth  fix: use any of: leak, th"),
        (lambda: _program(_population(reset="zero")), "population 'p': reset 'zero'  fix: use 'subtract'"),
        (lambda: _program(_population(rest=63)), "population 'p': rest 63  fix: use an integer in 0..62"),
        (lambda: _program(_population(at_threshold=1)), "population 'p': at_threshold 1  fix: use True or False"),
        (lambda: _program(lo=-1), "input: messages -1..255  fix: give a range of 8-bit integers that holds 0"),
        (
            lambda: Program(Input((2,)), (_population(),)),
            "population 'p': of arithmetic 'toy', the program is of 'loihi'  fix: make the population with arithmetic=",
        ),
        (
            lambda: _program(Population("p", (1,), (Connection("input", Dense([[1, 1]]), -1),), arithmetic="toy")),
            "with exponent -1  fix: use an integer exponent in 0..8",
        ),
        (
            lambda: Program(Input((2,)), (_population(),), "toy", {"weights": {"bits": 8, "rule": "loihi"}}),
            "record: weight rule 'loihi' is unknown to arithmetic 'toy'  fix: use 'signed'",
        ),
        (
            lambda: Population("p", (1,), arithmetic="toys"),
            "arithmetic 'toys' is unknown  fix: use any of: loihi, xylo, toy",
        ),
    ],
)
def test_what_it_does_not_hold_is_refused_by_register_and_range(make, message):
    with pytest.raises(ProgramError) as caught:
        make()
    assert str(caught.value).startswith(message) or message in str(caught.value)


def test_what_has_its_default_enters_neither_digest_nor_file(monkeypatch, tmp_path):
    plain, chosen, floored = _network(), _network(at_threshold=True), _network(floor=-5)
    assert len({plain.digest, chosen.digest, floored.digest}) == 3
    write_program(plain, tmp_path / "plain.nir")
    write_program(chosen, tmp_path / "chosen.nir")
    without = replace(BARE, registers=tuple(r for r in BARE.registers if r.name != "floor"))
    monkeypatch.setattr(f"{__name__}.ARITHMETIC", without)
    before = read_program(tmp_path / "plain.nir")  # by a version that has never heard of them
    assert before.digest == plain.digest
    assert "floor" not in before.populations[0].registers
    write_program(before, tmp_path / "before.nir")
    assert (tmp_path / "before.nir").read_bytes() == (tmp_path / "plain.nir").read_bytes()
    with pytest.raises(FileError, match="population 'p': arithmetic 'toy' has no property 'at_threshold'"):
        read_program(tmp_path / "chosen.nir")


@pytest.mark.parametrize("values", [{}, {"at_threshold": True, "rest": 7}, {"floor": [-3, 0, LEAST]}])
def test_a_program_comes_back_from_its_file(tmp_path, values):
    program = _network(**values)
    write_program(program, tmp_path / "p.nir")
    back = read_program(tmp_path / "p.nir")
    assert back.digest == program.digest
    assert back.populations[0].properties == program.populations[0].properties
    for name, register in program.populations[0].registers.items():
        np.testing.assert_array_equal(back.populations[0].registers[name], register)
    with h5py.File(tmp_path / "p.nir") as file:
        held = {name for name in file["node/nodes/p/metadata"] if name.startswith("register_")}
    assert held == {"register_" + r for r in ("leak", "theta", "push", "m0", *(k for k in values if k == "floor"))}


def test_a_register_edited_in_the_file_is_named(tmp_path):
    program = _network()
    write_program(program, tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        file["node/nodes/p/metadata/register_theta"][0] = 2000
    with pytest.raises(FileError, match=r"population 'p': theta 1..2000 is outside the register's 1..1023"):
        read_program(tmp_path / "p.nir")


def test_a_difference_is_found_in_its_state():
    program, raster = _network(), _raster()
    trace = run(program, raster, record=ALL)
    wrong = trace.others["m"]["p"].copy()
    wrong[1, 3, 2] += 1
    found = first_divergence(program, trace, replace(trace, others={"m": {**trace.others["m"], "p": wrong}}))
    assert str(found).startswith("population 'p', neuron (2,), step 3, sample 1: m is ")


@pytest.mark.parametrize(("engine", "computed"), [("fast", "loihi, xylo"), ("torch", "loihi")])
def test_engines_that_do_not_compute_it_refuse(engine, computed):
    with pytest.raises(UnsupportedError, match=f"arithmetic 'toy': engine '{engine}' computes {computed} only"):
        run(_network(), _raster(), engine=engine)


def test_what_it_does_not_have_cannot_be_recorded():
    with pytest.raises(InputError, match="record 'u' is unknown  fix: record any of: spikes, m"):
        run(_network(), _raster(), record="u")


def test_two_programs_differ_in_a_register_or_a_property_by_name():
    plain = _network()
    assert program_difference(plain, _network(rest=2)) == "population 'p': rest is 2, expected 0"
    assert "population 'p': floor of neuron (0,) is -1" in program_difference(plain, _network(floor=-1))


def test_golden_memories_are_as_wide_as_its_registers(tmp_path):
    program, raster = _network(), _raster()
    export(program, "golden", tmp_path / "golden", raster)
    facts = json.loads((tmp_path / "golden" / "golden.json").read_text())
    words = {(m["of"], m["holds"]): (m["bits"], m["signed"]) for m in facts["memories"]}
    assert words["p", "leak"] == (4, False)
    assert words["p", "theta"] == (10, False)
    assert words["p", "push"] == (8, True)
    assert words["p", "m0"] == words["p", "m"] == (32, True)
    assert ("p", "u") not in words
    replayed = execute_golden(program, raster, folder=tmp_path / "golden")
    assert first_divergence(program, run(program, raster, record=ALL), replayed) is None


def test_nir_holds_it_as_a_leaky_neuron_and_gives_the_program_back(tmp_path):
    program, raster = _network(), _raster()
    artifact = export(program, "nir", tmp_path / "nir")
    assert first_divergence(program, run(program, raster, record=ALL), execute_nir(program, raster)) is None
    with h5py.File(artifact.folder / "network.nir") as file:
        assert file["node/nodes/p/type"][()] == b"LIF"
        np.testing.assert_array_equal(file["node/nodes/p/v_threshold"], np.float32([9, 1, 700]))
        np.testing.assert_array_equal(file["node/nodes/p/tau"], np.float32(1e-4 * 16))


def test_tables_in_c_hold_its_registers():
    text = "".join(program_c(_network()))
    assert "static const int16_t theta_0[3] = {\n9,1,700,\n};" in text
    assert ".leak = {.all = 4, .per_neuron = 0}" in text


WHO = {"c": "the C runtime", "onnx": "the ONNX export", "lava": "Lava", "netx": "NetX"}


@pytest.mark.parametrize("to", WHO)
def test_who_cannot_compute_it_refuses_before_anything_is_written(tmp_path, to):
    computed = "loihi, xylo" if to in ("c", "onnx") else "loihi"
    said = f"arithmetic 'toy': {WHO[to]} computes {computed} only  fix: use the reference"
    with pytest.raises(UnsupportedError, match=said):
        export(_network(), to, tmp_path / "deep" / to, _raster())
    assert not any(tmp_path.iterdir())
    module = __import__(EXPORTERS[to], fromlist=["execute"])
    with pytest.raises(Snn2hwError, match="arithmetic 'toy'"):
        module.execute(_network(), _raster(), timeout_s=60.0)


def test_a_chip_file_names_its_registers(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(CHIP)
    target = read_target(path)
    assert dict(target.registers) == {"leak": (2, 9), "theta": (1, 511), "push": (-128, 127), "floor": (LEAST, LEAST)}
    assert dict(target.properties) == {"at_threshold": (0, 0), "rest": (0, 0)}
    path.write_text(CHIP.replace("[behaviour]", "[properties]\nrest = [0, 9]\n[behaviour]"))
    assert read_target(path).properties["rest"] == (0, 9)
    for old, new, message in (
        ("leak = [2, 9]", "leak = [0, 9]", r"\[registers\] leak is \[0, 9\]  fix: write .* within 1..15"),
        ("leak = [2, 9]", "du = [2, 9]", r"\[registers\] leak is missing"),
        ("push = [-128, 127]", "push = [0, 1]\nvth = [0, 1]", r"unknown: \[registers\] vth"),
        ('"registers.push" = "made up"', "", r"\[sources\] lacks registers.push"),
        ('"signed"', '"loihi"', r"\[weights\] rule is 'loihi'  fix: write one of: signed"),
    ):
        path.write_text(CHIP.replace(old, new, 1))
        with pytest.raises(InputError, match=message):
            read_target(path)


def test_a_chip_refuses_what_its_registers_do_not_hold(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(CHIP)
    for values, message in (
        ({"leak": 10}, "population 'p': has leak 10..10, A toy does not  fix: stay within 2..9"),
        ({"rest": 3}, "population 'p': has rest 3, A toy does not  fix: stay within 0..0"),
        ({"push": [1, 2]}, "population 'p': has push that differ between neurons, A toy does not"),
    ):
        with pytest.raises(UnsupportedError) as caught:
            refuse_beyond(_population(weight=((1, 1), (1, 1)), **values), read_target(path))
        assert str(caught.value).startswith(message)


def test_its_certificate_holds_and_its_checker_says_that_it_has_none():
    program, raster = _network(), _raster(3)
    certificate = certify(program, 20)
    assert certificate.to_json()["bounds"]["p"].keys() == {"a", "m"}
    low, high = certificate.bounds["p"].states["m"]
    recorded = run(program, raster, record="m", clip_free=certificate.clip_free).others["m"]["p"]
    assert low <= recorded.min() < recorded.max() <= high
    assert check_certificate(program, certificate.to_json()) == [
        "arithmetic 'toy': this checker derives bounds for loihi, xylo only"
    ]
    with pytest.raises(UnsupportedError, match=r"a may reach \(0, 408000\); \|a\| < 2\^18 is needed"):
        certify(_program(_population(weight=((400, 400),))), 3)


def test_its_cost_is_counted_like_any_other():
    program, raster = _network(), _raster()
    workload = spiking_workload(program, run(program, raster).counts, 20)
    assert workload.events["update"].tolist() == [20 * 5] * 3
