"""lava-nc's CPU backend, model "fixed_pt": convolutions as Conv processes, or unrolled into Sparse ones.

The samples are streamed, 48 steps each, without a reset between them. The clock is the wall or the CPU time of all of
Lava's processes together, whichever is less; what it takes until the end of the first step is left out.
"""

import time
from typing import Any

import lava_shim  # noqa: F401  (before anything of lava's)
import numpy as np
from contest import Layer, Task, cpu_of_everybody, say, task
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.process import Conv
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.proc.sparse.process import Sparse
from scipy.sparse import coo_matrix
from unrolled import shape_after, synapses

REGISTERS = {"du": 2047, "dv": 410, "bias_mant": 0, "bias_exp": 0}
NOTES = {
    "conv": "",
    "sparse": "odd weights truncated",
    "sparse-graded": "odd weights truncated; messages of 8 bits",
}


def main() -> None:
    todo = task()
    end, rows = time.perf_counter() + todo.seconds, []
    for i, form in enumerate(todo.forms):
        left = end - time.perf_counter()
        rows.append({"form": form, "note": NOTES[form], **measured(todo, form, left / (len(todo.forms) - i))})
        say(rows)


def measured(todo: Task, form: str, seconds: float) -> dict[str, Any]:
    steps = todo.raster.shape[1]
    end = time.perf_counter() + seconds
    last = build(todo, form)
    last.run(condition=RunSteps(num_steps=1), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    walls, cpu_before = [], cpu_of_everybody()
    while not walls or (time.perf_counter() + walls[-1] < end and len(walls) < len(todo.raster)):
        start = time.perf_counter()
        last.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        walls.append(time.perf_counter() - start)
    cpu_after = cpu_of_everybody()
    wall = cpu = min(walls)
    if cpu_before is not None and cpu_after is not None:
        cpu = (cpu_after - cpu_before) / len(walls)
    v = last.v.get()
    last.stop()
    return {
        "batch": 1,
        "arithmetic": "fixed point",
        "seconds_per_sample": min(wall, cpu),
        "wall_per_sample": wall,
        "cpu_per_sample": cpu,
        "repeats": len(walls),
        "clock": "wall" if wall <= cpu else "CPU time of all processes",
        # a step of delay in each layer
        "readout_v": v.tolist(),
        "readout_steps": 1 + steps * len(walls) - len(todo.layers),
    }


def build(todo: Task, form: str) -> Any:
    """Make and connect all processes; return the last neurons."""
    stream = np.moveaxis(todo.raster.reshape(-1, *todo.raster.shape[2:]), 0, -1).astype(np.int32)  # c h w t
    shape = stream.shape[:-1]
    as_image = form == "conv"
    port = RingBuffer(data=np.ascontiguousarray(stream.transpose(2, 1, 0, 3)) if as_image else flat(stream)).s_out
    for layer in todo.layers:
        match layer.folded.ndim, form:
            case 4, "conv":
                weights, shape = layer.folded.astype(np.int32), shape_after(layer, shape)
                process = Conv(
                    weight=np.ascontiguousarray(weights[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)),
                    input_shape=port.shape,
                    stride=(layer.folded_stride,) * 2,
                )
                port.connect(process.s_in)
                neurons = LIF(shape=shape[::-1], vth=layer.vth, **REGISTERS)
            case 4, _:
                matrix, shape = unrolled(layer, shape), shape_after(layer, shape)
                process = Sparse(weights=matrix, num_message_bits=8 if form == "sparse-graded" else 0)
                port.connect(process.s_in)
                neurons = LIF(shape=(matrix.shape[0],), vth=layer.vth, **REGISTERS)
            case _:
                weights = layer.folded.astype(np.int32)
                if len(port.shape) == 3:  # the port is read in the order (W, H, C)
                    order = np.arange(weights.shape[1]).reshape(shape).transpose(2, 1, 0).ravel()
                    port, weights = port.flatten(), weights[:, order]
                process = Dense(weights=weights)
                port.connect(process.s_in)
                shape = weights.shape[:1]
                neurons = LIF(shape=shape, vth=layer.vth, **REGISTERS)
        process.a_out.connect(neurons.a_in)
        port = neurons.s_out
    return neurons


def flat(stream: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(stream.reshape(-1, stream.shape[-1]))


def unrolled(layer: Layer, shape: tuple[int, ...]) -> Any:
    """Return the convolution as a sparse matrix (outputs, inputs), both in the order (C, H, W)."""
    weights, targets, sources = synapses(layer, shape)
    size = (int(np.prod(shape_after(layer, shape))), int(np.prod(shape)))
    return coo_matrix((weights, (targets, sources)), shape=size).tocsr()


if __name__ == "__main__":
    main()
