"""Decays, biases and thresholds: from real numbers to registers, with what each choice costs."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT, decay
from sim.errors import UnsupportedError
from sim.program import Connection, Population
from snn2hw.chips.target import Target
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.messages import Firing
from snn2hw.compiler.ranges import sample_unit
from snn2hw.compiler.trial import is_tried
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealPopulation

__all__ = ["Ints", "NoRegisterError", "bias_registers", "compensated", "nearest_decay", "registers_at"]

UNIT = 1 << VTH_SHIFT

Ints = NDArray[np.int64]


class NoRegisterError(UnsupportedError):
    """A value that no register holds; whoever knows which population it is of says so."""


CANDIDATES = 3
"""How far the best decay is looked for around the nearest one, in register units per unit of expected loss."""


def nearest_decay(share: Float, *, add: int, limits: tuple[int, int]) -> Ints:
    """Return the register whose decay is nearest to ``share``; the chip adds ``add`` (1 for du, 0 for dv).

    A share of 1 in v and one below 1/8192 in u miss their register by one unit, which is taken; more is refused.
    """
    wanted = np.rint(DECAY_ONE * share).astype(np.int64) - add
    nearest = np.clip(wanted, *limits)
    if (np.abs(wanted - nearest) > 1).any():
        what = f"a decay of {float(share.flat[np.abs(wanted - nearest).argmax()]):.4g} per step has no register"
        raise NoRegisterError(
            what, f"stay within {(limits[0] + add) / DECAY_ONE:.4g}..{(limits[1] + add) / DECAY_ONE:.4g}"
        )
    return nearest


def compensated(share: float, scale: float, sample: Float, *, add: int, limits: tuple[int, int]) -> int:
    """Return the decay register that leaks, over the values in ``sample``, as much as the real share does.

    Rounding toward zero takes another half unit a step, so a slow leak of small values is too fast by
    ``2048 / |value|`` register units. The best register minimises |mean of sign(x) (decay(x, d) - (1 - share) x)|.
    """
    nearest = int(nearest_decay(np.array(share), add=add, limits=limits))
    values = np.rint(64 * scale * sample)
    values = values[values != 0]
    if not values.size or share in (0.0, 1.0):
        return nearest
    wanted = float((1 - share) * np.abs(values).mean())
    typical = float(np.abs(values).mean())
    reach = min(int(CANDIDATES * DECAY_ONE / 2 / max(typical, 1)) + 1, nearest + add)
    registers = range(max(limits[0], nearest - reach), min(limits[1], nearest + 1) + 1)
    magnitudes = np.abs(values).astype(np.int64)
    misses = [abs(float(decay(magnitudes, d + add).mean()) - wanted) for d in registers]
    return registers[int(np.argmin(misses))]


def bias_registers(bias: Float, target: Target, *, exponent: int | None = None) -> tuple[Ints, Ints]:
    """Return (mantissa, exponent) nearest to ``bias`` (register units), the smallest exponent that holds it.

    >>> from snn2hw.chips.target import get_target
    >>> [int(x) for x in bias_registers(np.array(10000.0), get_target("loihi1"))]
    [2500, 2]
    """
    low, high = target.registers["bias_mantissa"]
    chosen = np.full(bias.shape, target.registers["bias_exponent"][0])
    for e in range(*target.registers["bias_exponent"]):
        mantissa = np.rint(bias / 2.0**e)
        chosen = np.where((mantissa < low) | (mantissa > high), e + 1, chosen)
    if exponent is not None:
        chosen = np.full(bias.shape, exponent)
    return np.clip(np.rint(bias / 2.0**chosen), low, high).astype(np.int64), chosen.astype(np.int64)


def _per_value(share: Float, function: Callable[[float], int]) -> Ints:
    """Apply ``function`` once per distinct value."""
    values, inverse = np.unique(share, return_inverse=True)
    return np.array([function(float(v)) for v in values], dtype=np.int64)[inverse].reshape(share.shape)


def registers_at(
    prepared: Prepared, layer: RealPopulation, firing: Firing, connections: list[Connection], scale: Float
) -> Population:
    """Return the population at this scale of every neuron: threshold mantissas per unit of V."""
    target = prepared.target
    mantissa, exponent = bias_registers(UNIT * scale * layer.drive, target)
    return Population(
        name=layer.name,
        shape=layer.shape,
        inputs=connections,
        vth=_thresholds(layer, firing, scale, target) if layer.fires else target.registers["vth"][1],
        du=_decays(prepared, layer, "u", scale),
        dv=_decays(prepared, layer, "v", scale),
        bias_mantissa=mantissa,
        bias_exponent=exponent,
        u0=np.rint(UNIT * scale * layer.u0).astype(np.int64),
        v0=np.rint(UNIT * scale * layer.v0).astype(np.int64),
        reset=layer.reset,
        fires=layer.fires,
        most=firing.most,
        at_threshold=firing.at_threshold,
        refractory=layer.refractory,
    )


def _thresholds(layer: RealPopulation, firing: Firing, scale: Float, target: Target) -> Ints:
    """Return the threshold mantissas; one that rounds to 0 is refused, unless the threshold itself is 0 or below."""
    vth = np.rint(scale * layer.threshold).astype(np.int64)
    lost = (vth < 1) & (layer.threshold > 0)
    if lost.any():
        least = float(scale[lost].min())
        what = f"{int(lost.sum())} of {lost.size} thresholds are 0 at the scale of {least:.3g} that their inputs need"
        raise NoRegisterError(
            f"{what}, and such neurons fire on anything", "lower the weights or raise the threshold: 2^21 lie between"
        )
    lower = layer.fires_at_threshold and not firing.at_threshold
    return np.maximum(np.clip(vth, *target.registers["vth"]) - lower, int(layer.many))


def _decays(prepared: Prepared, layer: RealPopulation, which: Literal["u", "v"], scale: Float) -> Ints:
    target = prepared.target
    share, add, limits = (
        (layer.share_u, 1, target.registers["du"]) if which == "u" else (layer.share_v, 0, target.registers["dv"])
    )
    seen = prepared.ranges.layers.get(layer.name)
    sample = np.zeros(0) if seen is None else seen.u_sample if which == "u" else seen.v_sample
    tried = is_tried(layer) and prepared.trial is not None  # its decays are registers already
    if not prepared.options.compensate_decay or not sample.any() or tried:
        return nearest_decay(share, add=add, limits=limits)
    steps = np.rint(4 * np.log2(scale * sample_unit(layer)))  # a quarter of an octave decides nothing
    result = np.zeros(layer.shape, dtype=np.int64)
    for step in np.unique(steps):
        here = steps == step
        choose_one = partial(compensated, scale=2.0 ** (step / 4), sample=sample[:2048], add=add, limits=limits)
        result[here] = _per_value(share[here], choose_one)
    return result
