"""Every neuron lies in one core, no core takes more than it has, and messages are counted where they go."""

import json
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import snn2hw as sw
from sim.errors import InputError, UnsupportedError
from snn2hw.chips.target import CoreLimits, get_target
from snn2hw.placement.bound import least_cores
from snn2hw.placement.place import PLACERS, place
from tests.placement.checker import RESOURCES, Recount
from tests.placement.pilotnet import pilotnet
from tests.programs import random_program, random_raster

ROOMY = CoreLimits(neurons=64, synapse_bits=300_000, axons_in=3000, axons_out=600, vth_configs=16, decay_configs=8)
TIGHT = CoreLimits(neurons=12, synapse_bits=9000, axons_in=60, axons_out=60, vth_configs=5, decay_configs=2)
SEEDS = range(200)


def chip(core, cores=16):
    return replace(get_target("loihi1"), name="small", core=core, cores=cores)


def recounted(program, placement, target, known):
    """Return the recount of a placement, having compared everything that it says of a core."""
    placed = json.loads(json.dumps(placement.to_json()))
    recount = Recount(program, placed, target.core.neurons, known)
    for said, found in zip(placed["per_core"], recount.needs(), strict=True):
        assert {name: said[name] for name in RESOURCES} == found
        for name in RESOURCES:
            assert found[name] <= getattr(target.core, name)
    places = [(core["chip"], core["core"]) for core in placed["per_core"]]
    assert len(set(places)) == len(places), "two cores at one place"
    assert all(0 <= number < target.cores for _, number in places)
    return recount


def holds(program, target):
    """Whether every neuron alone fits into a core; a refusal names the first that does not."""
    try:
        place(program, target, placer="in_order")
    except UnsupportedError as refused:
        return "alone needs" not in str(refused)
    return True


@pytest.mark.parametrize("part", [pytest.param(k, marks=[pytest.mark.full] * (k > 0)) for k in range(10)])
@pytest.mark.parametrize("core", [ROOMY, TIGHT], ids=["roomy", "tight"])
def test_every_limit_of_every_core_is_kept_by_every_placer(core, part):
    target, placed = chip(core), 0
    for seed in SEEDS[part::10]:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program)
        if not holds(program, target):
            assert core is TIGHT, f"seed {seed} is refused"
            continue
        by_name = {name: place(program, target, raster=raster, placer=name) for name in PLACERS}
        placed += 1
        trace = sw.run(program, raster, allow_wrap=True)
        sends = {name: (spikes != 0).sum(axis=(0, 1)) for name, spikes in trace.spikes.items()}
        known = {}
        for placement in by_name.values():
            recount = recounted(program, placement, target, known)
            assert (placement.messages, placement.hops) == recount.traffic(sends)
            assert len(placement.cores) >= least_cores(program, target).least
        hops = [by_name[name].hops for name in ("annealed", "greedy", "in_order")]
        assert all(a <= b for a, b in pairwise(hops))
    assert placed >= 5


def test_synops_of_all_cores_are_those_of_the_run():
    rng = np.random.default_rng(3)
    for _ in range(20):
        program = random_program(rng)
        raster = random_raster(rng, program)
        placement = place(program, chip(ROOMY), raster=raster)
        trace = sw.run(program, raster, allow_wrap=True)
        late = sum(c.lag for p in program.populations for c in p.inputs)
        synops = sum(int(n.sum()) for n in trace.counts.synops.values())
        ours = round(sum(core.synops for core in placement.cores) * placement.steps)
        assert ours >= synops
        if not late:
            assert ours == synops


def test_messages_by_bound_are_one_a_step_of_every_neuron_and_core_that_reads_it():
    first = sw.Population("first", (6,), (sw.Connection("input", sw.Dense(np.eye(6, dtype=int))),), vth=1)
    second = sw.Population("second", (8,), (sw.Connection("first", sw.Dense(np.ones((8, 6), int))),), fires=False)
    program = sw.Program(sw.Input((6,)), (first, second))
    target = chip(replace(ROOMY, neurons=4), cores=8)
    placement = place(program, target, placer="in_order")
    # first lies in cores 0 (3 or 4) and 1, second in two more: six neurons are read by two cores each
    assert placement.messages == 12
    assert [core.needs["axons_out"] for core in placement.cores][:2] == [6, 6]
    assert len(placement.cores) == 4
    # cores 0..3 share the one tile: no hops
    assert placement.hops == 0


