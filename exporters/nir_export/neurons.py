"""A population as a NIR neuron: the same dynamics without the rounding.

In mantissas (u and v divided by 64) the machine computes, with a_u = (du + 1) / 4096 and a_v = dv / 4096,

    u = (1 - a_u) u + a          v = (1 - a_v) v + u + bias / 64          z = v > vth

and NIR's ODE under forward Euler with step dt, current before voltage, computes

    I = I + dt / tau_syn (w_in S - I)          v = v + dt / tau_mem (v_leak - v + r I)

They are equal with tau_syn = dt / a_u, w_in = 1 / a_u, tau_mem = dt / a_v, r = 1 / a_v, v_leak = bias / 64 / a_v.
NIR has no leak-free neuron with a current or a bias; there a_v is 2^-40, far below what a step resolves.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.program import Population

__all__ = ["NO_LEAK", "neuron_fields"]

NO_LEAK = 2.0**-40
"""The a_v that stands for dv = 0 where the node type has a time constant."""

Float = NDArray[np.float64]


def neuron_fields(population: Population, shape: tuple[int, ...], dt: float) -> tuple[str, Mapping[str, Float]]:
    """Return the type of the NIR node and its parameters, each of ``shape``, time in units of ``dt`` = one step."""
    p = population
    a_u = (p.du.astype(np.float64) + 1) / DECAY_ONE
    a_v = np.where(p.dv == 0, NO_LEAK, p.dv.astype(np.float64) / DECAY_ONE)
    bias = (p.bias_mantissa.astype(np.int64) << p.bias_exponent) / (1 << VTH_SHIFT)
    filtered = bool((p.du != DECAY_ONE - 1).any())
    one = np.ones(p.shape)
    fields: dict[str, Float]
    if not filtered and not p.dv.any() and not p.bias_mantissa.any():
        kind, fields = ("IF" if p.fires else "I"), {"r": one / dt}
    elif not filtered:
        kind = "LIF" if p.fires else "LI"
        fields = {"tau": dt / a_v, "r": 1 / a_v, "v_leak": bias / a_v}
    else:
        kind = "CubaLIF" if p.fires else "CubaLI"
        fields = {"tau_syn": dt / a_u, "tau_mem": dt / a_v, "r": 1 / a_v, "v_leak": bias / a_v, "w_in": 1 / a_u}
    if p.fires:
        fields |= {"v_threshold": p.vth.astype(np.float64), "v_reset": 0 * one}
    return kind, {name: values.reshape(shape) for name, values in fields.items()}
