"""A run taken apart, against sums worked out by hand and against the recorded run."""

import numpy as np
import pytest

from sim.engines import run
from sim.program import INPUT, Connection, Conv, Dense, Input, Population, Program
from snn2hw.ann.macs import EffectiveMacs, MacCensus, NodeMacs
from snn2hw.costs.comparison import compare
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import Bill, price
from snn2hw.costs.workload import ann_workload, spiking_workload
from tests.programs import random_program, random_raster


def _chain(graded: bool = False) -> Program:
    """Two inputs -> two integrators -> one leaky readout."""
    first = Population("a", (2,), (Connection(INPUT, Dense(np.array([[3, 0], [5, 7]]))),), vth=1, dv=0)
    second = Population("b", (1,), (Connection("a", Dense(np.array([[1, 1]]))),), vth=9, du=100, dv=7, fires=False)
    return Program(Input((2,), 0, 3 if graded else 1), (first, second))


def test_events_of_a_small_run_are_those_worked_out_by_hand() -> None:
    program = _chain()
    raster = np.array([[[1, 1], [0, 0], [0, 1]]], np.uint8)  # one sample of three steps
    counts = run(program, raster, engine="reference").counts
    events = spiking_workload(program, counts, steps=3).events
    # step 0: three synops into a, both fire; two into b. step 2: one synop into a (7), neuron 1 fires; one into b.
    assert {e: int(n[0]) for e, n in events.items() if n[0]} == {
        "synop_dense": 7,
        "synop": 7,
        "accumulate": 7,
        "message": 3 + 3,
        "update": 9,
        "update_active": 3 + 3 + 0,  # a: u or a spike in steps 0 and 2; b: charged from step 0 on
        "update_inactive": 3,
        "state_multiply": 2 * 3,  # b decays u and v; a forgets u and keeps v
        "state_add": 2 * 6 + 2 * 3,  # a: v + u, compare; b: u + a, v + u
        "spike": 3,
    }


def test_synops_of_a_graded_message_are_multiplications() -> None:
    program = _chain(graded=True)
    raster = np.array([[[1, 3], [0, 0], [0, 1]]], np.uint8)
    events = spiking_workload(program, run(program, raster, engine="reference").counts, steps=3).events
    assert int(events["multiply_accumulate"][0]) == 4
    assert int(events["multiply_accumulate"][0] + events["accumulate"][0]) == int(events["synop"][0])


