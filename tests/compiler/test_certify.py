"""Certificates: no input breaks a bound, the checker derives every one again, and nothing can be changed unseen."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sim.arithmetic import A_LIMIT, WRAP
from sim.engines import run
from sim.errors import MachineError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.compiler.certify import certify, prove
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from tests.compiler.networks import convolutional, cuba, dense, lif, raster, recurrent
from tests.programs import random_program

KINDS = (
    dense,
    partial(dense, neuron=cuba, bias=0.5),
    partial(dense, neuron=partial(lif, v_leak=0.3), reset="subtract", bias=0.3),
    convolutional,
    recurrent,
    partial(recurrent, neuron=lif),
)


def _compiled(seed):
    rng = np.random.default_rng(seed)
    source = KINDS[seed % len(KINDS)](rng)
    data = raster(source, rng, samples=2, steps=12)
    bits = (8, 4, 3, "ternary")[seed % 4]
    target = "loihi2" if seed % 3 else "fixed"
    return compile_source(source, target, data, weight_bits=bits)


def _adversaries(program, steps, rng):
    """Return inputs made to break bounds: all ones, nothing, alternating, matched to the signs of some neurons."""
    shape = program.input.shape
    patterns = [np.ones(shape), np.zeros(shape), np.indices(shape).sum(axis=0) % 2]
    first = next(p for p in program.populations if any(c.source == "input" for c in p.inputs))
    weight = next(c for c in first.inputs if c.source == "input").wiring.weight
    for row in rng.integers(0, len(weight), 3):
        for sign in (1, -1):
            wanted = sign * weight[row] > 0
            patterns.append(wanted.reshape(shape) if weight.ndim == 2 else _around_one_place(wanted, shape))
    steady = np.stack(patterns)[:, None].repeat(steps, axis=1)
    turning = steady.copy()
    turning[:, 1::2] = 1 - turning[:, 1::2]
    return np.concatenate([steady, turning]).astype(np.uint8)


def _around_one_place(kernel, shape):
    """Return an image that meets every tap of a kernel at one place, and is empty elsewhere."""
    image = np.zeros(shape)
    image[:, 2 : 2 + kernel.shape[1], 2 : 2 + kernel.shape[2]] = kernel
    return image


def _holds(compiled, rng):
    """Run adversarial input and compare every register with its bound; the engine itself refuses wraps and clips."""
    program, certificate = compiled.program, compiled.certificate
    assert check_certificate(program, certificate.to_json()) == []
    data = _adversaries(program, certificate.steps, rng)
    trace = run(program, data, record=("u", "v"), clip_free=certificate.clip_free)
    for name, bounds in certificate.bounds.items():
        assert bounds.u[0] <= trace.u[name].min() <= trace.u[name].max() <= bounds.u[1]
        assert trace.v[name].max() <= max(0, bounds.v[1])  # recorded after the reset, bounded before it
        assert trace.v[name].min() >= max(min(0, bounds.v[0]), -(2**23) + 1)
        assert not trace.counts.wraps[name].any()


def _changes_are_found(compiled, rng):
    """Change one weight, one threshold and one bound, each chosen at random."""
    program, stated = compiled.program, compiled.certificate.to_json()
    population = program.populations[rng.integers(len(program.populations))]
    connected = next(p for p in program.populations if p.inputs)
    first = connected.inputs[0]
    weight = first.wiring.weight.copy()
    at = tuple(rng.integers(0, side) for side in weight.shape)
    weight[at] = rng.choice(np.setdiff1d(weight, weight[at]))  # a value that the grid has
    vth = population.vth.copy()
    vth.flat[rng.integers(vth.size)] ^= 1
    changed = replace(first, wiring=replace(first.wiring, weight=weight))
    for name, changes in (
        (connected.name, {"inputs": (changed, *connected.inputs[1:])}),
        (population.name, {"vth": vth}),
    ):
        (fault,) = check_certificate(_rebuilt(program, name, **changes), stated)
        assert fault.startswith(f"is of program {program.digest}")
    bounds = copy.deepcopy(stated)
    register, end = rng.choice(["a", "u", "v"]), int(rng.integers(2))
    bounds["bounds"][population.name][register][end] += int(rng.choice([-1, 1]))
    (fault,) = check_certificate(program, bounds)
    assert fault.startswith(f"population {population.name!r}: {register} is stated as")


@pytest.mark.parametrize("seed", range(12))
def test_no_input_breaks_a_bound_and_no_change_goes_unseen(seed):
    compiled, rng = _compiled(seed), np.random.default_rng(seed)
    _holds(compiled, rng)
    _changes_are_found(compiled, rng)


@pytest.mark.full
def test_no_input_breaks_a_bound_of_200_programs_and_no_change_goes_unseen():
    for seed in range(200):
        compiled, rng = _compiled(seed), np.random.default_rng(seed)
        _holds(compiled, rng)
        _changes_are_found(compiled, rng)


def test_bounds_are_reached():
    """A bound that is never met would say little: all-ones input drives excitatory weights to exactly theirs."""
    program = Program(
        Input((3,)),
        (
            Population(
                "p", (2,), [Connection("input", Dense(np.array([[3, 5, 7], [2, 0, 9]])))], vth=50, du=1000, dv=77
            ),
        ),
    )
    certificate = certify(program, 25)
    trace = run(program, np.ones((1, 25, 3), dtype=np.uint8), record=("u", "v"))
    assert certificate.bounds["p"].a == (0, 15)
    assert certificate.bounds["p"].u[1] == trace.u["p"].max()


@pytest.mark.parametrize("seed", range(40))
def test_the_checker_derives_what_the_prover_proved_on_random_programs(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    stated = prove(program, int(rng.integers(1, 60))).to_json()
    assert [f for f in check_certificate(program, stated) if "may reach" not in f] == []


def _tampered_weight(program):
    """Return the program with the greatest weight of its most excited neuron gone."""
    population = program.by_name["one"]
    connection = population.inputs[0]
    weight = connection.wiring.weight.copy()
    row = np.maximum(weight, 0).sum(axis=1).argmax()
    weight[row, weight[row].argmax()] = 0
    changed = replace(connection, wiring=replace(connection.wiring, weight=weight))
    return _rebuilt(program, "one", inputs=(changed, *population.inputs[1:]))


def _rebuilt(program, name, **changes):
    """Return the program with registers of one population changed."""
    p = program.by_name[name]
    names = (
        "name",
        "shape",
        "inputs",
        "vth",
        "du",
        "dv",
        "bias_mantissa",
        "bias_exponent",
        "u0",
        "v0",
        "reset",
        "fires",
    )
    new = Population(**({name: getattr(p, name) for name in names} | changes))
    return replace(program, populations=tuple(new if q is p else q for q in program.populations))


@pytest.mark.parametrize("register", ["a", "u", "v"])
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_changed_bound_fails(register, end, by):
    compiled = _compiled(1)
    stated = copy.deepcopy(compiled.certificate.to_json())
    stated["bounds"]["one"][register][end] += by
    (fault,) = check_certificate(compiled.program, stated)
    assert fault.startswith(f"population 'one': {register} is stated as")


def test_a_changed_weight_threshold_or_decay_fails_even_under_a_forged_digest():
    compiled = _compiled(1)
    changed = {
        "weight": _tampered_weight(compiled.program),
        "threshold": _rebuilt(compiled.program, "one", vth=compiled.program.by_name["one"].vth // 2),
        "decay": _rebuilt(compiled.program, "one", dv=compiled.program.by_name["one"].dv // 2),
        "input": replace(compiled.program, input=Input(compiled.program.input.shape, 0, 3)),
    }
    stated = compiled.certificate.to_json()
    for what, program in changed.items():
        assert check_certificate(program, stated), what
        forged = stated | {"digest": program.digest}
        assert check_certificate(program, forged), what


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"schema": "other"}, "schema 'other'"),
        ({"steps": 0}, "holds for 0 steps"),
        ({"steps": True}, "holds for True steps"),
        ({"messages": [0, 2]}, "assumes messages"),
        ({"bounds": {}}, "bounds other populations"),
        ({"bounds": {"one": {}, "two": {}, "one.on": {}, "two.on": {}}}, "does not state a, u and v"),
    ],
)
def test_a_malformed_certificate_fails_with_its_fault(change, fault):
    compiled = _compiled(1)
    faults = check_certificate(compiled.program, compiled.certificate.to_json() | change)
    assert any(fault in f for f in faults)


def test_a_certificate_of_fewer_steps_does_not_cover_more():
    compiled = _compiled(4)
    stated = compiled.certificate.to_json()
    assert check_certificate(compiled.program, stated | {"steps": 2})


@pytest.mark.parametrize(("weight", "du"), [(A_LIMIT // 4, 4095), (3000, 0)])
def test_a_program_that_can_overflow_is_not_certified_and_does_overflow(weight, du):
    wiring = Dense(np.full((1, 8), weight))
    program = Program(Input((8,)), (Population("deep", (1,), [Connection("input", wiring)], vth=131071, du=du),))
    with pytest.raises(UnsupportedError, match="population 'deep': within 40 steps a may reach"):
        certify(program, 40)
    with pytest.raises(MachineError):
        run(program, np.ones((1, 40, 8), dtype=np.uint8))


def test_the_compiler_lowers_the_scale_until_the_worst_case_fits():
    rng = np.random.default_rng(0)
    source = dense(rng, partial(cuba, tau_syn=0.5))  # a synapse that sums 500 steps
    compiled = compile_source(source, "loihi1", raster(source, rng, steps=400, samples=1))
    for bounds in compiled.certificate.bounds.values():
        assert WRAP // 16 < max(map(abs, bounds.u)) < WRAP
