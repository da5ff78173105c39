"""What a placement makes of messages, hops and synops lies between the ends of a chip's table, under every placer."""

import json
from dataclasses import replace

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program
from sim.engines import run
from sim.errors import InputError
from snn2hw.chips.target import CoreLimits
from snn2hw.commands import main
from snn2hw.costs.mesh_band import MeshBand
from snn2hw.costs.on_mesh import mesh_bound, on_mesh
from snn2hw.costs.price_files import get_table
from snn2hw.costs.workload import spiking_workload
from snn2hw.files.rasters import write_raster
from snn2hw.placement.place import PLACERS, place
from snn2hw.placement.played import play, sends_of
from snn2hw.zoo import located
from tests.placement.test_place import ROOMY, chip
from tests.placement.test_replay import sound
from tests.programs import random_program, random_raster

TABLE = "loihi1_sanafe2025"


def ends(program, raster, target):
    """Return the least and the most of every event of a run, one sample."""
    counts = run(program, raster, allow_wrap=True).counts
    work = spiking_workload(program, counts, raster.shape[1])
    placed = on_mesh(work, program, counts, raster.shape[1], mesh_bound(program, target))
    least = {event: int(placed.least.get(event, n)[0]) for event, n in placed.events.items()}
    return least, {event: int(placed.most.get(event, n)[0]) for event, n in placed.events.items()}


@pytest.mark.parametrize("placer", PLACERS)
def test_no_placer_leaves_the_ends(placer):
    far, late = 0, 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program, batch=1, steps=5)
        target = chip(CoreLimits(neurons=int(rng.integers(2, 9))), cores=int(rng.integers(4, 33)))
        placement = place(program, target, raster=raster, placer=placer)
        done = play(program, placement, sends_of(program, placement, raster))
        least, most = ends(program, raster, target)
        synops = sum(int(n.sum()) for n in done.synops.values())
        sent, across, down = (int(n.sum()) for n in (done.sent, done.across, done.down))
        assert least["message"] <= sent <= most["message"]
        assert least["hop_across"] == least["hop_down"] == 0
        assert across <= most["hop_across"]
        assert down <= most["hop_down"]
        assert least["synop"] <= synops <= most["synop_dense"] + most["synop_conv"]
        far += across + down
        late += synops - least["synop"]
    assert far > 30  # else nothing was bounded
    assert late > 30


def chain(lag=0):
    """One input -> one neuron that fires at each -> five readers."""
    first = sw.Population("first", (1,), (sw.Connection("input", sw.Dense([[127]])),), vth=0, du=4095, dv=4095)
    wired = sw.Connection("first", sw.Dense(np.ones((5, 1), int)), lag=lag)
    return sw.Program(sw.Input((1,)), (first, sw.Population("second", (5,), (wired,), vth=99)))


RASTER = np.array([[[1], [0], [1], [1]]], np.uint8)


def test_the_bound_of_a_chain_worked_out_by_hand():
    one = chip(replace(ROOMY, neurons=1), cores=16)  # 4 tiles of 4 cores in one row: half as many rows as columns
    bound = mesh_bound(chain(), one)
    assert (bound.slices, bound.cores) == (6, 6)
    assert bound.readers == {"input": (1, 1), "first": (5, 5), "second": (0, 0)}
    assert (bound.across, bound.down) == (3, 0)
    least, most = ends(chain(), RASTER, one)
    # three spikes reach one core at the least, five at the most; the host's three reach no or one core
    assert (least["message"], most["message"]) == (3, 3 * 5 + 3)
    assert (most["hop_across"], most["hop_down"]) == (18 * 3, 0)
    assert (least["synop_dense"], most["synop_dense"]) == (3 + 15, 3 + 15)


def test_messages_of_which_a_delay_keeps_back_some_are_looked_up_all_the_same():
    least, most = ends(chain(lag=2), RASTER, "loihi1")
    # the spike of step 0 arrives in step 2; those of steps 2 and 3 are under way when the run ends
    assert (least["synop_dense"], most["synop_dense"]) == (3 + 5, 3 + 15)
    assert least["message"] == 3  # of three spikes, one core each
    assert most["message"] == 3 + 3


