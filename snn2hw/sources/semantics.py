"""What NIR leaves open: the integration scheme, the reset, and the order of events inside a step."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["NORSE", "Reset", "ResetAt", "Scheme", "Semantics"]

Scheme = Literal["euler", "exponential"]
"""How the equations become steps: a = dt / tau (Euler) or a = 1 - exp(-dt / tau)."""

Reset = Literal["value", "subtract", "none"]
"""What a spike does: v = v_reset ("value"; v_reset = 0 is the reset to zero), v = v - v_threshold ("subtract"), or
nothing to v ("none")."""


ResetAt = Literal["spike", "before_decay", "after_decay"]


@dataclass(frozen=True)
class Semantics:
    """The order of events inside a step: one row per framework.

    One step of a neuron in the plain reading (all defaults), with a_s, a_m the shares of `Scheme` for tau_syn, tau_mem:

        i = i + a_s (w_in x - i);   v = v + a_m (v_leak - v + r i);   z = v > v_threshold;   v = v_reset where z
    """

    name: str = "nir"
    fires_at: Literal[">", ">="] = ">"
    """The comparison of v with v_threshold."""
    spikes_per_step: Literal["one", "many"] = "one"
    """"many": floor(v / v_threshold) spikes in one step, each of which subtracts v_threshold."""
    reset_at: ResetAt = "spike"
    """When a spike resets v: at once, or in the next step, before or after that step's decay and input. A reset to a
    value after them is snnTorch's dead step: whatever arrives is lost."""
    spike_read: Literal["after_input", "before_input"] = "after_input"
    """Whether a step's spikes see that step's input, or the state before it (Spyx). The latter need no step of delay in
    a loop: what they send does not depend on what arrives."""
    residue: Literal["kept", "tested_twice"] = "kept"
    """What a v does that is above threshold after a subtracting reset: as any other, or it must pass a second threshold
    to fire again (snnTorch with reset_delay=False)."""


NORSE = Semantics(name="norse")
"""What every Norse module computes, once its parameters are written with w_in = tau_syn / dt."""
