"""Convolutions in the form that NIR 1.0.8 checks correctly: one group, both sides of the kernel equal."""

import copy
from typing import TYPE_CHECKING

import numpy as np

from exporters.nir_export.kernel import Axis, square
from sim.program import Conv
from snn2hw.sources.graph import shape_in, shape_out
from snn2hw.sources.shapes import pair

if TYPE_CHECKING:
    import nir

__all__ = ["squared", "ungrouped"]


def squared(node: "nir.NIRNode") -> "nir.NIRNode":
    """Return the same map with its groups written out and zeros where a kernel is shorter than wide.

    Without strides a kernel of one even and one odd side has no square form: it stays as it is, which every reader that
    does not use NIR's type check understands.
    """
    new = copy.copy(node)
    new.metadata = dict(node.metadata)
    new.weight, new.groups = ungrouped(np.asarray(node.weight), int(node.groups)), 1
    if new.weight.ndim == 3 or new.weight.shape[2] == new.weight.shape[3]:
        return new
    stride, padding, dilation = (pair(getattr(node, n), n) for n in ("stride", "padding", "dilation"))
    geometry = Conv(np.ones(new.weight.shape, np.int8), stride, padding, dilation)
    form = square(geometry, shape_in(node), shape_out(node))
    if form is None:
        return new
    wide = np.zeros((*new.weight.shape[:2], form.taps, form.taps), new.weight.dtype)
    rows, columns = (_places(axis, taps) for axis, taps in zip(form.axes, new.weight.shape[2:], strict=True))
    wide[:, :, rows, columns] = new.weight
    new.weight = wide
    for name in ("stride", "padding", "dilation"):
        setattr(new, name, tuple(getattr(axis, name) for axis in form.axes))
    return new


def _places(axis: Axis, taps: int) -> slice:
    return slice(axis.front, axis.front + axis.step * (taps - 1) + 1, axis.step)


def ungrouped(weight: np.ndarray, groups: int) -> np.ndarray:
    """Return (out, in, ...) of a grouped kernel (out, in / groups, ...): zero between the groups."""
    if groups == 1:
        return weight
    outs, ins = weight.shape[0] // groups, weight.shape[1]
    full = np.zeros((weight.shape[0], ins * groups, *weight.shape[2:]), weight.dtype)
    for g in range(groups):
        rows = slice(g * outs, (g + 1) * outs)
        full[rows, g * ins : (g + 1) * ins] = weight[rows]
    return full