@pytest.mark.parametrize("seed", range(30))
def test_a_workload_agrees_with_the_counts_it_came_from(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster = random_raster(rng, program)
    counts = run(program, raster, engine="reference", allow_wrap=True).counts
    workload = spiking_workload(program, counts, raster.shape[1])
    events = workload.events
    np.testing.assert_array_equal(events["synop"], sum(counts.synops.values()))
    np.testing.assert_array_equal(events["synop_dense"] + events["synop_conv"], events["synop"])
    np.testing.assert_array_equal(events["accumulate"] + events["multiply_accumulate"], events["synop"])
    np.testing.assert_array_equal(events["update_active"] + events["update_inactive"], events["update"])
    bits = sum(t.bits * t.accesses for t in workload.traffic)
    rows = [a for way in (counts.reads, counts.writes) for accesses in way.values() for a in accesses]
    np.testing.assert_array_equal(bits, sum(a.bits * a.count for a in rows))
    for traffic in workload.traffic:
        assert (traffic.least <= traffic.accesses).all()
    assert all(n.dtype == np.int64 for n in events.values())


@pytest.mark.parametrize(
    "table", ["loihi1_davies2018", "loihi1_sanafe2025", "cmos45_int8_memory", "cmos45_fp32_memory"]
)
def test_the_ends_of_every_cost_are_in_order_and_its_parts_add_up(table: str) -> None:
    rng = np.random.default_rng(5)
    program = random_program(rng)
    raster = random_raster(rng, program)
    counts = run(program, raster, engine="reference", allow_wrap=True).counts
    cost = price(spiking_workload(program, counts, raster.shape[1]), get_table(table))
    assert (cost.total.low <= cost.total.counted).all()
    assert (cost.total.counted <= cost.total.high).all()
    np.testing.assert_allclose(sum(p.counted for p in cost.parts.values()), cost.total.counted)


def test_memory_traffic_is_priced_by_bits_words_and_size() -> None:
    census = MacCensus("", (NodeMacs("n", "Gemm", 100, 100, weights=40, reads=20, writes=5),), (), ())
    cost = price(ann_workload(census, None, 1, 8), get_table("cmos45_int8_memory"))
    word_pj, arithmetic = 10.0, 100 * 0.3  # all three arrays are smaller than 8 KB
    assert cost.total.low[0] == pytest.approx(arithmetic + (40 + 20 + 5) / 8 * word_pj)
    assert cost.total.counted[0] == pytest.approx(arithmetic + (100 + 100 + 5) / 8 * word_pj)
    assert cost.total.high[0] == pytest.approx(arithmetic + (100 + 100 + 5) * word_pj)


def test_the_low_end_of_an_ann_skips_products_with_zero() -> None:
    census = MacCensus("", (NodeMacs("n", "Gemm", 100, 100, weights=40, reads=20, writes=5),), (), ())
    effective = EffectiveMacs(("n",), np.array([[30, 10]]), ())
    cost = price(ann_workload(census, effective, 2, 8), get_table("cmos45_int8"))
    assert cost.total.low.tolist() == pytest.approx([30 * 0.3, 10 * 0.3])
    assert cost.total.high.tolist() == pytest.approx([30.0, 30.0])


def _same_topology(rate: float) -> tuple[Program, MacCensus, np.ndarray]:
    """Return a network without neuron costs to speak of, its ANN twin, and a raster of the given rate."""
    weight = np.ones((1, 2000), dtype=np.int64)
    program = Program(Input((2000,)), (Population("a", (1,), (Connection(INPUT, Dense(weight)),), fires=False),))
    census = MacCensus("", (NodeMacs("n", "Gemm", 2000, 2000, 2000, 2000, 1),), (), ())
    raster = (np.random.default_rng(0).random((20, 4, 2000)) < rate).astype(np.uint8)
    return program, census, raster


@pytest.mark.parametrize(("table", "known"), [("cmos45_int8", 3.0), ("cmos45_fp32", 4.6 / 0.9)])
@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_break_even_in_spikes_per_synapse_is_the_ratio_of_the_operations(table: str, known: float, rate: float) -> None:
    program, census, raster = _same_topology(rate)
    counts = run(program, raster).counts
    prices = get_table(table)
    snn = Bill.of(price(spiking_workload(program, counts, 4), prices))
    ann = Bill.of(price(ann_workload(census, None, 1, 8), prices))
    theta = float((counts.synops["a"] / 2000).mean())
    found = compare(snn, ann, spikes_per_synapse=theta, spike_rate=rate, ann_complete=True, confidence=0.95)
    counted = found.break_even[1]
    assert counted.end == "counted"
    assert counted.spikes_per_synapse == pytest.approx(known, rel=0.01)  # 1 %: one neuron's updates
    assert (found.outcome == "loses") == (theta > known)
    assert ("the SNN loses" in str(found)) == (theta > known)


def test_a_shared_convolution_is_priced_apart_from_a_dense_one() -> None:
    conv = Conv(np.ones((1, 1, 2, 2)).astype(int))
    program = Program(Input((1, 3, 3)), (Population("a", (1, 2, 2), (Connection(INPUT, conv),), fires=False),))
    counts = run(program, np.ones((1, 1, 1, 3, 3), np.uint8)).counts
    cost = price(spiking_workload(program, counts, 1), get_table("loihi1_sanafe2025"))
    assert cost.parts["synop_conv"].counted[0] == 16 * 24.0
    assert cost.parts["synop_conv"].high[0] == 16 * 35.5
    assert cost.parts["synop_dense"].counted[0] == 0


def test_a_constant_input_is_summed_once_at_the_least() -> None:
    program = _chain()
    raster = np.ones((1, 6, 2), np.uint8)
    counts = run(program, raster, engine="reference").counts
    free, held = (spiking_workload(program, counts, 6, held=h) for h in (False, True))
    assert {e: int(n[0]) for e, n in held.events.items()} == {e: int(n[0]) for e, n in free.events.items()}
    into_b = int(counts.synops["b"][0])
    # three synops into a, once; two neurons read their sum in each of six steps: 3 + 12 of 18
    assert int(held.least["synop"][0]) == 3 + 12 + into_b
    assert int(held.least["message"][0]) == 2 + int(counts.events["b"].sum())
    for traffic in held.traffic:
        assert (traffic.least <= traffic.accesses).all()


def test_a_single_step_stores_no_state_at_the_least() -> None:
    program = _chain()
    counts = run(program, np.ones((1, 1, 2), np.uint8), engine="reference").counts
    workload = spiking_workload(program, counts, 1)
    assert all(int(t.least[0]) == 0 for t in workload.traffic if t.what in ("u", "v"))
    assert any(int(t.accesses[0]) for t in workload.traffic if t.what == "v")
