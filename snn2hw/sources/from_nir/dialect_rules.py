"""How the parameters that frameworks write become parameters that mean what the frameworks compute.

Each rule works on a flat, typed graph of its own (nothing else refers to it), in place, and returns what it changed in
words. The helpers speak of one step: ``share(tau)`` is a = dt / tau (Euler) or 1 - exp(-dt / tau).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snn2hw.problems import Problem, refuse
from snn2hw.sources.graph import predecessors, shape_in, successors
from snn2hw.sources.semantics import Reset, Scheme

if TYPE_CHECKING:
    import nir

__all__ = [
    "lava_dl",
    "norse",
    "nothing",
    "rockpool",
    "rockpool_dt",
    "sinabs",
    "sinabs_unnormalised",
    "snntorch",
    "snntorch_now",
    "spikingjelly",
    "spikingjelly_dt",
    "spyx",
    "spyx_dt",
    "unit_input_of_if",
    "unknown",
]

FLOAT32 = 1e-5
"""How far two float32 expressions of one number may be apart, relative."""

DECAY_UNIT = 4096
"""A decay of Loihi has 12 bits."""

Values = NDArray[np.float64]


def nothing(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Change nothing: the file means what it says."""
    return []


def unknown(graph: "nir.NIRGraph") -> float | None:
    """Return None: the file does not betray its dt."""
    return None


def _each(graph: "nir.NIRGraph", *kinds: str) -> "Iterator[tuple[str, nir.NIRNode]]":
    for name, node in graph.nodes.items():
        if type(node).__name__ in kinds:
            yield name, node


def _f64(values: object) -> Values:
    return np.asarray(values, np.float64)


def _share(tau: object, dt: float, scheme: Scheme) -> Values:
    return dt / _f64(tau) if scheme == "euler" else -np.expm1(-dt / _f64(tau))


def _float32_decay(node: "nir.NIRNode", dt: float) -> None:
    """Give time constants the exact decay that they were made from: frameworks write dt / (1 - beta) in float32."""
    for name in ("tau", "tau_mem", "tau_syn"):
        tau = getattr(node, name, None)
        if tau is not None and tau.dtype == np.float32:
            beta = (1 - dt / _f64(tau)).astype(np.float32)
            near = np.abs(_f64(beta) - (1 - dt / _f64(tau))) < FLOAT32 * 0.01
            setattr(node, name, np.where(near & (beta < 1), dt / (1 - _f64(beta)), _f64(tau)))


