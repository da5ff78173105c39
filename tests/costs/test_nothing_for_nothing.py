"""What the rule for both spares: sums of a constant input, states that nothing reads, and the zeros among weights.

Everything is counted again here, step by step and neuron by neuron, in plain loops.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.engines import run
from sim.program import INPUT, Connection, Dense, Input, Population, Program
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.weight_forms import FORMS, WeightCensus, census_of, smallest_form
from snn2hw.costs.energy import energy
from snn2hw.costs.equal_rule import ann_side, equal_counts, spiking_side
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import price
from snn2hw.costs.report_sides import AnnSide
from tests.costs.test_report import program as a_program
from tests.costs.test_report import raster as a_raster
from tests.costs.test_report import write_cnn

MEMORY = get_table("cmos45_int8_memory")
ACCUMULATOR = 22


def random_chain(seed: int, *, du: int = 4095, share: float = 0.6) -> Program:
    """An input of integers -> leaky neurons -> a readout, a part of whose weights is zero."""
    rng = np.random.default_rng(seed)
    n, m, k = rng.integers(3, 9, 3)
    one, two = (rng.integers(-90, 91, shape) * (rng.random(shape) < share) * 2 for shape in ((m, n), (k, m)))
    one[0, 0], two[0, 0] = 2, 2
    first = Population("a", (int(m),), (Connection(INPUT, Dense(one)),), vth=2, du=du, dv=300)
    second = Population("b", (int(k),), (Connection("a", Dense(two)),), vth=9, du=4095, dv=400, fires=False)
    return Program(Input((int(n),), 0, 7), (first, second))


def constant(program: Program, steps: int, seed: int, samples: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    one = rng.integers(0, program.input.hi + 1, (samples, 1, *program.input.shape)).astype(np.uint8)
    return np.repeat(one, steps, axis=1)


def loops(program: Program, raster: np.ndarray, spikes: np.ndarray) -> dict[str, list[int]]:
    """Return, per sample, the products of the first step's input, of all steps', and those behind the spikes."""
    first, second = (p.inputs[0].wiring.weight.tolist() for p in program.populations)
    found: dict[str, list[int]] = {"once": [], "every": [], "behind": []}
    for b in range(len(raster)):
        per_step = [
            sum(1 for i, x in enumerate(raster[b, t].tolist()) for row in first if x != 0 and row[i] != 0)
            for t in range(raster.shape[1])
        ]
        found["once"].append(per_step[0])
        found["every"].append(sum(per_step))
        sent = spikes[b].tolist()
        found["behind"].append(sum(1 for now in sent for i, s in enumerate(now) for row in second if s and row[i]))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_constant_input_is_summed_once_and_its_sums_are_stored(seed: int) -> None:
    program, steps = random_chain(seed, share=0.3 if seed % 2 else 0.9), 8
    raster = constant(program, steps, seed)
    trace = run(program, raster, engine="reference", record=("spikes",))
    counted = loops(program, raster, trace.spikes["a"])
    work = spiking_side(program, trace.counts, steps, "skipping", held=True)
    a, b = (p.size for p in program.populations)
    holds = float(np.mean(counted["once"])) + a * steps < float(np.mean(counted["every"]))
    products = counted["once"] if holds else counted["every"]
    assert work.events["multiply_accumulate"].tolist() == products
    assert work.events["accumulate"].tolist() == counted["behind"]
    # v + a, compare, v - leak is a product; b: v + a. And where sums are held, one more addition a neuron and step
    assert work.events["state_add"].tolist() == [steps * (2 * a + b + (a if holds else 0))] * len(raster)
    bias = [t for t in work.traffic if t.what == "bias"]
    assert [t.accesses.tolist() for t in bias] == ([[a * (1 + steps)] * len(raster)] if holds else [])
    assert [t.stored_bits for t in bias] == ([a * ACCUMULATOR] if holds else [])
    fetched = [t.accesses.tolist() for t in work.traffic if t.what == "weight"]
    assert fetched == [products, counted["behind"]]


def test_some_of_these_networks_hold_their_sums_and_some_do_not() -> None:
    made = []
    for seed in range(12):
        program = random_chain(seed, share=0.3 if seed % 2 else 0.9)
        counts = run(program, constant(program, 8, seed), engine="reference").counts
        work = spiking_side(program, counts, 8, "skipping", held=True)
        made.append(any(t.what == "bias" for t in work.traffic))
    assert set(made) == {True, False}


def test_what_a_bias_cannot_do_is_not_held() -> None:
    """Where u remembers, the sum passes a filter that a bias does not; with a lag it begins later than a bias."""
    filtered = random_chain(1, du=1000)
    first, second = random_chain(1).populations
    late = replace(random_chain(1), populations=(replace(first, inputs=(replace(first.inputs[0], lag=1),)), second))
    for program in (filtered, late):
        counts = run(program, constant(program, 8, 1), engine="reference").counts
        free, held = (spiking_side(program, counts, 8, "skipping", held=h) for h in (False, True))
        for event, amount in free.events.items():
            np.testing.assert_array_equal(amount, held.events[event])
        assert not any(t.what == "bias" for t in held.traffic)


def test_u_that_is_forgotten_and_states_of_one_step_are_not_stored() -> None:
    program = random_chain(2)
    for steps, stored in ((8, {"v"}), (1, set())):
        counts = run(program, constant(program, steps, 2), engine="reference").counts
        work = spiking_side(program, counts, steps, "skipping")
        assert {t.what for t in work.traffic} & {"u", "v"} == stored
    remembers = random_chain(2, du=1000)
    counts = run(remembers, constant(remembers, 8, 2), engine="reference").counts
    kept = [t.what for t in spiking_side(remembers, counts, 8, "skipping").traffic if t.what in "uv"]
    assert sorted(kept) == ["u", "v", "v"]


def test_one_step_has_nothing_to_forget() -> None:
    program = random_chain(3)
    counts = run(program, constant(program, 1, 3), engine="reference").counts
    events = spiking_side(program, counts, 1, "skipping").events
    assert not events["state_multiply"].any()
    assert (events["state_add"] == program.populations[0].size).all(), "one comparison per neuron that fires"


@pytest.mark.parametrize("seed", range(12))
def test_weights_are_held_in_the_form_that_takes_least(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 100, (9, 31)) * (rng.random((9, 31)) < rng.choice([0.02, 0.1, 0.5, 0.95, 1.0]))
    census = census_of(weight)
    flat = weight.reshape(-1).tolist()
    assert (census.weights, census.nonzero) == (len(flat), sum(w != 0 for w in flat))
    sizes = {"dense": 8 * len(flat), "bitmap": sum(9 if w else 1 for w in flat), "run length": 12 * census.entries}
    assert {form: census.bits(form, 8) for form in FORMS} == sizes
    assert sizes[smallest_form(census, 8)] == min(sizes.values())
    assert smallest_form(census, 8, ["dense"]) == "dense"


def test_a_product_fetches_its_share_of_weights_and_index() -> None:
    """Worked out by hand: 100 weights, 10 of them not zero, in 12 entries of 12 bits; all memories below 8 KB."""
    census = WeightCensus(100, 10, 12)
    assert smallest_form(census, 8) == "run length"
    program = random_chain(4)
    counts = run(program, constant(program, 1, 4), engine="reference").counts
    work = spiking_side(program, counts, 1, "skipping")
    one = next(t for t in work.traffic if t.what == "weight")
    only = replace(work, traffic=(replace(one, weights=census, bits=8),))
    cost = price(only, MEMORY).parts["weight memory"].counted
    np.testing.assert_allclose(cost, one.accesses * (12 * 12 / 10) / 64 * 10.0)


def pruned_gemm(path: Path, weight: np.ndarray) -> None:
    k, n = weight.shape
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    given, made = (helper.make_tensor_value_info(s, TensorProto.FLOAT, ["b", size]) for s, size in (("x", k), ("y", n)))
    tensor = numpy_helper.from_array(weight.astype(np.float32), "w")
    graph = helper.make_graph([node], "g", [given], [made], [tensor])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


@pytest.mark.parametrize("seed", range(8))
def test_the_ann_s_weights_are_held_by_the_same_rule(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 100, (13, 17)) * (rng.random((13, 17)) < rng.choice([0.05, 0.5, 1.0]))
    weight[0, 0] = 1
    pruned_gemm(tmp_path / "m.onnx", weight)
    samples = rng.standard_normal((4, 13)).astype(np.float32) * (rng.random((4, 13)) < 0.5)
    effective = effective_macs(tmp_path / "m.onnx", samples)
    (name,) = effective.names
    assert effective.weights[name] == census_of(weight)
    side = AnnSide("m", macs(load(tmp_path / "m.onnx")), effective)
    work = ann_side(side, "skipping", 8)
    products = [sum(1 for i, x in enumerate(s) for w in weight[i].tolist() if x != 0 and w != 0) for s in samples]
    assert work.events["multiply_accumulate"].tolist() == products
    cost = price(work, MEMORY)
    each = census_of(weight).bits(cost.forms[0], 8) / np.count_nonzero(weight)
    np.testing.assert_allclose(cost.parts["weight memory"].counted, np.array(products) * each / 64 * 10.0)


def test_at_no_pruning_costs_are_those_of_dense_weights(tmp_path: Path) -> None:
    """Neither index nor another form where nothing is zero: the bytes of before, to the last bit."""
    dense_only = replace(MEMORY, memory=replace(MEMORY.memory, forms=("dense",)))
    program = random_chain(5)
    whole = replace(program, populations=tuple(_filled(p) for p in program.populations))
    counts = run(whole, constant(whole, 4, 5), engine="reference").counts
    work = spiking_side(whole, counts, 4, "skipping")
    np.testing.assert_array_equal(price(work, MEMORY).total.counted, price(work, dense_only).total.counted)
    assert set(price(work, MEMORY).forms) == {"dense"}


def _filled(p: Population) -> Population:
    wiring = p.inputs[0].wiring
    full = np.where(wiring.weight == 0, 2, wiring.weight)
    return replace(p, inputs=(replace(p.inputs[0], wiring=replace(wiring, weight=full)),))


def test_the_report_says_both_counts_and_how_weights_are_held(tmp_path: Path) -> None:
    cnn = write_cnn(tmp_path / "cnn.onnx")
    samples = np.random.default_rng(2).standard_normal((6, 1, 6, 6)).astype(np.float32)
    still = np.repeat(a_raster()[:, :1], 5, axis=1)
    report = energy(a_program(), still, ann=cnn, ann_inputs=samples, engine="reference")
    skipping, dense = report.equal_counts
    assert skipping.snn_held is not None
    assert skipping.snn_held.mean <= skipping.snn.mean
    assert dense.snn_held is None
    cost = next(c for c in report.to_json()["equal_rule"]["costs"] if c["table"] == "cmos45_int8_memory")
    assert set(cost["weight_forms"]["snn"]) <= set(FORMS)
    assert cost["weight_forms"]["ann"]
    moving = energy(a_program(), a_raster(), ann=cnn, ann_inputs=samples, engine="reference")
    assert moving.equal_counts[0].snn_held is None
    assert moving.ann is not None
    plain = equal_counts(a_program(), run(a_program(), a_raster()).counts, a_raster().shape[1], moving.ann, 0.95)
    assert plain == moving.equal_counts
