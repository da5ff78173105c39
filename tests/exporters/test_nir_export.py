"""The NIR export: two files that mean the program, losses that say where they cannot, and nothing that goes unseen."""

from dataclasses import replace

import h5py
import nir
import numpy as np
import pytest

from exporters import to_nir
from exporters.artifact import Loss, read_artifact
from exporters.program_file import read_program
from exporters.registry import export
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, InputError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from sim.wiring import apply
from snn2hw.network.float_reference import float_reference
from snn2hw.sources.from_nir import from_nir
from tests.exporters.small import small_program
from tests.programs import Space, random_program, random_raster


@pytest.mark.parametrize("seed", range(6))
def test_both_files_are_read_by_stock_nir_and_one_gives_the_program_back(tmp_path, seed):
    program = random_program(np.random.default_rng(seed))
    artifact = export(program, "nir", tmp_path / "out")
    assert artifact.files == ("network.nir", "program.nir")
    assert artifact == read_artifact(tmp_path / "out")
    assert read_program(tmp_path / "out" / "program.nir").digest == artifact.digest == program.digest
    exact, floats = (nir.read(tmp_path / "out" / name) for name in artifact.files[::-1])
    assert set(floats.nodes) == {n for n in exact.nodes if not isinstance(exact.nodes[n], nir.Scale)}
    weights = [n.weight for n in floats.nodes.values() if hasattr(n, "weight")]
    assert all(w.dtype == np.float32 for w in weights)