def lava_dl(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Give decays back what float32 took: SLAYER's are whole 4096ths, and its inputs enter with weight 1.

    Potentials of such a network are often equal to a threshold; a decay that misses by 1e-8 would fire there.
    """
    for _, node in _each(graph, "LIF", "LI", "CubaLIF", "CubaLI"):
        for tau, gain in (("tau", "r"), ("tau_mem", "r"), ("tau_syn", "w_in")):
            if not hasattr(node, tau):
                continue
            share = dt / _f64(getattr(node, tau))
            whole = np.rint(share * DECAY_UNIT) / DECAY_UNIT
            share = np.where((whole > 0) & (np.abs(whole - share) < FLOAT32 * 0.1 * share), whole, share)
            setattr(node, tau, dt / share)
            gains = _f64(getattr(node, gain))
            setattr(node, gain, np.where(np.abs(share * gains - 1) < FLOAT32 * 0.1, 1 / share, gains))
    return []


def _unit_gains(node: "nir.NIRNode", dt: float, scheme: Scheme) -> None:
    """Give ``node`` the r and w_in under which its input enters with weight 1."""
    kind = type(node).__name__
    if kind in ("I", "IF"):
        node.r = np.full(np.shape(node.r), 1 / dt)
        return
    node.r = 1 / _share(node.tau_mem if kind.startswith("Cuba") else node.tau, dt, scheme)
    if kind.startswith("Cuba"):
        node.w_in = 1 / _share(node.tau_syn, dt, scheme)


def _recurs(graph: "nir.NIRGraph", name: str) -> bool:
    """Return whether a neuron has weights from itself onto itself."""
    after, before = successors(graph.edges), predecessors(graph.edges)
    return bool(set(after.get(name, ())) & set(before.get(name, ())))


def norse(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Correct what Norse's exporters write: dt * tau (1.1.0), w_in = 1 for an input of weight 1, r = 1 of an IF."""
    notes = []
    for name, node in _each(graph, "LIF", "LI", "CubaLIF", "CubaLI"):
        taus = [n for n in ("tau", "tau_mem", "tau_syn") if hasattr(node, n)]
        if all((_f64(getattr(node, n)) < dt * (1 - FLOAT32)).all() for n in taus):
            for n in taus:
                setattr(node, n, _f64(getattr(node, n)) / dt)
            notes.append(f"node {name!r}: Norse 1.1.0 writes dt * tau, divided by dt again")
    for name, node in _each(graph, "CubaLIF", "CubaLI"):
        if (_f64(node.w_in) == 1).all() and (np.abs(_share(node.tau_syn, dt, scheme) - 1) > FLOAT32).any():
            node.w_in = 1 / _share(node.tau_syn, dt, scheme)
            notes.append(f"node {name!r}: Norse writes w_in = 1 for an input of weight 1, read as tau_syn / dt")
    for name in unit_input_of_if(graph, dt):
        notes.append(f"node {name!r}: Norse writes r = 1 for an input of weight 1, read as 1 / dt")
    return notes


def unit_input_of_if(graph: "nir.NIRGraph", dt: float) -> list[str]:
    """Read r = 1 of an IF as an input of weight 1, which NIR writes r = 1 / dt; return the nodes concerned."""
    found = [(name, node) for name, node in _each(graph, "IF") if (_f64(node.r) == 1).all() and dt != 1]
    for _, node in found:
        node.r = np.full(np.shape(node.r), 1 / dt)
    return [name for name, _ in found]


def snntorch(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Set the time of the reset per neuron: one to zero comes before the decay in a plain Leaky, after it elsewhere."""
    for name, node in _each(graph, "LIF", "CubaLIF"):
        plain = type(node).__name__ == "LIF" and not _recurs(graph, name)
        node.metadata["reset_at"] = "before_decay" if reset == "value" and plain else "after_decay"
    return snntorch_now(graph, dt, scheme, reset)


def snntorch_now(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Take r = tau / dt for what it stands for, an input of weight 1; refuse a file written with another dt."""
    for name, node in _each(graph, "LIF", "CubaLIF"):
        tau = node.tau if type(node).__name__ == "LIF" else node.tau_mem
        written = _f64(tau) / _f64(node.r)
        if not np.allclose(written, dt, rtol=FLOAT32, atol=0):
            value = float(written.reshape(-1)[np.abs(written.reshape(-1) - dt).argmax()])
            what = f"tau / r = {value:.6g} s, which snnTorch writes as dt; dt is {dt}"
            refuse("dialect snntorch", [Problem(f"node {name!r}", what, "give that dt, or read it as --dialect nir")])
        _float32_decay(node, dt)
        _unit_gains(node, dt, scheme)
    return []


def spikingjelly(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Start every membrane at v_reset, as SpikingJelly does also where the leak pulls elsewhere."""
    for _, node in _each(graph, "LIF", "CubaLIF"):
        node.metadata["v0"] = _f64(node.v_reset).copy()
    return []


def spikingjelly_dt(graph: "nir.NIRGraph") -> float | None:
    """Return 1 / r of an IF: SpikingJelly writes r = 1 / dt."""
    return next((_rounded(1 / float(_f64(node.r).reshape(-1)[0])) for _, node in _each(graph, "IF")), None)


def sinabs(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Turn steps into seconds; an IAF and an ExpLeak take their input with weight 1."""
    notes = [f"tau is in steps, a step is {dt:g} s"] if dt != 1 else ["tau is in steps: dt is 1 step"]
    for _, node in _each(graph, "LIF", "LI"):
        node.tau = _f64(node.tau) * dt
    for _, node in _each(graph, "IF", "LI"):
        _unit_gains(node, dt, scheme)
    return notes


def sinabs_unnormalised(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """As `sinabs`, and a LIF takes its input with weight 1 (norm_input=False, which is not in the file)."""
    notes = sinabs(graph, dt, scheme, reset)
    for _, node in _each(graph, "LIF"):
        _unit_gains(node, dt, scheme)
    return notes


def rockpool(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Set input weights to what Rockpool computes: v = alpha v + x, and i = beta (i + x) for synapses."""
    for _, node in _each(graph, "LIF", "CubaLIF", "LI"):
        _unit_gains(node, dt, scheme)
        if type(node).__name__ == "LI":
            node.r = node.r * np.exp(-dt / _f64(node.tau))
        elif type(node).__name__ == "CubaLIF":
            node.w_in = node.w_in * np.exp(-dt / _f64(node.tau_syn))
    return ["Rockpool writes neither a neuron's bias nor its recurrent weights: a network that has them cannot be told"]


def rockpool_dt(graph: "nir.NIRGraph") -> float | None:
    """Solve r = tau exp(-dt / tau) / dt, as Rockpool writes it, for dt."""
    for _, node in _each(graph, "LIF", "CubaLIF", "LI"):
        tau = float(_f64(node.tau_mem if type(node).__name__ == "CubaLIF" else node.tau).reshape(-1)[0])
        r = float(_f64(node.r).reshape(-1)[0])
        if tau <= 0 or r <= 0:
            continue
        y = 1 / (1 + r)
        for _ in range(50):  # Newton on y e^y = 1 / r
            y -= (y - math.exp(-y) / r) / (1 + y)
        return _rounded(y * tau)
    return None


def spyx(graph: "nir.NIRGraph", dt: float, scheme: Scheme, reset: Reset) -> list[str]:
    """Inputs enter with weight 1; a CuBaLIF subtracts before the decay; channels come last where Spyx flattens."""
    notes = []
    for _, node in _each(graph, "IF", "LIF", "CubaLIF"):
        _float32_decay(node, dt)
        _unit_gains(node, dt, scheme)
        node.metadata["reset_at"] = "before_decay" if type(node).__name__ == "CubaLIF" else "after_decay"
    notes += _input_past_the_weights(graph)
    after = successors(graph.edges)
    for name, node in _each(graph, "Flatten"):
        shape = shape_in(node)
        if len(shape) != 3:
            continue
        if any(type(graph.nodes[n]).__name__ not in ("Linear", "Affine") for n in after.get(name, ())):
            what = f"flattens {shape} with channels last, and something else than a Linear reads it"
            refuse("dialect spyx", [Problem(f"node {name!r}", what, "put a Linear behind the Flatten")])
        for reader in after.get(name, ()):
            order = np.arange(math.prod(shape)).reshape(*shape[1:], shape[0]).transpose(2, 0, 1).reshape(-1)
            graph.nodes[reader].weight = np.asarray(graph.nodes[reader].weight)[:, order]
            notes.append(f"node {reader!r}: Spyx flattens channels last, its columns are put in NIR's order")
    for name, node in _each(graph, "SumPool2d"):
        if np.any(node.padding):
            what = f"padding {tuple(int(p) for p in node.padding)} is Spyx's total for both ends, and NIR's for each"
            refuse("dialect spyx", [Problem(f"node {name!r}", what, 'use padding="VALID" in SumPool')])
    return notes


def _input_past_the_weights(graph: "nir.NIRGraph") -> list[str]:
    """Lead the input of a recurrent layer to its neurons: Spyx writes it into the recurrent weights."""
    notes = []
    for name, _ in list(_each(graph, "IF", "LIF", "CubaLIF")):
        before = predecessors(graph.edges)
        weights = [w for w in before.get(name, ()) if name in before.get(w, ())]
        if len(weights) != 1 or len(before[name]) > 1:
            continue
        outside = {(a, weights[0]) for a in before[weights[0]] if a != name}
        graph.edges = [(a, name) if (a, b) in outside else (a, b) for a, b in graph.edges]
        notes += [f"node {name!r}: Spyx leads its input into {b!r}, read as input of the neurons" for _, b in outside]
    return notes


def spyx_dt(graph: "nir.NIRGraph") -> float | None:
    """Return tau (1 - r): Spyx writes tau = dt / (1 - beta) and r = beta."""
    for _, node in _each(graph, "LIF", "CubaLIF"):
        tau = node.tau if type(node).__name__ == "LIF" else node.tau_mem
        values = (_f64(tau) * (1 - _f64(node.r))).reshape(-1)
        return _rounded(float(np.median(values)))
    return None


def _rounded(dt: float) -> float:
    """Return the short decimal number that was meant, if float32 could have made ``dt`` of it."""
    short = float(f"{dt:.4g}")
    return short if abs(short - dt) <= 10 * FLOAT32 * abs(dt) else dt
