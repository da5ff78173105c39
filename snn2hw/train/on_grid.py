"""Linear maps whose weights are on the compiler's grid in every forward pass: training in few bits from the start.

    W' = step k / r        k = clip(round(r W / step), low, high)        the gradient passes the rounding

One resolution r for each output channel, which folding a normalisation multiplies and does not undo; of the last map,
a readout without one, one for all, as its answers are compared. ``settle_grids`` chooses every r anew, as the compiler
chooses where least is lost, from the weights alone, so that a run that was resumed has the same. Where the
normalisation turns a channel's sign the grid is turned too: it reaches farther below zero than above.
"""

import copy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from snn2hw.compiler.grid import WeightGrid, grid_for
from snn2hw.compiler.options import Bits
from snn2hw.compiler.weight_error import RealRows, error_table, resolution
from snn2hw.models.fold import norm_scale
from snn2hw.network.maps import Float
from snn2hw.train.pruning import with_norms
from snn2hw.train.straight import rounded

__all__ = ["OnGridConv", "OnGridLinear", "OnGridWave", "off_grid", "put_on_grid", "settle_grids"]

RULE = "loihi"
"""The rule of weights of the chips that networks are trained for."""


class _OnGrid(nn.Module):
    """What both maps add to torch's: a grid, and the resolution of every row."""

    weight: Tensor
    turned: Tensor
    grid: WeightGrid

    def settle(self, bits: Bits, signs: Float | None) -> None:
        """Choose grid and resolutions; ``signs`` of what stands behind every channel, None: one resolution for all."""
        weight = self.weight.detach().cpu().double().numpy()
        flat = weight.reshape(len(weight), -1) * (1.0 if signs is None else signs[:, None])
        count = len(flat)
        group = np.zeros(count, np.intp) if signs is None else np.arange(count, dtype=np.intp)
        self.grid = grid_for(flat, bits, RULE)
        rows = RealRows(flat, np.ones((1, flat.shape[1])), group, int(group.max()) + 1)
        table = error_table(rows, self.grid, "mse")
        best = resolution(table.first + table.cost.argmin(axis=1))[group]
        turned = best if signs is None else best * signs
        self.turned = torch.from_numpy(turned).to(self.weight).view(-1, *(1,) * (weight.ndim - 1))

    def mantissas(self) -> Tensor:
        """Return the weights as the chip holds them, of turned channels with the other sign."""
        return rounded(self.weight * self.turned / self.grid.step, self.grid)

    def weight_now(self) -> Tensor:
        """Return the weights that the forward computes with."""
        return self.mantissas() / self.turned


class OnGridConv(nn.Conv2d, _OnGrid):
    """A convolution with weights on a grid."""

    def forward(self, input: Tensor) -> Tensor:  # torch's own name
        """Convolve."""
        found: Tensor = self._conv_forward(input, self.weight_now(), self.bias)
        return found


class OnGridWave(nn.Conv1d, _OnGrid):
    """A convolution along a wave with weights on a grid."""

    def forward(self, input: Tensor) -> Tensor:  # torch's own name
        """Convolve."""
        found: Tensor = self._conv_forward(input, self.weight_now(), self.bias)
        return found


class OnGridLinear(nn.Linear, _OnGrid):
    """A linear layer with weights on a grid."""

    def forward(self, input: Tensor) -> Tensor:  # torch's own name
        """Map."""
        return nn.functional.linear(input, self.weight_now(), self.bias)


_ON_GRID: dict[Any, Any] = {nn.Conv1d: OnGridWave, nn.Conv2d: OnGridConv, nn.Linear: OnGridLinear}
_PLAIN = {on_grid: plain for plain, on_grid in _ON_GRID.items()}


def put_on_grid(model: nn.Module, bits: Bits) -> nn.Module:
    """Have every linear map of a network compute on a grid; its parameters stay the ones they were."""
    for parent in model.modules():
        for name, child in list(parent.named_children()):
            kind = _ON_GRID.get(type(child))
            if kind is not None:
                setattr(parent, name, _as(kind, child))
    cast("Any", model).weight_bits = bits
    settle_grids(model)
    return model


def settle_grids(model: nn.Module) -> None:
    """Choose every grid anew from the weights as they are; a network without grids is left alone."""
    bits: Bits | None = getattr(model, "weight_bits", None)
    if bits is None:
        return
    maps = with_norms(model)
    for linear, after in maps:
        scale = norm_scale(after)
        signs: Float | None = None if linear is maps[-1][0] else np.ones(len(linear.weight))
        if scale is not None:
            signs = np.where(scale.detach().cpu().double().numpy() < 0, -1.0, 1.0)
        cast("_OnGrid", linear).settle(bits, signs)


def off_grid(model: nn.Module) -> nn.Module:
    """Return a copy whose plain maps hold the weights that the forward computes with; others come as they are."""
    if getattr(model, "weight_bits", None) is None:
        return model
    plain = copy.deepcopy(model)
    del cast("Any", plain).weight_bits
    for parent in plain.modules():
        for name, child in list(parent.named_children()):
            if isinstance(child, _OnGrid):
                weight = nn.Parameter(child.weight_now().detach())
                made = _as(_PLAIN[type(child)], child)
                made.weight = weight
                setattr(parent, name, made)
    return plain


def _as(kind: Any, linear: Any) -> Any:
    """Return the same map, with the same parameters, as another kind of module; nothing is drawn for it."""
    bias = linear.bias is not None
    if isinstance(linear, nn.Conv1d | nn.Conv2d):
        sizes = (linear.in_channels, linear.out_channels, linear.kernel_size, linear.stride, linear.padding)
        made = kind(*sizes, linear.dilation, linear.groups, bias, linear.padding_mode, device="meta")
    else:
        made = kind(linear.in_features, linear.out_features, bias, device="meta")
    made.weight, made.bias = linear.weight, linear.bias
    made.train(linear.training)
    return made