def test_a_program_on_one_core_needs_no_placement_to_know_its_messages():
    report = sw.energy(chain(), RASTER, tables=TABLE)
    (cost,) = report.snn
    # six neurons in one core of 128: seven hops across and three down, at the most
    assert cost.parts["message"].high.mean == 6 * 111
    assert cost.parts["message"].low.mean == 3 * 111
    assert cost.parts["hop_across"].high.mean == pytest.approx(6 * 7 * 3.0)
    assert cost.parts["hop_down"].high.mean == pytest.approx(6 * 3 * 4.2)
    assert cost.parts["hop_across"].counted.mean == cost.parts["hop_down"].low.mean == 0
    assert any("placed on loihi1, a spike goes to at most 1 cores (2 slices in 1 cores)" in n for n in report.notes)


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_placement_that_is_known_says_every_message_and_hop(chunk):
    program = read_program(located("zoo:keywords"))
    raster = np.concatenate([sound(program, steps=12, seed=seed) for seed in range(3)])
    placement = place(program, "loihi1")
    apart = [play(program, placement, sends_of(program, placement, raster[b : b + 1])) for b in range(3)]
    report = sw.energy(program, raster, tables=(TABLE, "cmos45_int8"), placement=placement, chunk=chunk)
    cost = report.snn[0]
    sent, across, down = (
        np.array([getattr(done, name).sum() for done in apart]) for name in ("sent", "across", "down")
    )
    host = np.count_nonzero(raster, axis=(1, 2, 3, 4))
    assert across.min() > 0
    for part, pj, taken in (("message", 111.0, sent), ("hop_across", 3.0, across), ("hop_down", 4.2, down)):
        assert cost.parts[part].low.mean == pytest.approx(taken.mean() * pj, rel=1e-12)
        assert cost.parts[part].counted.mean == pytest.approx(
            (taken + (part == "message") * host).mean() * pj, rel=1e-12
        )
        assert cost.parts[part].low.squares == pytest.approx(((taken - taken.mean()) ** 2).sum() * pj**2)
    free, bound = sw.energy(program, raster, tables=TABLE).snn[0].total, cost.total
    assert free.low.mean < bound.low.mean < bound.high.mean < free.high.mean
    assert any(note.startswith("placed on loihi1, annealed: ") for note in report.notes)
    alone = sw.energy(program, raster[:1], tables=TABLE, placement=placement).snn[0].total
    assert alone.low.mean <= counted_pj(apart[0]) <= alone.high.mean


def counted_pj(done):
    """Return what a mesh prices of a sample, by the table of its events."""
    active = done.fired + done.idle
    soma = done.neurons.sum() * len(done.fired) * 51.2 + active.sum() * 21.6 + done.fired.sum() * 69.3
    synapse = sum(
        int(n.sum()) * {"dense": 35.5, "sparse": 33.6, "shared": 24.0}[name] for name, n in done.synops.items()
    )
    return soma + synapse + done.sent.sum() * 111.0 + done.across.sum() * 3.0 + done.down.sum() * 4.2


def test_a_placement_of_another_program_or_chip_is_refused():
    placement = place(chain(), "loihi1")
    with pytest.raises(InputError, match="of another program"):
        sw.energy(chain(lag=2), RASTER, tables=TABLE, placement=placement)
    with pytest.raises(InputError, match=r"a placement on loihi1: not the chip of cmos45_int8, ndns_proxy"):
        sw.energy(chain(), RASTER, tables=("cmos45_int8", "ndns_proxy"), placement=placement)


def test_the_command_places_what_it_prices(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sw.write_program(chain(), "p.nir")
    write_raster("x.npz", RASTER)
    assert main(["energy", "p.nir", "--input", "x.npz", "--placer", "in_order", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert any(
        n.startswith("placed on loihi1, in_order: 3.0 messages between cores over 0.0 hops") for n in said["notes"]
    )
    assert main(["energy", "p.nir", "--input", "x.npz", "--placer", "greedy", "--tables", "cmos45_int8"]) == 2
    assert "--placer greedy: the tables are of no chip" in capsys.readouterr().err


def test_a_program_that_fits_into_no_core_is_priced_without_hops_and_says_so():
    wide = sw.Population("wide", (1,), (sw.Connection("input", sw.Dense(np.ones((1, 5000), int))),), vth=9)
    report = sw.energy(sw.Program(sw.Input((5000,)), (wide,)), np.ones((1, 2, 5000), np.uint8), tables=TABLE)
    assert any(note.startswith("not placed on loihi1: population 'wide'") for note in report.notes)
    assert report.snn[0].parts["hop_across"].high.mean == 0


def test_a_table_of_no_chip_has_no_hops(tmp_path):
    text = f'extends = "{TABLE}"\nchip = "loihi9"\n'
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=r"chip is 'loihi9'.*write one of loihi1"):
        get_table(tmp_path / "mine.toml")
    (tmp_path / "sums.toml").write_text('extends = "cmos45_int8"\nchip = "loihi1"\n')
    with pytest.raises(InputError, match="chip is 'loihi1', view 'arithmetic'"):
        get_table(tmp_path / "sums.toml")


@pytest.mark.parametrize(("placed", "holds"), [(10.0, True), (30.0, True), (9.99, False), (30.01, False)])
def test_a_band_says_whether_it_holds(placed, holds):
    band = MeshBand(TABLE, 10.0, 20.0, 30.0, placed)
    assert band.holds is holds
    assert ("does not hold" in str(band)) is not holds
    assert band.to_json()["holds"] is holds
