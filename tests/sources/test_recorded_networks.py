"""Networks of every framework on the chip: as the float network layer by layer, and equal on every executor.

What each framework computed is recorded in tests/fixtures, or computed by Norse itself in `test_from_norse`; graphs of
lava-dl and of NIR's own corpus lie beside the checkout. Programs are calibrated on what they are compared on: on inputs
that they have not seen, networks that send up to 21 spikes in a message agree less (docs/dialects.md).
"""

from collections.abc import Callable
from pathlib import Path

import nir
import numpy as np
import pytest

from sim.engines import run
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.network.float_reference import run_network
from snn2hw.sources.from_nir import from_nir
from snn2hw.sources.from_norse import from_norse
from snn2hw.sources.source import Source
from snn2hw.verification import verify
from tests.recordings import recordings
from tests.sources.nir_nets import cases, chain, cuba, lif, recorded, source, written
from tests.sources.test_frameworks import LONG, refusal
from tests.sources.test_from_norse import built

Found = tuple[Source, np.ndarray]
Finding = Callable[[Path], Found]


def fed(found: Source) -> Found:
    shape = (3, 40, *found.input_shape)
    return found, (np.random.default_rng(0).random(shape) < 0.4).astype(np.int32)


def of_framework(name: str) -> Finding:
    def find(folder: Path) -> Found:
        kept = recorded(name)
        return from_nir(written(folder, kept.file), **kept.how), kept.rasters.astype(np.int32)

    return find


def of_norse(name: str) -> Finding:
    return lambda _: fed(from_norse((case := built(name)).module, case.shape))


def of_lava(name: str, file: str) -> Finding:
    def find(_: Path) -> Found:
        folder = recordings("cases", name)
        (io,) = folder.glob("*_io.npz")
        return from_nir(folder / file, dt=1e-4, dialect="lava-dl"), np.load(io)["input"][None].astype(np.int32)

    return find


def of_corpus(name: str, **how: str) -> Finding:
    return lambda _: fed(from_nir(recordings("cases", "nir_corpus") / f"{name}.nir", **how))


def of_nir(*nodes: nir.NIRNode) -> Finding:
    return lambda _: fed(source(chain(*nodes, shape=(6,))))


def mixing(n_in: int, n_out: int) -> nir.NIRNode:
    return nir.Linear(np.random.default_rng(n_out).normal(0.3, 0.6, (n_out, n_in)))


NETWORKS: dict[str, Finding] = {
    **{name: of_framework(name) for name in cases() if refusal(name) is None},
    **{f"norse/{name}": of_norse(name) for name in ("LIFCell", "LIFBoxCell", "LIFRecurrentCell", "IAFCell", "SCNN")},
    "lava-dl/dense_layer": of_lava("dense_layer", "B1_dense_200_256.nir"),
    "lava-dl/tinynet": of_lava("tinynet", "B3_tinynet.nir"),
    "nir/lif": of_nir(mixing(6, 12), lif(12), mixing(12, 5), lif(5)),
    "nir/cubalif": of_nir(mixing(6, 12), cuba(12), mixing(12, 5), cuba(5)),
    "nir/braille": of_corpus("braille_nobias_subtract", dialect="snntorch"),
    "nir/braille_bias": of_corpus("braille_bias_zero", dialect="snntorch", reset="value"),
}

QUICK = ("sinabs/lif", "rockpool/lif", "spyx/rif", "snntorch/synaptic_zero", "spikingjelly/conv", "norse/LIFCell")
"""One of each framework; ONNX and C run all of them in the long form of this proof."""


def test_there_are_networks_of_all_eight_frameworks():
    frameworks = {name.split("/")[0] for name in NETWORKS}
    assert frameworks == {"norse", "snntorch", "sinabs", "rockpool", "spyx", "spikingjelly", "lava-dl", "nir"}
    assert len(NETWORKS) >= 45


def agreement(made: Compiled, x: np.ndarray) -> dict[str, float]:
    """The share of equal messages of every layer; of a readout, the correlation of its membrane."""
    trace = run(made.program, x.reshape(*x.shape[:2], *made.program.input.shape), record=("spikes", "v"))
    ideal = run_network(made.network, x, record=("spikes", "v"))
    found = {}
    for part in made.layers:
        name, layer = part.population.name, part.layer
        if part.population.fires:
            found[name] = float(
                (trace.spikes[name] == ideal.spikes[layer.node].reshape(trace.spikes[name].shape)).mean()
            )
            continue
        wanted = ideal.v.get(layer.node, ideal.output)
        volts = layer.unit * trace.v[name] / (64 * part.scale) + layer.origin
        found[name] = float(np.corrcoef(volts.reshape(-1), wanted.reshape(-1))[0, 1])
    return found


@pytest.mark.parametrize(("target", "bits", "least"), [("loihi2", 8, 0.95), ("fixed", 16, 0.99)])
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.full] * (n == LONG)) for n in NETWORKS])
def test_every_layer_agrees_with_the_float_network(name, target, bits, least, tmp_path):
    found, x = NETWORKS[name](tmp_path)
    scale = 1 if name.startswith("lava-dl/") else "auto"  # its weights and thresholds are registers already
    made = compile_source(found, target, x, weight_bits=bits, scale=scale)
    assert {layer: share for layer, share in agreement(made, x).items() if share < least} == {}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.full) for n in NETWORKS], ids=list(NETWORKS)
)
def test_every_executor_does_the_same(name, tmp_path):
    found, x = NETWORKS[name](tmp_path)
    made = compile_source(found, "loihi2", x)
    raster = x[:1, :20].reshape(1, x[:1, :20].shape[1], *made.program.input.shape)
    verdict = verify(made.program, raster, against=("fast", "onnx", "c"))
    assert verdict.equal, str(verdict)
