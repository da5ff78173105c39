"""What goes into the core and what comes out, as text: items "kind address value", and one line per neuron and step.

An address is {y, x, c}. MESSAGE carries one message, STEP ends a step, SAMPLE starts a sample; the core answers with
SPIKE, STEP and READOUT.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.rtl_export.plan import CorePlan, Layer, three
from exporters.rtl_export.sizes import Sizes
from sim.errors import ToolError
from sim.trace import Trace

__all__ = ["check_output", "expected_lines", "read_probe", "stream_lines"]

MESSAGE, STEP, SAMPLE = 0, 1, 2
SPIKE, READOUT = 0, 2
Int = NDArray[np.int64]


def _addresses(shape: tuple[int, int, int], sizes: Sizes) -> Int:
    """Return the address of every neuron in the order y, x, c."""
    channels, height, width = shape
    y, x, c = np.ogrid[:height, :width, :channels]
    return ((y << sizes.xb | x) << sizes.cb | c).reshape(-1)


def _ordered(values: NDArray[np.integer], shape: tuple[int, int, int]) -> Int:
    """Return (B, T, neurons) in the order y, x, c."""
    grid = values.reshape(*values.shape[:2], *shape).astype(np.int64)
    return np.moveaxis(grid, 2, 4).reshape(*values.shape[:2], -1)


def stream_lines(plan: CorePlan, sizes: Sizes, raster: NDArray[np.integer]) -> Iterator[str]:
    """Yield the items that play a raster: per sample a start, per step its messages and an end."""
    shape = three(plan.program.input.shape)
    addresses, messages = _addresses(shape, sizes), _ordered(raster, shape)
    for sample in messages:
        yield f"{SAMPLE} 0 0\n"
        for step in sample:
            present = np.flatnonzero(step)
            yield from (f"{MESSAGE} {addresses[i]} {step[i]}\n" for i in present)
            yield f"{STEP} 0 0\n"


def expected_lines(plan: CorePlan, sizes: Sizes, trace: Trace) -> Iterator[str]:
    """Yield what the bench sees of every neuron after every step: "source address u v spikes"."""
    columns = [_columns(layer, sizes, trace) for layer in plan.layers]
    samples, steps = next(iter(trace.u.values())).shape[:2]
    for b in range(samples):
        for t in range(steps):
            for layer, (addresses, *arrays) in zip(plan.layers, columns, strict=True):
                rows = zip(addresses, *(array[b, t] for array in arrays), strict=True)
                yield from (f"{layer.source} {a} {u} {v} {z}\n" for a, u, v, z in rows)


def _columns(layer: Layer, sizes: Sizes, trace: Trace) -> tuple[Int, Int, Int, Int]:
    name = layer.population.name
    u, v, z = (_ordered(found[name], layer.shape) for found in (trace.u, trace.v, trace.spikes))
    return _addresses(layer.shape, sizes), u, v, z


def read_probe(path: Path, plan: CorePlan, sizes: Sizes, samples: int, steps: int) -> Mapping[str, NDArray[np.integer]]:
    """Read what the bench wrote of every neuron after every step; a line missing or out of its order is an error."""
    layers = plan.layers
    table = np.fromstring(path.read_text(encoding="ascii"), dtype=np.int64, sep=" ")
    per_step = sum(layer.population.size for layer in layers)
    if table.size != samples * steps * per_step * 5:
        raise ToolError(f"the core computed {table.size // 5} neuron steps of {samples * steps * per_step}")
    rows = table.reshape(samples, steps, per_step, 5)
    found: dict[str, NDArray[np.integer]] = {}
    for layer in layers:
        mine = rows[:, :, layer.state_base : layer.state_base + layer.population.size]
        if (mine[..., 0] != layer.source).any() or (mine[..., 1] != _addresses(layer.shape, sizes)).any():
            raise ToolError(f"population {layer.population.name!r}: the core computed its neurons in another order")
        channels, height, width = layer.shape
        for column, register in ((2, "u"), (3, "v"), (4, "spikes")):
            grid = mine[..., column].reshape(samples, steps, height, width, channels)
            shape = (samples, steps, *layer.population.shape)
            found[f"{register}.{layer.population.name}"] = np.moveaxis(grid, 4, 2).reshape(shape)
    return found


def check_output(path: Path, plan: CorePlan, sizes: Sizes, arrays: Mapping[str, NDArray[np.integer]]) -> None:
    """Hold the output stream against the state: every spike or readout of the last population, and every step's end."""
    found = np.fromstring(path.read_text(encoding="ascii"), dtype=np.int64, sep=" ").reshape(-1, 3)
    name = plan.program.output.name
    layer = next(layer for layer in plan.layers if layer.population.name == name)
    readout, addresses = not layer.population.fires, _addresses(layer.shape, sizes)
    values = _ordered(arrays[f"{'v' if readout else 'spikes'}.{name}"], layer.shape)
    items = []
    for row in values.reshape(-1, len(addresses)):
        sent = np.arange(len(row)) if readout else np.flatnonzero(row)
        kind = np.full(len(sent), READOUT if readout else SPIKE)
        items += [np.stack([kind, addresses[sent], row[sent]], axis=1), np.array([[STEP, 0, 0]])]
    expected = np.concatenate(items)
    if found.shape != expected.shape or (found != expected).any():
        raise ToolError(f"population {name!r}: the core's output stream is not what its neurons did")
