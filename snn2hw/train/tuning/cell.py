"""One population that can learn: latents behind its weights, its thresholds and its biases.

A weight is ``step * clamp(round(q), low, high)`` of a latent q; a threshold or bias is the register nearest to its
latent. The gradient passes the rounding as if it were not there; `Cell.project` keeps latents within their grid.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d

from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.errors import UnsupportedError
from sim.program import Connection, Conv, Dense, Population, RegisterArray, Weight
from snn2hw.chips.target import Target
from snn2hw.compiler.grid import WeightGrid
from snn2hw.compiler.quantized import Quantized
from snn2hw.compiler.registers import bias_registers
from snn2hw.network.maps import Float
from snn2hw.train.straight import rounded, straight
from snn2hw.train.tuning.machine_scan import FixedRegisters

__all__ = ["Cell", "Synapse"]

UNIT = 1 << VTH_SHIFT
EXACT_IN_FLOAT32 = 1 << 24
Shape = tuple[int, ...]


class Synapse(nn.Module):
    """One connection; ``latent`` holds its weights over the greatest of the grid, or nothing where none learn."""

    def __init__(
        self,
        connection: Connection,
        grid: WeightGrid | None,
        latent: Float | None,
        *,
        source: Shape,
        target: Shape,
        message: int,
    ) -> None:
        super().__init__()
        self.connection, self.grid, self.source, self.target = connection, grid, source, target
        stored = torch.from_numpy(connection.wiring.weight.astype(np.float64))
        self.register_buffer("stored", stored, persistent=False)
        self.latent = nn.Parameter(torch.empty(0))
        self.register_buffer("synapse", torch.empty(0, dtype=torch.bool), persistent=False)
        reach = float(np.abs(connection.wiring.weight.astype(np.int64)).max(initial=0))
        if grid is not None and latent is not None:
            self.length = float(max(-grid.low, grid.high, 1))
            start = _starting(connection.wiring.weight / grid.step, latent / grid.step) / self.length
            self.latent = nn.Parameter(torch.from_numpy(start).to(torch.float32))
            self.synapse = torch.from_numpy((latent != 0) | (connection.wiring.weight != 0))
            self.project()
            reach = self.length * grid.step
        columns = connection.wiring.weight[0].size
        self.exact32 = reach * columns * message < EXACT_IN_FLOAT32

    @property
    def learns(self) -> bool:
        """Whether anything here is tuned."""
        return self.latent.numel() > 0

    def project(self) -> None:
        """Bring latents that left the grid back to its ends; what was pruned is no synapse, and stays at zero."""
        if self.grid is not None and self.learns:
            with torch.no_grad():
                self.latent.clamp_(self.grid.low / self.length, self.grid.high / self.length).mul_(self.synapse)

    def weight(self) -> Tensor:
        """Return the mantissas, whole numbers."""
        if self.grid is None or not self.learns:
            return cast("Tensor", self.stored)
        q = self.latent.to(torch.float64) * self.length
        return rounded(q, self.grid)

    def forward(self, messages: Tensor, weight: Tensor) -> Tensor:
        """Return what (n, *source) messages bring to (n, *target) neurons: ``shift(W . s, exponent)``."""
        dtype = torch.float32 if self.exact32 and not messages.is_cuda else torch.float64
        x, w = messages.to(dtype), weight.to(dtype)
        match self.connection.wiring:
            case Dense():
                summed = (x.flatten(1) @ w.T).reshape(-1, *self.target)
            case Conv(stride=stride, padding=padding, dilation=dilation, groups=groups):
                summed = conv2d(x.reshape(-1, *self.source), w, None, stride, padding, dilation, groups)
        if summed.is_cuda:
            summed = straight(summed, summed.round())  # a GPU may take a way that is not exact
        shifted = summed.to(torch.float64)
        exponent = self.connection.exponent
        if exponent:
            shifted = shifted * 2.0**exponent
        return shifted if exponent >= 0 else straight(shifted, torch.floor(shifted))

    def tuned(self) -> Connection:
        """Return the connection with the weights as they are now."""
        if not self.learns:
            return self.connection
        mantissas = cast("Weight", self.weight().detach().cpu().numpy().astype(np.int64))
        return replace(self.connection, wiring=replace(self.connection.wiring, weight=mantissas))


def _starting(stored: Float, real: Float) -> Float:
    """Return latents that round to what is stored and lie as near to the real weights as that allows."""
    return stored + np.clip(real - stored, -0.49, 0.49)


class Cell(nn.Module):
    """One population; without a `Quantized`, or where it is stored exactly, nothing of it learns."""

    def __init__(
        self,
        population: Population,
        made: Quantized | None,
        target: Target,
        shape_of: Callable[[str], Shape],
        messages: Mapping[str, int],
    ) -> None:
        super().__init__()
        _refuse(population)
        self.fixed, self.shape, self.target = population, population.shape, target
        latents = made.mantissas() if made is not None else ()
        grids: Sequence[WeightGrid | None] = (
            made.grids if latents and made is not None else (None,) * len(population.inputs)
        )
        self.synapses = nn.ModuleList(
            Synapse(
                c,
                g,
                latents[i] if latents else None,
                source=shape_of(c.source),
                target=self.shape,
                message=messages.get(c.source, 1),
            )
            for i, (c, g) in enumerate(zip(population.inputs, grids, strict=True))
        )
        learns = bool(latents) and population.fires
        self.first_vth = _shared(population.vth)
        self.vth = nn.Parameter(torch.ones(self.first_vth.shape if learns else (0,)))
        bias = population.bias_mantissa.astype(np.int64) << population.bias_exponent
        self.drive_unit = UNIT * max(1, int(population.vth.max()))
        first_bias = np.asarray(_shared(bias), dtype=np.float64) / self.drive_unit
        self.drive = nn.Parameter(torch.from_numpy(first_bias).to(torch.float32))
        if not (latents and bias.any()):
            self.drive = nn.Parameter(torch.empty(0))

    def project(self) -> None:
        """Bring every latent back into its range."""
        for synapse in self.synapses:
            cast("Synapse", synapse).project()

    def registers(self, device: torch.device) -> FixedRegisters:
        """Return what does not learn."""
        p = self.fixed
        values = (DECAY_ONE - 1 - p.du, DECAY_ONE - p.dv, p.u0, p.v0)
        keep_u, keep_v, u0, v0 = (torch.from_numpy(x.astype(np.float64)).to(device) for x in values)
        return FixedRegisters(keep_u, keep_v, u0, v0, subtract=p.reset == "subtract", fires=p.fires)

    def theta(self) -> Tensor:
        """Return vth << 6."""
        first = torch.from_numpy(self.first_vth.astype(np.float64)).to(self.vth.device)
        if not self.vth.numel():
            return first * UNIT
        smooth = self.vth.to(torch.float64) * first
        return straight(smooth, smooth.round().clamp(1, self.target.registers["vth"][1])) * UNIT

    def bias(self) -> Tensor:
        """Return the bias as the register holds it."""
        mantissa, exponent = self._bias_registers()
        whole = torch.from_numpy((mantissa << exponent).astype(np.float64)).to(self.vth.device)
        if not self.drive.numel():
            return whole
        return straight(self.drive.to(torch.float64) * self.drive_unit, whole)

    def _bias_registers(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not self.drive.numel():
            return self.fixed.bias_mantissa.astype(np.int64), self.fixed.bias_exponent.astype(np.int64)
        wanted = self.drive.detach().cpu().numpy().astype(np.float64) * self.drive_unit
        return bias_registers(wanted, self.target)

    def sums(self, sent: Mapping[str, Tensor], steps: int, batch: int) -> Tensor:
        """Return a of all steps, (T, b, *shape), from the complete messages of the sources."""
        total: Tensor | None = None
        for synapse in cast("list[Synapse]", list(self.synapses)):
            lag = synapse.connection.lag
            if lag < steps:
                seen = sent[synapse.connection.source][: steps - lag]
                arrived = synapse(seen.flatten(0, 1), synapse.weight()).unflatten(0, seen.shape[:2])
                if lag:
                    arrived = nn.functional.pad(arrived, (0, 0) * len(self.shape) + (0, 0, lag, 0))
                total = arrived if total is None else total + arrived
        if total is None:
            total = torch.zeros((steps, batch, *self.shape), dtype=torch.float64, device=self.vth.device)
        return total

    def sum_at(self, sent: Mapping[str, list[Tensor]], t: int, weights: list[Tensor], like: Tensor) -> Tensor:
        """Return a of one step, (b, *shape)."""
        total = torch.zeros_like(like)
        for synapse, weight in zip(cast("list[Synapse]", list(self.synapses)), weights, strict=True):
            if t >= synapse.connection.lag:
                total = total + synapse(sent[synapse.connection.source][t - synapse.connection.lag], weight)
        return total

    def weights(self) -> list[Tensor]:
        """Return the mantissas of every connection."""
        return [cast("Synapse", synapse).weight() for synapse in self.synapses]

    def population(self) -> Population:
        """Return the population as it is now."""
        p = self.fixed
        mantissa, exponent = self._bias_registers()
        return Population(
            p.name,
            p.shape,
            tuple(cast("Synapse", synapse).tuned() for synapse in self.synapses),
            vth=(self.theta().detach().cpu().numpy() / UNIT).astype(np.int64),
            du=p.du,
            dv=p.dv,
            bias_mantissa=mantissa,
            bias_exponent=exponent,
            u0=p.u0,
            v0=p.v0,
            reset=p.reset,
            fires=p.fires,
        )


def _refuse(p: Population) -> None:
    """Refuse neurons that the differentiable step does not have."""
    has = [*p.kept_properties(), *(["reset 'none'"] if p.reset == "none" else [])]
    if has:
        what = f"population {p.name!r}: tuning knows no {', '.join(has)}"
        raise UnsupportedError(what, "compile without tuning, or train the float network longer")


def _shared(values: RegisterArray | NDArray[np.int64]) -> NDArray[Any]:
    """Return one value per channel where channels are uniform, else all: what shares a register learns together."""
    per_channel = values.reshape(values.shape[0], -1)
    if values.ndim == 3 and (per_channel == per_channel[:, :1]).all():
        return per_channel[:, 0].reshape(-1, 1, 1).copy()
    return values.copy()
