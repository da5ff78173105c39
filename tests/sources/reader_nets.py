"""Networks that other frameworks' readers are given: what they read correctly, and what they do not."""

import json
from functools import partial
from hashlib import sha256

import nir
import numpy as np

from tests.sources.nir_nets import chain, cuba, lif, rasters, source


def _dense(neuron, gain=2.0):
    rng = np.random.default_rng(7)
    weights = nir.Affine(rng.normal(0, gain, (6, 4)), rng.normal(0, 0.1, 6))
    return source(chain(weights, neuron, shape=(4,)))


def _image(pool):
    rng = np.random.default_rng(8)
    conv = nir.Conv2d(None, rng.normal(size=(3, 2, 3, 3)), 1, 1, 1, 1, rng.normal(size=3))
    nodes = (conv, lif((3, 6, 6), r=5.0), pool, nir.Flatten(None, 0, -1))
    readout = nir.Affine(rng.normal(0, 1, (4, 27)), np.zeros(4))
    return source(chain(*nodes, readout, lif(4, r=4.0, v_threshold=0.2), shape=(2, 6, 6)))


READER_NETS = {
    "lif": partial(_dense, lif(6, r=1.7)),
    "lif_reset": partial(_dense, lif(6, r=1.7, v_reset=-0.2)),
    "lif_leak": partial(_dense, lif(6, r=1.7, v_leak=0.1)),
    "cuba": partial(_dense, cuba(6, r=1.3), 1.0),
    "cuba_leak": partial(_dense, cuba(6, r=1.3, v_leak=0.1), 1.0),
    "if": partial(_dense, nir.IF(*(np.full(6, v) for v in (800.0, 0.9, 0.0))), 1.0),
    "avgpool": partial(_image, nir.AvgPool2d(2, 2, 0)),
    "sumpool": partial(_image, nir.SumPool2d(2, 2, 0)),
}


def reader_raster(s):
    return rasters(np.random.default_rng(9), s.input_shape)


def content(graph) -> str:
    """Return a digest of everything in a graph but metadata."""

    def plain(value):
        array = np.asarray(value)
        return array.astype(float).round(9).tolist() if array.dtype.kind in "fiub" else str(value)

    nodes = {n: {k: plain(v) for k, v in x.to_dict().items() if k != "metadata"} for n, x in graph.nodes.items()}
    return sha256(json.dumps([nodes, sorted(graph.edges)], sort_keys=True).encode()).hexdigest()
