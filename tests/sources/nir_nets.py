"""Small NIR networks for tests, and the recordings of other frameworks in tests/fixtures."""

import io
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np

from snn2hw.sources import NORSE, Semantics, Source
from snn2hw.sources.graph import assemble

FIXTURES = Path(__file__).parents[1] / "fixtures"
FRAMEWORKS = ("snntorch", "spikingjelly", "sinabs", "rockpool", "spyx")
DT = 1e-3


@dataclass(frozen=True, eq=False)
class Recorded:
    """A graph as its framework exported it, what the framework computed, and how it must be read."""

    file: bytes
    rasters: np.ndarray
    outputs: np.ndarray
    how: dict


def cases() -> list[str]:
    return sorted(f"{f}/{path.stem}" for f in FRAMEWORKS for path in (FIXTURES / f).glob("*.npz"))


def recorded(case: str) -> Recorded:
    with np.load(FIXTURES / f"{case}.npz") as data:
        return Recorded(data["nir"].tobytes(), data["rasters"], data["outputs"], json.loads(str(data["how"])))


def written(folder: Path, file: bytes) -> Path:
    path = folder / "graph.nir"
    path.write_bytes(file)
    return path


def full(n, *values):
    """One array of size n per value."""
    return [np.full(n, float(v)) for v in values]


def lif(n, tau=0.01, r=1.0, v_leak=0.0, v_threshold=0.3, v_reset=0.0):
    return nir.LIF(*full(n, tau, r, v_leak, v_threshold, v_reset))


def cuba(n, tau_syn=0.005, tau_mem=0.01, r=1.0, v_leak=0.0, v_threshold=0.4, v_reset=0.0, w_in=5.0):
    return nir.CubaLIF(*full(n, tau_syn, tau_mem, r, v_leak, v_threshold, v_reset, w_in))


def chain(*nodes, shape, names=None):
    """Input, the nodes one after the other, Output."""
    named = {"input": nir.Input(np.array(shape))}
    named |= dict(zip(names or [f"n{i}" for i in range(len(nodes))], nodes, strict=True))
    named["output"] = nir.Output(None)
    order = list(named)
    return assemble(named, list(pairwise(order)))


def source(graph, *, dt=DT, scheme="euler", reset="value", semantics: Semantics = NORSE):
    return Source(graph, dt, scheme, reset, "test", semantics=semantics)


def rasters(rng, shape, *, batch=3, steps=30, rate=0.4):
    return (rng.random((batch, steps, *shape)) < rate).astype(np.float64)


def file_of(graph) -> bytes:
    """Return the bytes of a .nir file."""
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    return buffer.getvalue()
