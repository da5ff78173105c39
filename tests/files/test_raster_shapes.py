"""A signal (C, L) and the same with a height of 1 stand for one another, in every command that reads a raster."""

import nir
import numpy as np
import pytest

from exporters.program_file import read_program
from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster, read_raster_facts

SHORT, LONG = (1, 40), (1, 1, 40)


@pytest.fixture
def signals(tmp_path):
    rng = np.random.default_rng(3)
    spikes = (rng.random((3, 10, *SHORT)) < 0.3).astype(np.uint8)
    np.savez(tmp_path / "short.npz", spikes=spikes)
    np.savez(tmp_path / "long.npz", spikes=spikes.reshape(3, 10, *LONG))
    weight, shape = rng.normal(size=(4, 1, 5)), (4, 20)
    nodes = {
        "input": nir.Input({"input": np.array(SHORT)}),
        "conv": nir.Conv1d(
            input_shape=40, weight=weight, stride=2, padding=2, dilation=1, groups=1, bias=np.full(4, 0.3)
        ),
        "lif": nir.CubaLIF(
            tau_syn=np.full(shape, 0.01),
            tau_mem=np.full(shape, 0.02),
            r=np.full(shape, 10.0),
            v_leak=np.zeros(shape),
            v_threshold=np.full(shape, 0.2),
            v_reset=np.zeros(shape),
            w_in=np.ones(shape),
        ),
        "output": nir.Output({"output": np.array(shape)}),
    }
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, [("input", "conv"), ("conv", "lif"), ("lif", "output")]))
    return tmp_path, spikes


@pytest.mark.parametrize("asked", [SHORT, LONG])
@pytest.mark.parametrize("name", ["short", "long"])
def test_a_raster_has_the_shape_that_is_asked_for(signals, asked, name):
    folder, spikes = signals
    raster = read_raster(folder / f"{name}.npz", asked)
    assert raster.spikes.shape == (3, 10, *asked)
    assert np.array_equal(raster.spikes, spikes.reshape(raster.spikes.shape))
    assert read_raster_facts(folder / f"{name}.npz", asked).shape == (3, 10, *asked)


@pytest.mark.parametrize("asked", [(40,), (40, 1), (2, 20), (1, 40, 1), (1, 2, 20)])
def test_as_many_values_in_another_order_are_refused(signals, asked):
    with pytest.raises(InputError, match="shape"):
        read_raster(signals[0] / "short.npz", asked)


def test_a_network_of_signals_compiles_from_either(signals):
    folder, _ = signals
    for name in ("short", "long"):
        arguments = ["--dt", "1e-3", "--data", f"{folder / name}.npz", "-o", f"{folder / name}.nir"]
        assert main(["compile", str(folder / "net.nir"), *arguments]) == 0
    programs = [read_program(folder / f"{name}.nir") for name in ("short", "long")]
    assert programs[0].digest == programs[1].digest
    for name in ("short", "long"):
        assert main(["verify", f"{folder}/short.nir", "--input", f"{folder / name}.npz", "--against", "fast"]) == 0
        trace = ["--engine", "reference", "-o", f"{folder}/trace-{name}.npz"]
        assert main(["run", f"{folder}/short.nir", "--input", f"{folder / name}.npz", *trace]) == 0
    with np.load(folder / "trace-short.npz") as short, np.load(folder / "trace-long.npz") as long:
        assert short.files == long.files
        assert all(np.array_equal(short[k], long[k]) for k in short.files)
