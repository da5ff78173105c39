"""Every Norse network that the reader knows compiles, wide and narrow, and wide it has the float network's spikes."""

import numpy as np
import pytest

from sim.engines import run
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from snn2hw.network.float_reference import float_reference
from snn2hw.sources.from_norse import from_norse
from tests.sources.norse_zoo import ZOO
from tests.sources.test_from_norse import built

LIVELY = 0.97
"""Random parameters make some networks chaotic: they fire in most steps, and one spike changes all that follow."""

SOME = ("LIFCell", "LIFBoxCell subtract", "LIFRecurrentCell", "IAFCell", "Conv1d", "MaxPool2d", "residual")


def _compiles(name):
    case = built(name)
    source = from_norse(case.module, case.shape, layout=case.layout)
    data = (np.random.default_rng(1).random((4, 25, *case.shape)) < 0.4).astype(np.uint8)
    ideal = float_reference(source, data)
    for target, bits in (("fixed", 16), ("loihi2", 4)):
        compiled = compile_source(source, target, data, weight_bits=bits)
        assert check_certificate(compiled.program, compiled.certificate.to_json()) == []
        shaped = data.reshape(*data.shape[:2], *compiled.program.input.shape)
        trace = run(compiled.program, shaped, clip_free=compiled.certificate.clip_free)
        for made in compiled.layers if bits == 16 else ():
            if made.population.fires:
                wanted = ideal.spikes[made.layer.node]
                assert (trace.spikes[made.population.name].reshape(wanted.shape) == wanted).mean() > LIVELY


@pytest.mark.parametrize("name", SOME)
def test_norse_networks_compile(name):
    _compiles(name)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("name", [name for name in ZOO if name not in SOME])
def test_all_norse_networks_compile(name):
    _compiles(name)
