"""SANA-FE, given our placement and spikes, finds what we count: every message, hop, synop, time and picojoule."""

import json
import re

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program
from sim.errors import InputError, MachineError, MissingToolError, ToolError, UnsupportedError
from snn2hw.commands import main
from snn2hw.costs.mesh_band import TABLE, mesh_band
from snn2hw.files.rasters import write_raster
from snn2hw.placement.counting import count_mesh
from snn2hw.placement.mesh_prices import MESH_PRICES, mesh_prices
from snn2hw.placement.place import place
from snn2hw.placement.replay import replay
from snn2hw.placement.sanafe_install import find_python
from snn2hw.placement.simulate import simulate
from snn2hw.zoo import located, zoo_names
from tests.placement.test_place import ROOMY, chip
from tests.programs import random_program, random_raster
from tests.rows import a_third

LOIHI = MESH_PRICES["loihi1"]


@pytest.fixture
def sanafe():
    try:
        return find_python()
    except MissingToolError as missing:
        pytest.skip(str(missing))


def agree(found, ours):
    """Compare two runs step by step: integers are equal, times and energies but for the order of their sums."""
    assert (found.totals, found.spikes) == (ours.totals, ours.spikes)
    for theirs, own in zip(found.steps, ours.steps, strict=True):
        for name in ("messages", "host_messages", "hops", "synops"):
            assert getattr(theirs, name) == getattr(own, name)
        assert theirs.slowest_s == pytest.approx(own.slowest_s, rel=1e-9)
        assert theirs.barrier_s == pytest.approx(own.barrier_s, rel=1e-6)
    for name, pj in ours.energy_pj.items():
        assert found.energy_pj[name] == pytest.approx(pj, rel=1e-9, abs=1e-6)


def assert_placed(found, placement):
    """Compare a run with what its placement says of the same sample."""
    assert (found.totals["messages"], found.totals["hops"]) == (placement.messages, placement.hops)


def sound(program, steps, seed=0):
    """Return messages such as a front end sends: as many small ones as large ones are rare."""
    drawn = np.random.default_rng(seed).normal(0, 8, (1, steps, *program.input.shape))
    return np.clip(np.rint(drawn), program.input.lo, program.input.hi).astype(np.int16)


SEEDS = [pytest.param(range(1, 7), id="six"), pytest.param(range(7, 21), id="others", marks=pytest.mark.full)]


@pytest.mark.parametrize("seeds", SEEDS)
def test_random_programs_cost_the_same(sanafe, seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program, batch=1, steps=4)
        target = chip(ROOMY, cores=16 if seed % 2 else 2)  # one chip, or several
        placement = place(program, target, raster=raster)
        found = replay(program, placement, raster, LOIHI)
        assert_placed(found, placement)
        agree(found, count_mesh(program, placement, raster, LOIHI))
        assert mesh_band(program, target, raster, found.total_pj).holds


def inside(found, said):
    """Say whether energy's band holds what was found; a silent network is at its low end, but for the order of sums."""
    return said.low.mean * (1 - 1e-9) <= found.total_pj <= said.high.mean * (1 + 1e-9)


@pytest.mark.parametrize("name", a_third(zoo_names()))
def test_the_zoo_costs_the_same_and_what_energy_says(sanafe, name):
    program = read_program(located(f"zoo:{name}"))
    raster = sound(program, steps=4)
    placement = place(program, "loihi1", raster=raster)
    found = replay(program, placement, raster)
    assert_placed(found, placement)
    agree(found, count_mesh(program, placement, raster))
    said = sw.energy(program, raster, tables=TABLE).snn[0].total  # as `snn2hw energy` prints it, without a placement
    assert inside(found, said)
    beside = mesh_band(program, "loihi1", raster, found.total_pj)
    assert (beside.low, beside.counted, beside.high) == (said.low.mean, said.counted.mean, said.high.mean)


@pytest.mark.parametrize("seeds", SEEDS)
def test_random_programs_cost_what_energy_says(sanafe, seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program, batch=1, steps=4)
        found = replay(program, place(program, "loihi1", raster=raster), raster)
        assert mesh_band(program, "loihi1", raster, found.total_pj).holds
        try:
            said = sw.energy(program, raster, tables=TABLE).snn[0].total
        except MachineError:  # a register wraps, as on a chip
            continue
        assert inside(found, said)


