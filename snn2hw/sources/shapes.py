"""Which shape every NIR primitive makes of its input, without a batch axis.

Written here because NIR's own inference takes the kernel's first side for both and counts grouped channels wrongly.
"""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sim.border import MAX_BYTES_VARIABLE, graph_limit
from sim.errors import InputError

if TYPE_CHECKING:
    import nir

__all__ = ["NEURON_FIELDS", "Shape", "check_elements", "is_neuron", "output_shape", "pair", "window_shape"]

Shape: TypeAlias = tuple[int, ...]

NEURON_FIELDS: dict[str, tuple[str, ...]] = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Threshold": ("threshold",),
}
"""The per-neuron parameters of the primitives that have neurons, by the primitive's name."""


def is_neuron(node: "nir.NIRNode") -> bool:
    """Return whether a node keeps or makes a state of its own (Threshold included): a population, not a linear map."""
    return type(node).__name__ in NEURON_FIELDS


def check_elements(arrays: int, shape: Shape, what: str) -> int:
    """Return the bytes of so many float64 arrays of a shape, before they are made; refuse more than is allowed."""
    claimed, limit = 8 * arrays * math.prod(int(n) for n in shape), graph_limit()
    if claimed > limit:
        fix = f"write a smaller network, or set {MAX_BYTES_VARIABLE}"
        raise InputError(f"{what} would take {claimed} bytes, the limit is {limit}", fix)
    return claimed


def pair(value: object, what: str) -> tuple[int, int]:
    """Return (height, width) of a value given as one number or two."""
    numbers = np.asarray(value).reshape(-1)
    if numbers.size not in (1, 2) or not np.array_equal(numbers, np.round(numbers.astype(np.float64))):
        raise InputError(f"{what}: expected one or two whole numbers, got {value!r}")
    first, last = int(numbers[0]), int(numbers[-1])
    return first, last


def window_shape(
    sides: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape = (1, 1), what: str = "window"
) -> Shape:
    """Return how many windows fit along each side: floor((side + 2 p - d (k - 1) - 1) / s) + 1."""
    if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1 or min(padding) < 0:
        numbers = f"kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}"
        raise InputError(f"{what}: {numbers}", "kernel, stride and dilation count from 1, padding from 0")
    fit = tuple(
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, k, s, p, d in zip(sides, kernel, stride, padding, dilation, strict=True)
    )
    if min(fit) < 1:
        raise InputError(f"{what}: a kernel of {kernel} does not fit into {sides}", "add padding or shrink the kernel")
    return fit


def output_shape(node: "nir.NIRNode", shape: Shape) -> Shape:
    """Return the shape that ``node`` makes of ``shape``; raise InputError when it cannot read it."""
    kind = type(node).__name__
    match kind:
        case "Linear" | "Affine":
            return _linear(node, shape)
        case "Conv1d" | "Conv2d":
            return _conv(node, shape)
        case "SumPool2d" | "AvgPool2d":
            return _pool(node, shape)
        case "Flatten":
            return _flatten(node, shape)
        case "Input":
            return tuple(int(n) for n in node.input_type["input"])
        case _ if kind in NEURON_FIELDS or kind in ("Output", "Scale", "Delay"):
            return shape
        case _:
            raise InputError(f"NIR node of type {kind} is not one of NIR's primitives")


def _linear(node: "nir.NIRNode", shape: Shape) -> Shape:
    weight = np.shape(node.weight)
    if len(weight) != 2:
        raise InputError(f"weight of shape {weight}", "write a matrix (outputs, inputs)")
    if shape != (weight[1],):
        raise InputError(f"weight {weight} reads ({weight[1]},), its source makes {shape}", "put a Flatten in front")
    return (weight[0],)


def _conv(node: "nir.NIRNode", shape: Shape) -> Shape:
    weight = np.shape(node.weight)
    rank = 1 if type(node).__name__ == "Conv1d" else 2
    if len(weight) != rank + 2 or int(node.groups) < 1 or weight[0] % int(node.groups):
        axes = "(out, in / groups, kernel)" if rank == 1 else "(out, in / groups, height, width)"
        raise InputError(f"weight {weight} with groups {node.groups}", f"write {axes}, out a multiple of groups")
    if len(shape) != rank + 1 or shape[0] != weight[1] * int(node.groups):
        channels = weight[1] * int(node.groups)
        raise InputError(
            f"weight {weight} with groups {node.groups} reads {channels} channels, its source makes {shape}"
        )
    kernel = weight[2:]
    stride, dilation = pair(node.stride, "stride")[:rank], pair(node.dilation, "dilation")[:rank]
    if isinstance(node.padding, str):
        padding = {"valid": (0, 0), "same": None}[node.padding]
        if padding is None:
            return (weight[0], *shape[1:])
    else:
        padding = pair(node.padding, "padding")
    return (weight[0], *window_shape(shape[1:], kernel, stride, padding[:rank], dilation, "convolution"))


def _pool(node: "nir.NIRNode", shape: Shape) -> Shape:
    if len(shape) != 3:
        raise InputError(f"pools (channels, height, width), its source makes {shape}")
    kernel, stride, padding = (pair(getattr(node, n), n) for n in ("kernel_size", "stride", "padding"))
    return (shape[0], *window_shape(shape[1:], kernel, stride, padding, what="pool"))


def _flatten(node: "nir.NIRNode", shape: Shape) -> Shape:
    rank = len(shape)
    first, last = int(node.start_dim), int(node.end_dim)
    first, last = first + rank * (first < 0), last + rank * (last < 0)
    if not 0 <= first <= last < rank:
        raise InputError(f"flattens axes {node.start_dim}..{node.end_dim} of {shape}", "count axes without the batch")
    return (*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :])
