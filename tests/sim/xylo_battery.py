"""Xylo programs against plain integers: ``python -m tests.sim.xylo_battery COUNT`` exits 1 at the first difference.

It runs in a process of its own so that a mutated copy of `sim` can be put in front of the path.
"""

import sys

from sim.compare import recorded_of
from sim.engines import run
from sim.trace import recordable
from tests.exporters.xylo.networks import random_xylo
from tests.sim.first_difference import compare


def _sat(x):
    return min(max(x, -32768), 32767)


def loses(x, n):
    return 1 if x > 0 and x >> n == 0 else x >> n


class Hand:
    """One sample, spike by spike, in plain integers: z spikes are z additions."""

    def __init__(self, program):
        self.program, self.names = program, [p.name for p in program.populations]
        self.state = {p.name: [[0, 0, 0] for _ in range(p.size)] for p in program.populations}
        self.sent = {name: [] for name in ("input", *self.names)}
        self.synops = dict.fromkeys(self.names, 0)
        self.clips = dict.fromkeys(self.names, 0)

    def add(self, name, n, k, weight):
        raised = self.state[name][n][k] + weight
        self.state[name][n][k] = _sat(raised)
        self.clipped |= raised != _sat(raised)

    def neuron(self, p, n, t):
        self.clipped, name, at = False, p.name, lambda register: int(p.registers[register].flat[n])
        for source in ("input", *self.names):
            for c in (c for c in p.inputs if c.source == source and t >= c.lag):
                for j, z in enumerate(self.sent[source][t - c.lag]):
                    weight = int(c.wiring.weight[n, j])
                    self.synops[name] += z * (weight != 0)
                    for _ in range(z):
                        self.add(name, n, c.port, weight << c.exponent)
        i, i2, v = self.state[name][n]
        i, i2 = i - loses(i, at("dash_syn")), i2 - loses(i2, at("dash_syn2"))
        lost = loses(v, at("dash_mem"))
        change = (-32768 if lost == -32768 else -lost) + i + i2
        biased = _sat(change) + at("bias")
        raised = v + _sat(biased)
        self.clipped |= (change, biased, raised) != (_sat(change), _sat(biased), _sat(raised))
        v, z = _sat(raised), 0
        while p.fires and v >= at("theta") and z < p.properties["most"]:
            v, z = v - at("theta"), z + 1
        self.state[name][n] = [i, i2, v]
        self.clips[name] += self.clipped
        return z


def difference(program, raster):
    """Say where the reference and additions by hand differ in the first sample."""
    trace = run(program, raster[:1], engine="reference", record=recordable(program))
    recorded, hand = recorded_of(trace), Hand(program)
    order = list(program.populations)
    for t, messages in enumerate(raster[0].tolist()):
        hand.sent["input"].append(messages)
        for p in order:
            hand.sent[p.name].append([hand.neuron(p, n, t) for n in range(p.size)])
            for k, state in enumerate(("i", "i2", "v")):
                if recorded[state][p.name][0, t].tolist() != [s[k] for s in hand.state[p.name]]:
                    return f"{p.name}, step {t}: {state}"
            if trace.spikes[p.name][0, t].tolist() != hand.sent[p.name][t]:
                return f"{p.name}, step {t}: spikes"
    for p in order:
        for what in ("synops", "clips"):
            if getattr(trace.counts, what)[p.name].tolist() != [getattr(hand, what)[p.name]]:
                return f"{p.name}: {what}"
    return None


if __name__ == "__main__":
    sys.exit(compare(((f"seed {seed}", random_xylo(seed)) for seed in range(int(sys.argv[1]))), difference))