ONE = CoreLimits(neurons=1, synapse_bits=8, axons_in=1, axons_out=1, vth_configs=1, decay_configs=1)


@pytest.mark.parametrize(
    ("core", "said"),
    [
        (ONE, "population 'out': neuron (0,) alone needs 128 bits of synapses, a core of small has 8"),
        (replace(ONE, synapse_bits=128), "alone needs 2 axons in, a core of small has 1"),
        (
            replace(ONE, synapse_bits=128, axons_in=2, axons_out=2),
            "population 'in': neuron (0,) alone needs 3 axons out",
        ),
    ],
)
def test_a_chip_that_is_too_small_is_refused_by_the_neuron_and_the_resource(core, said):
    first = sw.Population("in", (2,), vth=1)
    out = sw.Population("out", (3,), (sw.Connection("in", sw.Dense(np.ones((3, 2), int))),))
    with pytest.raises(UnsupportedError) as refused:
        place(sw.Program(sw.Input((2,)), (first, out)), chip(core))
    assert said in str(refused.value)
    assert refused.value.fix


def test_a_chip_without_limits_and_an_unknown_placer_are_refused():
    program = sw.Program(sw.Input((2,)), (sw.Population("p", (2,)),))
    with pytest.raises(UnsupportedError, match="target fixed: states no limit of a core"):
        place(program, "fixed")
    with pytest.raises(InputError, match="did you mean 'greedy'"):
        place(program, "loihi1", placer="gredy")


def test_a_dense_connection_takes_the_bits_that_nengo_loihi_gives():
    rng = np.random.default_rng(0)
    weight = rng.choice([-254, 254, 2, 128], (256, 256))
    program = sw.Program(
        sw.Input((256,)),
        (sw.Population("p", (256,), (sw.Connection("input", sw.Dense(weight)),)),),
        record={"weights": {"bits": 8, "rule": "loihi"}},
    )
    (core,) = place(program, "loihi1").cores
    assert core.needs["synapse_bits"] == 589_824
    assert core.needs["axons_in"] == 256


def test_a_step_takes_the_slowest_core_and_the_barrier_and_nothing_is_said_without_a_source():
    weight = np.ones((10, 4), int)
    program = sw.Program(sw.Input((4,)), (sw.Population("p", (10,), (sw.Connection("input", sw.Dense(weight)),)),))
    raster = np.zeros((2, 5, 4), int)
    raster[0, :, 0] = 1  # 5 messages in 10 steps: 50 synops, 5 a step
    placement = place(program, "loihi1", raster=raster)
    assert placement.latency.s_per_step == pytest.approx((5 * 3.5 + 10 * 5.3 + 113) * 1e-9)
    latency = place(program, "loihi2", raster=raster).latency
    assert latency.s_per_step is None
    assert "no time of an operation of loihi2 is published" in latency.reason


def test_a_million_neurons_are_placed_in_a_minute():
    side = 177
    weight = np.ones((16, 1, 3, 3), int)
    again = np.ones((1, 1, 3, 3), int).repeat(16, 0)
    first = sw.Population("first", (16, side, side), (sw.Connection("input", sw.Conv(weight, padding=(1, 1))),))
    wide = sw.Conv(again, padding=(1, 1), groups=16)
    second = sw.Population("second", (16, side, side), (sw.Connection("first", wide),), fires=False)
    program = sw.Program(sw.Input((1, side, side)), (first, second))
    assert sum(p.size for p in program.populations) == 1_002_528
    start = time.process_time()
    placement = place(program, "loihi1", placer="greedy")
    assert time.process_time() - start < 60
    assert sum(core.needs["neurons"] for core in placement.cores) == 1_002_528
    assert placement.mesh.chips == -(-len(placement.cores) // 128)


def test_pilotnet_takes_two_chips_of_loihi_1_and_part_of_one_loihi_2():
    program = pilotnet()
    first, second = (place(program, target) for target in ("loihi1", "loihi2"))
    assert (len(first.cores), first.mesh.chips) == (225, 2)
    assert (len(second.cores), second.mesh.chips) == (20, 1)
    limited = {row["population"]: row["limited_by"] for row in first.by_population()}
    assert (limited["conv1"], limited["conv2"]) == ("axons_out", "synapse_bits")
    for placement in (first, second):
        held = sum(core.needs["neurons"] for core in placement.cores)
        assert held == sum(p.size for p in program.populations)
        assert max(max(core.use.values()) for core in placement.cores) <= 1