def pattern(readers):
    """Four spikes of one neuron, at steps 0, 2, 4 and 6; its readers, of one neuron each, lie in a core each."""
    first = sw.Population("first", (1,), (sw.Connection("input", sw.Dense([[127]])),), vth=0, du=4095, dv=4095)
    second = sw.Population("second", (readers,), (sw.Connection("first", sw.Dense(np.ones((readers, 1), int))),), vth=9)
    program = sw.Program(sw.Input((1,)), (first, second))
    raster = np.zeros((1, 9, 1), int)
    raster[0, [0, 2, 4, 6]] = 1
    target = chip(ROOMY.__class__(neurons=1), cores=16)
    return program, place(program, target, raster=raster, placer="in_order"), raster


def test_one_reader_beside_its_sender_counted_by_hand():
    """Two cores of one tile: four messages, no hop; what each costs is written out."""
    program, placement, raster = pattern(1)
    run = count_mesh(program, placement, raster, LOIHI)
    assert [step.messages for step in run.steps] == [1, 0, 1, 0, 1, 0, 1, 0, 0]
    assert [step.host_messages for step in run.steps] == [1, 0, 1, 0, 1, 0, 1, 0, 0]
    assert (run.totals, run.spikes) == ({"messages": 4, "hops": 0, "synops": 8}, 4)
    # step 0: core 0 accesses, updates and fires its neuron and sends: 6 + 3.7 + 30 + 5.1; one tile's barrier is 600
    assert run.steps[0].slowest_s == pytest.approx(44.8e-9)
    assert run.steps[0].barrier_s == pytest.approx(600e-9)
    # step 1: core 1 accesses and updates its neuron, whose u is there since the message of step 0: 6 + 3.7
    assert run.steps[1].slowest_s == pytest.approx(9.7e-9)
    assert run.steps[1].slowest == 1
    # one weight: dense and sparse take one word of 64 bits each, so it is dense: 8 synops of 35.5
    assert run.energy_pj["synapse"] == pytest.approx(8 * 35.5)
    # 18 accesses; the first neuron is active where it fires, the second in all nine steps; four spikes
    assert run.energy_pj["soma"] == pytest.approx(18 * 51.2 + (4 + 9) * 21.6 + 4 * 69.3)
    assert run.energy_pj["messages"] == pytest.approx(4 * 111)
    assert run.energy_pj["hops"] == 0


def test_five_readers_in_two_tiles_counted_by_hand():
    """Core 0 sends to cores 1 to 5: three in its own tile, two in the next one down or across."""
    program, placement, raster = pattern(5)
    assert len(placement.cores) == 6
    run = count_mesh(program, placement, raster, LOIHI)
    assert [step.messages for step in run.steps] == [5, 0, 5, 0, 5, 0, 5, 0, 0]
    assert [step.hops for step in run.steps] == [2, 0, 2, 0, 2, 0, 2, 0, 0]
    assert run.steps[0].slowest_s == pytest.approx((6 + 3.7 + 30 + 5 * 5.1) * 1e-9)
    assert run.steps[0].barrier_s == pytest.approx(1000e-9)
    (x0, _), (x1, _) = placement.mesh.tiles[[0, 4]].tolist()
    assert run.energy_pj["hops"] == pytest.approx(8 * (3.0 if x0 != x1 else 4.2))


@pytest.mark.parametrize("readers", [1, 5])
def test_the_patterns_replayed_cost_what_was_counted(sanafe, readers):
    program, placement, raster = pattern(readers)
    agree(replay(program, placement, raster, LOIHI), count_mesh(program, placement, raster, LOIHI))


