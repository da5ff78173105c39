"""Norse's neurons, read from the modules themselves: parameters in the dtype in which Norse multiplies them.

With a_m = dt tau_mem_inv and a_s = dt tau_syn_inv, one step of every Norse neuron is

    i = (1 - a_s) i + x;   v = v + a_m (v_leak - v + i);   z = v > v_th;   v = v_reset (or v - v_th) where z

(box neurons: i = x; IAF: v = v + x; LI and LIBox never fire), which is the plain reading of NIR's equations with
tau = dt / a, r = 1 and w_in = tau_syn / dt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
import torch
from norse.torch.functional import iaf, leaky_integrator, leaky_integrator_box, lif, lif_box, lif_refrac, reset
from norse.torch.module import encode as encoders
from norse.torch.module.leaky_integrator import LILinearCell
from norse.torch.module.lift import Lift
from norse.torch.module.sequential import RecurrentSequential, SequentialState
from norse.torch.module.snn import SNN, SNNCell, SNNRecurrent, SNNRecurrentCell

from sim.errors import UnsupportedError
from snn2hw.sources.expression.neurons import NeuronParameters
from snn2hw.sources.expression.operations import Array, Shape
from snn2hw.sources.from_norse.tracer import numbers

__all__ = ["STEP_FUNCTIONS", "NeuronCell", "called_cell", "cell_of", "in_time", "is_cell", "is_foreign", "parameters"]


KINDS: dict[Callable[..., Any], str] = {
    lif.lif_feed_forward_step: "CubaLIF",
    lif.lif_step: "CubaLIF",
    lif_refrac.lif_refrac_feed_forward_step: "CubaLIF",
    lif_refrac.lif_refrac_step: "CubaLIF",
    lif_box.lif_box_feed_forward_step: "LIF",
    leaky_integrator.li_feed_forward_step: "CubaLI",
    leaky_integrator.li_step: "CubaLI",
    leaky_integrator_box.li_box_feed_forward_step: "LI",
    leaky_integrator_box.li_box_step: "LI",
    iaf.iaf_feed_forward_step: "IF",
    iaf.iaf_step: "IF",
}
"""NIR's name of what a Norse step function computes: a module is known by the function that it calls."""

STEP_FUNCTIONS: dict[CodeType, Callable[..., Any]] = {function.__code__: function for function in KINDS}
"""The step functions by the code that runs when they are called."""

CONTAINERS = (SequentialState, Lift, RecurrentSequential)

ENCODERS = tuple(each for name, each in vars(encoders).items() if name.endswith(("Encoder", "EncoderStep")))
"""Modules that call an encoding function of Norse, which is what is watched."""


@dataclass(frozen=True)
class NeuronCell:
    """A layer of neurons that was called: a module, or one of Norse's step functions with its arguments."""

    owner: Any
    name: str
    kind: str
    p: Any
    dt: float
    input_weights: Any = None
    recurrent_weights: Any = None

    def is_called_by(self, other: "NeuronCell") -> bool:
        """Return whether a later call is one of the same layer: the same module, or the same function and numbers."""
        if self.owner is not other.owner:
            return False
        mine = (self.input_weights, self.recurrent_weights, *tuple(self.p))
        theirs = (other.input_weights, other.recurrent_weights, *tuple(other.p))
        return isinstance(self.owner, torch.nn.Module) or all(map(_same, mine, theirs))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a is b or torch.equal(a, b)
    return bool(a == b)


def _kind(module: torch.nn.Module) -> str | None:
    if isinstance(module, LILinearCell):
        return "CubaLI" if type(module).forward is LILinearCell.forward else None
    if not isinstance(module, SNNCell | SNN | SNNRecurrentCell | SNNRecurrent):
        return None
    own = {SNNCell.forward, SNN.forward, SNNRecurrentCell.forward, SNNRecurrent.forward}
    return KINDS.get(module.activation) if type(module).forward in own else None


def is_cell(module: torch.nn.Module) -> bool:
    """Return whether ``module`` is a layer of neurons that NIR can say."""
    return _kind(module) is not None


def is_foreign(module: torch.nn.Module) -> bool:
    """Return whether ``module`` is Norse's but neither a known neuron nor a container: one item of the report."""
    norse = type(module).__module__.startswith("norse.") or isinstance(
        module, SNNCell | SNN | SNNRecurrentCell | SNNRecurrent
    )
    known = isinstance(module, (*CONTAINERS, *ENCODERS)) or is_cell(module)
    return norse and not known and not any(module.children())


