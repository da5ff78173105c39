"""What others recorded, reproduced spike by spike when their register values are taken as they are."""

import numpy as np
import pytest

from sim.engines import run
from sim.errors import InputError, UnsupportedError
from snn2hw.compiler.compile import compile_source
from snn2hw.sources.from_nir import from_nir
from tests.recordings import recordings

DT = 1e-4


def test_a_recorded_dense_layer_is_reproduced():
    folder = recordings("cases", "dense_layer")
    program = compile_source(from_nir(folder / "B1_dense_200_256.nir", dt=DT), scale=1).program
    recorded = np.load(folder / "B1_io.npz")
    spikes = run(program, recorded["input"][None]).output[0]
    lag = int(recorded["lag"])
    assert recorded["output"].sum() == 1826
    np.testing.assert_array_equal(spikes[:-lag], recorded["output"][lag:])
    neuron = program.output
    assert (neuron.du.flat[0], neuron.dv.flat[0], neuron.vth.flat[0]) == (4095, 415, 6)


def test_a_recorded_convolutional_net_is_reproduced_in_both_layers():
    folder = recordings("cases", "tinynet")
    program = compile_source(from_nir(folder / "B3_tinynet.nir", dt=DT), scale=1).program
    recorded = np.load(folder / "B3_io.npz")
    trace = run(program, recorded["input"][None])
    np.testing.assert_array_equal(trace.spikes["l1"][0], recorded["layer1"])
    np.testing.assert_array_equal(trace.spikes["l2"][0], recorded["output"])
    assert recorded["output"].sum() == 92


def test_a_scale_that_leaves_no_registers_is_refused():
    source = from_nir(recordings("cases", "dense_layer") / "B1_dense_200_256.nir", dt=DT)
    with pytest.raises(InputError, match=r"population 'lif': weights .* are not all registers") as caught:
        compile_source(source, scale=1.5)
    assert caught.value.fix is not None
    assert "scale='auto'" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "dialect", "dt", "target", "reason"),
    [
        ("cnn_sinabs", "nir", 1.0, "loihi1", None),
        ("cnn_sinabs", "sinabs", None, "loihi1", "several spikes in one step"),
        ("braille_nobias_subtract", "snntorch", DT, "loihi2", None),
        ("braille_nobias_subtract", "snntorch", DT, "loihi1", "resets by subtraction"),
    ],
)
def test_networks_of_others_compile_or_are_refused_for_a_reason(name, dialect, dt, target, reason):
    source = from_nir(recordings("cases", "nir_corpus") / f"{name}.nir", dt=dt, dialect=dialect)
    if reason is None:
        compiled = compile_source(source, target, steps=50)
        raster = np.random.default_rng(0).integers(0, 2, (2, 50, *source.input_shape))
        assert run(compiled.program, raster).counts.spikes[compiled.program.populations[0].name].sum() > 0
        return
    with pytest.raises(UnsupportedError, match=reason):
        compile_source(source, target, steps=50)
