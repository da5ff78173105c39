"""What exceeds a core is named, the smallest chip refuses by name, traffic counts for the zoo, and a million fit."""

import os
import subprocess
import sys
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program
from snn2hw.chips.target import get_target
from snn2hw.commands import main
from snn2hw.placement.bound import least_cores
from snn2hw.placement.place import place
from snn2hw.zoo import located, zoo_names
from tests.placement.test_place import ROOMY, chip

STRAIGHT = ("esc10",)
"""Programs whose cores lie in order as well as anywhere."""


@pytest.mark.parametrize("name", zoo_names())
def test_traffic_over_the_zoo_is_never_worse_than_in_order(name):
    program = read_program(located(f"zoo:{name}"))
    drawn = np.random.default_rng(0).normal(0, 8, (1, 20, *program.input.shape))
    raster = np.clip(np.rint(drawn), program.input.lo, program.input.hi).astype(np.int16)
    placed = [place(program, "loihi1", raster=raster, placer=p) for p in ("annealed", "greedy", "in_order")]
    assert all(a.hops <= b.hops for a, b in pairwise(placed))
    assert placed[0].hops < placed[2].hops or name in STRAIGHT
    assert all(len(p.cores) >= least_cores(program, get_target("loihi1")).least for p in placed)


def test_what_exceeds_a_core_and_the_split_are_said_by_name():
    wide = sw.Population("wide", (130,), (sw.Connection("input", sw.Dense(np.ones((130, 2), int))),), vth=0)
    out = sw.Population("out", (4,), (sw.Connection("wide", sw.Dense(np.ones((4, 130), int))),), fires=False)
    placement = place(sw.Program(sw.Input((2,)), (wide, out)), chip(ROOMY))
    rows = {row["population"]: row for row in placement.by_population()}
    assert rows["wide"]["exceeds"] == {"neurons": round(130 / 64, 3)}
    assert (rows["wide"]["slices"], rows["wide"]["largest"]) == (3, [44])
    assert rows["out"]["exceeds"] == {}
    assert "neurons 2.0 x" in str(placement)


def test_a_chip_file_of_one_neuron_eight_bits_and_one_axon_refuses_by_name(tmp_path, monkeypatch, capsys):
    text = resources.files("snn2hw.chips").joinpath("loihi1.toml").read_text()
    lines = text.splitlines()
    ends = {"neurons": 1, "synapse_bits": 8, "axons_in": 1, "axons_out": 1}
    inside = range(lines.index("[core]                  # limits of one core"), lines.index("[chip]"))
    for n in inside:
        name = lines[n].partition(" = ")[0]
        lines[n] = f"{name} = {ends[name]}" if name in ends else lines[n]
    (tmp_path / "tiny.toml").write_text("\n".join(lines))
    first = sw.Population("first", (2,), (sw.Connection("input", sw.Dense(np.ones((2, 1), int))),), vth=1)
    sw.write_program(sw.Program(sw.Input((1,)), (first,)), tmp_path / "p.nir")
    monkeypatch.chdir(tmp_path)
    assert main(["place", "p.nir", "--target", "tiny.toml"]) == 1
    said = capsys.readouterr().err
    assert "population 'first': neuron (0,) alone needs 64 bits of synapses, a core of loihi1 has 8" in said
    assert "fix: prune its synapses" in said


MILLION = """
import resource, time
import numpy as np
import snn2hw as sw
from snn2hw.placement.place import place

side = 177
weight = np.ones((16, 1, 3, 3), int)
first = sw.Population("first", (16, side, side), (sw.Connection("input", sw.Conv(weight, padding=(1, 1))),))
wide = sw.Conv(weight, padding=(1, 1), groups=16)
second = sw.Population("second", (16, side, side), (sw.Connection("first", wide),), fires=False)
program = sw.Program(sw.Input((1, side, side)), (first, second))
began = time.perf_counter()
placement = place(program, "loihi1")
took = time.perf_counter() - began
assert sum(core.needs["neurons"] for core in placement.cores) == 2 * 16 * side * side > 1_000_000
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.full
def test_a_million_neurons_take_less_than_a_minute_and_two_gigabytes():
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", MILLION]
    done = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    took, kilobytes = map(float, done.stdout.split())
    print(f"{took:.1f} s, {kilobytes / 1e6:.2f} GB")
    assert took < 60
    assert kilobytes < 2e6


def test_lags_of_their_own_cost_a_field_a_weight_and_no_axon():
    """Channels of different lags are parallel connections, kept as one with a delay for every axon would be."""
    kernel = np.random.default_rng(0).integers(1, 9, (32, 8)) * 2
    lags = np.array([0, 1, 1, 2, 2, 5, 5, 0])
    groups = [(lag, np.where(lags == lag, kernel, 0)) for lag in sorted({*lags.tolist()})]
    parallel = tuple(sw.Connection("input", sw.Dense(weight), lag=lag) for lag, weight in groups)

    def needs(*inputs):
        out = sw.Population("out", (32,), inputs, fires=False)
        placed = place(sw.Program(sw.Input((8,)), (out,)), "loihi1", placer="in_order")
        return placed.cores[0].needs

    together, apart = needs(sw.Connection("input", sw.Dense(kernel))), needs(*parallel)
    assert apart["axons_in"] == together["axons_in"] == 8
    words = [-(-(32 * bits + 10) // 64) for bits in (6, 6 + 6)]  # that an axon fills
    assert apart["synapse_bits"] - together["synapse_bits"] == 64 * (lags > 1).sum() * (words[1] - words[0]) > 0