def in_time(module: torch.nn.Module) -> bool:
    """Return whether ``module`` reads all steps at once, steps first."""
    return isinstance(module, SNN | SNNRecurrent | Lift)


def cell_of(module: Any) -> NeuronCell:
    """Return what a module that `is_cell` computes."""
    kind = _kind(module)
    assert kind is not None
    weighted = isinstance(module, LILinearCell | SNNRecurrentCell | SNNRecurrent)
    recurrent = module.recurrent_weights if isinstance(module, SNNRecurrentCell | SNNRecurrent) else None
    inputs = module.input_weights if weighted else None
    name = type(module).__name__
    return NeuronCell(module, name, kind, module.p, module.dt, input_weights=inputs, recurrent_weights=recurrent)


def called_cell(function: Callable[..., Any], given: Mapping[str, Any]) -> NeuronCell:
    """Return what a call of one of the `STEP_FUNCTIONS` with these arguments computes."""
    weights = {name: given[name] for name in ("input_weights", "recurrent_weights") if name in given}
    return NeuronCell(function, function.__name__, KINDS[function], given["p"], given["dt"], **weights)


def parameters(cell: NeuronCell, shape: Shape, v0: Any) -> NeuronParameters:
    """Read a layer of neurons of ``shape``; raise UnsupportedError for values no chip and no NIR file can hold.

    ``v0`` is the potential before step 0 as the layer itself makes it.
    """
    kind, dt = cell.kind, cell.dt
    p = cell.p.lif if isinstance(cell.p, lif_refrac.LIFRefracParameters) else cell.p
    fires = kind not in ("LI", "CubaLI")
    leak = None if kind == "IF" else _rate(dt, p.tau_mem_inv, "tau_mem_inv", shape)
    return NeuronParameters(
        leak=leak,
        synapse=_rate(dt, p.tau_syn_inv, "tau_syn_inv", shape) if kind.startswith("Cuba") else None,
        v_leak=None if kind == "IF" else _full(p.v_leak, "v_leak", shape),
        v_threshold=_full(p.v_th, "v_th", shape) if fires else None,
        v_reset=_full(p.v_reset, "v_reset", shape) if fires else None,
        subtract=fires and _subtracts(p),
        v0=_full(v0, "the initial v", shape),
        recurrent=None if cell.recurrent_weights is None else numbers(cell.recurrent_weights),
        refractory=_rest(cell.p, shape),
    )


def _rest(p: Any, shape: Shape) -> int:
    """Return for how many steps a neuron rests: a counter set to rho_reset falls by one a step while it is above 0."""
    if not isinstance(p, lif_refrac.LIFRefracParameters):
        return 0
    rho = np.ceil(np.maximum(_full(p.rho_reset, "rho_reset", shape), 0))
    if (rho != rho.flat[0]).any():
        raise UnsupportedError("rho_reset differs between neurons", "give one value for the whole layer")
    return int(rho.flat[0])


def _subtracts(p: Any) -> bool:
    method = getattr(p, "reset_method", reset.reset_value)
    if method is reset.reset_value:
        return False
    if method is reset.reset_subtract:
        return True
    name = getattr(method, "__name__", repr(method))
    raise UnsupportedError(f"reset method {name}", "use norse.torch.reset_value or norse.torch.reset_subtract")


def _rate(dt: Any, inverse: Any, name: str, shape: Shape) -> Array:
    """Return dt / tau as Norse computes it: the product in the parameter's dtype, then exactly as float64."""
    rate = _full(dt * inverse, f"dt * {name}", shape)
    if rate.min() <= 0:
        raise UnsupportedError(f"dt * {name} is {float(rate.min()):g}", f"give a {name} above 0")
    return rate


def _full(value: Any, name: str, shape: Shape) -> Array:
    """Spread one value, or one per channel, over the layer; axes in front are the batch."""
    array = numbers(value)
    if not np.isfinite(array).all():
        raise UnsupportedError(f"{name} is not finite", "train with finite parameters")
    try:
        spread = np.broadcast_to(array, np.broadcast_shapes(array.shape, (1, *shape)))
        if spread.shape[1:] != shape or not np.array_equal(spread, np.broadcast_to(spread[:1], spread.shape)):
            raise ValueError
    except ValueError:
        what = f"{name} of shape {array.shape} on neurons of shape {shape}"
        raise UnsupportedError(what, "give one value, or one per channel as (C, 1, 1)") from None
    first: Array = spread[0].copy()
    return first