def test_our_prices_are_those_of_the_file_that_comes_with_it(sanafe):
    (text,) = [
        path.read_text() for path in sanafe.parents[1].glob("lib/python*/site-packages/sanafe/examples/loihi.yaml")
    ]

    def said(name):
        return sorted({float(value) for value in re.findall(rf"{name}: ([\d.e-]+)", text)})

    joules = {price.pj * 1e-12 for price in LOIHI.synop.values()}
    assert said("energy_process_spike") == pytest.approx(sorted(joules))
    assert said("latency_process_spike") == pytest.approx(sorted(price.ns * 1e-9 for price in LOIHI.synop.values()))
    for name, price in {
        "access_neuron": LOIHI.access,
        "update_neuron": LOIHI.update,
        "spike_out": LOIHI.spike,
        "message_out": LOIHI.message_out,
        "message_in": LOIHI.message_in,
        "east_hop": LOIHI.hop_across,
        "west_hop": LOIHI.hop_across,
        "north_hop": LOIHI.hop_down,
        "south_hop": LOIHI.hop_down,
    }.items():
        assert said(f"energy_{name}")[-1] == pytest.approx(price.pj * 1e-12)
        assert said(f"latency_{name}")[-1] == pytest.approx(price.ns * 1e-9)
    (table,) = re.findall(r"latency_sync: \{([^}]*)\}", text)
    given = {int(tiles): float(s) for tiles, s in (pair.split(":") for pair in table.split(","))}
    assert given == pytest.approx({tiles: ns * 1e-9 for tiles, ns in LOIHI.barrier_ns.items()})


@pytest.mark.parametrize(
    ("tiles", "ns"), [(1, 600), (2, 1000), (3, 1000), (4, 1400), (28, 1400), (29, 1800), (64, 1800)]
)
def test_a_barrier_takes_what_is_given_for_so_many_tiles(tiles, ns):
    assert LOIHI.barrier(tiles) == ns


def test_the_command_says_what_the_mesh_does(tmp_path, monkeypatch, capsys, sanafe):
    program, _, raster = pattern(3)
    sw.write_program(program, tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", raster.astype(np.uint8))
    monkeypatch.chdir(tmp_path)
    words = ["place", "p.nir", "--target", "loihi1", "--input", "x.npz"]
    said = {}
    for by in ("count", "sanafe"):
        assert main([*words, "--simulate", by, "--json"]) == 0
        said[by] = json.loads(capsys.readouterr().out)["simulated"]
    assert said["count"]["messages"] == said["sanafe"]["messages"]
    assert "bound by counting" in said["count"]["note"]
    for found in said.values():
        band, energy = found["band_pj"], found["energy_pj"]["total"]
        assert band["holds"] is (band["low"] <= energy <= band["high"]) is True
    assert main([*words, "--simulate", "sanafe"]) == 0
    out = capsys.readouterr().out
    assert "SANA-FE 2.2.9" in out
    assert "energy under loihi1_sanafe2025, without a placement" in out
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["simulated"] is None


def test_what_cannot_be_simulated_is_refused(tmp_path, monkeypatch, capsys):
    program, placement, raster = pattern(1)
    with pytest.raises(UnsupportedError, match="target loihi2: no energy and time"):
        mesh_prices("loihi2")
    with pytest.raises(InputError, match="did you mean 'sanafe'"):
        simulate(program, placement, raster, "sanaffe")
    other, _, _ = pattern(2)
    with pytest.raises(InputError, match="of another program"):
        count_mesh(other, placement, raster, LOIHI)
    sw.write_program(program, tmp_path / "p.nir")
    monkeypatch.chdir(tmp_path)
    assert main(["place", "p.nir", "--target", "loihi1", "--simulate", "count"]) == 2
    assert "--simulate without --input" in capsys.readouterr().err


def test_too_many_synapses_a_fault_and_a_missing_tool_are_named(monkeypatch, tmp_path):
    program, placement, raster = pattern(3)
    monkeypatch.setenv("SNN2HW_SANAFE", str(tmp_path))
    with pytest.raises(MissingToolError, match="its environment"):
        replay(program, placement, raster, LOIHI)
    monkeypatch.setattr("snn2hw.placement.replay.find_python", lambda: "/bin/false")
    with pytest.raises(ToolError, match="SANA-FE"):
        replay(program, placement, raster, LOIHI)
    for most, said in ((3, "4 synapses to replay"), (2, "3 pairs of neurons")):
        monkeypatch.setattr("snn2hw.placement.replay.MOST_PAIRS", most)
        with pytest.raises(InputError, match=said):
            replay(program, placement, raster, LOIHI)
    monkeypatch.undo()
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setattr("snn2hw.placement.replay.find_python", lambda: slow)
    with pytest.raises(ToolError, match=r"not done after 0\.2 s"):
        replay(program, placement, raster, LOIHI, timeout_s=0.2)
