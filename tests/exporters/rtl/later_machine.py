"""The machine with the properties that populations are to get, in NumPy: most, at_threshold, refractory, reset "none".

count = 0 if it does not fire, 1 if most = 1, else min(most, (v - 1) // theta), or v // theta where at_threshold
v     = 0 (zero)  |  v - count * theta (subtract)  |  v (none), held for `refractory` steps in which nothing is sent
"""

import numpy as np

from sim.arithmetic import A_LIMIT, VTH_SHIFT, clip, decay, shift, wrap
from sim.order import step_order
from sim.program import INPUT
from sim.wiring import apply


def simulate_later(program, raster, rules):
    """Return u, v and counts by name, (B, T, *shape), or None where a sum leaves the accumulator."""
    batch, steps = raster.shape[:2]
    order = step_order(program.populations)
    sent = {INPUT: [], **{p.name: [] for p in order}}
    found = {f"{what}.{p.name}": [] for p in order for what in ("u", "v", "spikes")}
    u, v, rest = {}, {}, {}
    for p in order:
        size = (batch, *p.shape)
        u[p.name], v[p.name] = (np.broadcast_to(x.astype(np.int64), size) for x in (p.u0, p.v0))
        rest[p.name] = np.zeros(size, dtype=np.int64)
    for t in range(steps):
        sent[INPUT].append(raster[:, t].astype(np.int64))
        for p in order:
            a = np.zeros((batch, *p.shape), dtype=np.int64)
            for c in p.inputs:
                if t >= c.lag:
                    messages = sent[c.source][t - c.lag]
                    a += shift(apply(c.wiring, messages, program.shape_of(c.source), p.shape), c.exponent)
            if (np.abs(a) >= A_LIMIT).any():
                return None
            u[p.name] = wrap(decay(u[p.name], p.du.astype(np.int64) + 1) + (a << VTH_SHIFT))
            v[p.name], rest[p.name], count = _fire(p, rules[p.name], u[p.name], v[p.name], rest[p.name])
            sent[p.name].append(count)
            for what, values in (("u", u[p.name]), ("v", v[p.name]), ("spikes", count)):
                found[f"{what}.{p.name}"].append(values)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def _fire(p, rule, u, v, rest):
    theta = np.broadcast_to(p.vth.astype(np.int64) << VTH_SHIFT, v.shape)
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    raised = clip(decay(v, p.dv.astype(np.int64)) + u + bias)
    fires = (raised >= theta if rule.at_threshold else raised > theta) & (rest == 0) & p.fires
    times = raised // np.maximum(theta, 1) if rule.at_threshold else (raised - 1) // np.maximum(theta, 1)
    count = np.where(fires, 1 if rule.most == 1 else np.minimum(rule.most, times), 0)
    after = {"zero": 0 * raised, "subtract": raised - count * theta, "none": raised}[rule.reset]
    moved = np.where(fires, after, raised)
    new_rest = np.where(fires, rule.refractory, np.maximum(rest - 1, 0))
    return np.where(rest > 0, v, moved), new_rest, count