@pytest.mark.parametrize("seed", range(6))
def test_executing_the_files_gives_what_the_reference_gives(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    raster = random_raster(rng, program)
    expected = run(program, raster, record=RECORDABLE, allow_wrap=True)
    assert first_divergence(program, expected, to_nir.execute(program, raster)) is None


def _unrounded(program, raster):
    """Run the machine in float64 without rounding: spikes and v in mantissas, (T, *shape) of one sample."""
    sent = {"input": list(raster[0].astype(np.int64)), **{p.name: [] for p in program.populations}}
    state = {p.name: [np.zeros(p.shape), p.v0 / 64] for p in program.populations}
    seen = {p.name: [] for p in program.populations}
    for t in range(raster.shape[1]):
        for p in program.populations:
            a = np.zeros(p.shape)
            for c in p.inputs:
                if t >= c.lag:
                    message = sent[c.source][t - c.lag][None]
                    a += 2.0**c.exponent * apply(c.wiring, message, program.shape_of(c.source), p.shape)[0]
            u, v = state[p.name]
            u = (1 - (p.du + 1) / 4096) * u + a
            v = (1 - p.dv / 4096) * v + u + (p.bias_mantissa << p.bias_exponent) / 64
            z = (v > p.vth) & p.fires
            v = np.where(z, v - p.vth if p.reset == "subtract" else 0, v)
            state[p.name] = [u, v]
            sent[p.name].append(z.astype(np.int64))
            seen[p.name].append((z, v))
    return seen


PLAIN = Space(weight_limit=255).without("readouts", "feedback", "many", "at_threshold", "refractory")


@pytest.mark.parametrize("seed", range(10))
def test_our_own_reader_gives_the_float_network_its_meaning_back(tmp_path, seed):
    """`from_nir` finds dt, scheme and reset in the file; its float reference is the machine without rounding."""
    rng = np.random.default_rng(seed)
    program = random_program(rng, PLAIN)
    program = replace(program, populations=[replace(p, u0=0) for p in program.populations])
    raster = random_raster(rng, program, batch=1, steps=6)
    to_nir.export(program, tmp_path / "out", dt_s=2e-3)
    source = from_nir(tmp_path / "out" / "network.nir")
    assert (source.dt, source.scheme) == (2e-3, "euler")
    trace = float_reference(source, raster.reshape(1, raster.shape[1], *source.input_shape))
    for name, steps in _unrounded(program, raster).items():
        for t, (z, v) in enumerate(steps):
            np.testing.assert_array_equal(trace.spikes[name][0, t].reshape(z.shape), z, err_msg=f"{name} step {t}")
            np.testing.assert_allclose(trace.v[name][0, t].reshape(v.shape), v, rtol=1e-3, atol=1e-2)


def test_what_nir_cannot_say_is_a_loss(tmp_path):
    artifact = to_nir.export(small_program(), tmp_path / "out")
    assert artifact.losses == (
        Loss("NIR holds no step: network.nir means forward Euler at 0.001 s, said in its metadata only"),
        Loss("network.nir is the dynamics without rounding, wraps and clips: near a threshold its spikes may differ"),
        Loss("NIR has no reset rule: reset by subtraction stands in the metadata only", "fc"),
        Loss("NIR has no initial state: v0 stands in the metadata only", "fc"),
        Loss("NIR has no initial state: u0 stands in program.nir only", "fc"),
        Loss("what arrives from 'conv' is floored after >> 4, in NIR not", "fc"),
    )


def test_weights_beyond_float32_are_a_loss(tmp_path):
    wide = Population("wide", (1,), (Connection("input", Dense([[2**24 + 1]])),))
    losses = to_nir.export(Program(Input((1,)), (wide,)), tmp_path / "out").losses
    assert Loss("weights from 'input' beyond 2^24 are rounded to float32 in network.nir", "wide") in losses


def test_the_step_is_asked_for_recorded_or_the_common_one(tmp_path):
    recorded = small_program()
    bare = Program(recorded.input, recorded.populations)
    for program, dt_s, expected in ((recorded, None, 1e-3), (recorded, 5e-4, 5e-4), (bare, None, 1e-4)):
        to_nir.export(program, tmp_path / "out", dt_s=dt_s)
        graph = nir.read(tmp_path / "out" / "network.nir")
        assert graph.metadata["snn2hw_dt"] == expected
        np.testing.assert_allclose(graph.nodes["conv"].tau_syn, expected * 4, rtol=1e-6)
    with pytest.raises(InputError, match=r"dt_s is 0\.0  fix: give the length of a step in seconds"):
        to_nir.export(bare, tmp_path / "none", dt_s=0.0)
    assert not (tmp_path / "none").exists()


def _flip(path, dataset, place):
    with h5py.File(path, "r+") as file:
        value = file[dataset][place]
        file[dataset][place] = value ^ 1 if value.dtype.kind == "i" else value + 1


@pytest.mark.parametrize(
    ("file", "dataset", "place", "message"),
    [
        ("program.nir", "node/nodes/fc_to_fc/weight", (2, 3), r"population 'fc': weight \(2, 3\) from 'fc' is"),
        (
            "program.nir",
            "node/nodes/conv/metadata/register_dv",
            (1, 2, 3),
            r"population 'conv': dv of neuron \(1, 2, 3\)",
        ),
        ("program.nir", "node/nodes/fc/v_threshold", 1, "node 'fc': v_threshold contradicts the program"),
        ("network.nir", "node/nodes/fc_to_fc/weight", (2, 3), "node 'fc_to_fc': weight is not what the program gives"),
    ],
)
def test_a_single_changed_value_is_found_and_located(tmp_path, file, dataset, place, message):
    program = small_program()
    to_nir.export(program, tmp_path / "out")
    raster = np.zeros((1, 2, 2, 5, 5), dtype=np.int32)
    to_nir.execute(program, raster, folder=tmp_path / "out")
    _flip(tmp_path / "out" / file, dataset, place)
    with pytest.raises(FileError, match=message):
        to_nir.execute(program, raster, folder=tmp_path / "out")


def test_a_folder_of_another_program_is_refused(tmp_path):
    to_nir.export(random_program(np.random.default_rng(0)), tmp_path / "out")
    with pytest.raises(FileError, match="was made from program"):
        to_nir.execute(small_program(), np.zeros((1, 1, 2, 5, 5), dtype=np.int32), folder=tmp_path / "out")
