"""A population as a NIR neuron: the same dynamics without the rounding.

An arithmetic says what a population is in real numbers (`sim.arithmetic.description.RealDynamics`), a unit of weight
being the unit of u and v:

    u = (1 - share_u) u + a          v = (1 - share_v) v + u + drive          z = v > threshold

and NIR's ODE under forward Euler with step dt, current before voltage, computes

    I = I + dt / tau_syn (w_in S - I)          v = v + dt / tau_mem (v_leak - v + r I)

They are equal with tau_syn = dt / share_u, w_in = 1 / share_u, tau_mem = dt / share_v, r = 1 / share_v and
v_leak = drive / share_v. NIR has no leak-free neuron with a current or a bias; there share_v is 2^-40, far below what a
step resolves.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import RealDynamics

__all__ = ["NO_LEAK", "neuron_fields"]

NO_LEAK = 2.0**-40
"""The share of v that stands for no leak where the node type has a time constant."""

Float = NDArray[np.float64]


def neuron_fields(
    dynamics: RealDynamics, *, fires: bool, shape: tuple[int, ...], dt: float
) -> tuple[str, Mapping[str, Float]]:
    """Return the type of the NIR node and its parameters, each of ``shape``, time in units of ``dt`` = one step."""
    a_u, drive = dynamics.share_u, dynamics.drive
    a_v = np.where(dynamics.share_v == 0, NO_LEAK, dynamics.share_v)
    filtered = bool((a_u != 1).any())
    one = np.ones_like(a_u)
    fields: dict[str, Float]
    if not filtered and not dynamics.share_v.any() and not drive.any():
        kind, fields = ("IF" if fires else "I"), {"r": one / dt}
    elif not filtered:
        kind = "LIF" if fires else "LI"
        fields = {"tau": dt / a_v, "r": 1 / a_v, "v_leak": drive / a_v}
    else:
        kind = "CubaLIF" if fires else "CubaLI"
        fields = {"tau_syn": dt / a_u, "tau_mem": dt / a_v, "r": 1 / a_v, "v_leak": drive / a_v, "w_in": 1 / a_u}
    if fires:
        fields |= {"v_threshold": dynamics.threshold, "v_reset": 0 * one}
    return kind, {name: values.reshape(shape) for name, values in fields.items()}
