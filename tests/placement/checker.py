"""A placement counted again from its JSON and the program, one synapse at a time; it shares no code with the placers.

Every connection is written out as a list of (source neuron, tap, target neuron) by going over targets and taps, and
every core's resources are counted from sets of those.
"""

from collections import defaultdict
from itertools import product
from math import ceil

import numpy as np

from sim.program import Dense
from sim.weight_rule import weight_bits

RESOURCES = ("neurons", "synapse_bits", "axons_in", "axons_out", "vth_configs", "decay_configs")


def synapses_of(program, population, connection):
    """Yield (source neuron, tap, target neuron, weight), neurons as tuples; also weights of 0."""
    source, wiring = program.shape_of(connection.source), connection.wiring
    if isinstance(wiring, Dense):
        sources, targets = list(np.ndindex(*source)), list(np.ndindex(*population.shape))
        for (o, t), (i, s) in product(enumerate(targets), enumerate(sources)):
            yield s, None, t, int(wiring.weight[o, i])
        return
    outs, ins, kh, kw = len(wiring.weight) // wiring.groups, *wiring.weight.shape[1:]
    for c, y, x in np.ndindex(*population.shape):
        for i, ky, kx in product(range(ins), range(kh), range(kw)):
            sy = y * wiring.stride[0] + ky * wiring.dilation[0] - wiring.padding[0]
            sx = x * wiring.stride[1] + kx * wiring.dilation[1] - wiring.padding[1]
            if 0 <= sy < source[1] and 0 <= sx < source[2]:
                yield (c // outs * ins + i, sy, sx), (ky, kx), (c, y, x), int(wiring.weight[c, i, ky, kx])


def axon(weights, bits):
    total = 0
    while weights:
        block = min(64, weights)
        total += 64 * ceil((block * bits + 10) / 64)
        weights -= block
    return total


class Recount:
    """What every core takes, and the messages between cores, found again."""

    def __init__(self, program, placed, core_neurons, known):
        self.known = known  # synapses by connection: the same for every placement of the program
        self.program, self.placed = program, placed
        self.index = max(6, ceil(np.log2(core_neurons)))
        self.home = {}
        for number, core in enumerate(placed["per_core"]):
            for part in core["population"]:
                for neuron in product(*map(range, part["low"], part["high"])):
                    assert (part["population"], neuron) not in self.home, "a neuron lies in two cores"
                    self.home[part["population"], neuron] = number
        assert len(self.home) == sum(p.size for p in program.populations), "a neuron lies in no core"
        self.bits = [0] * len(placed["per_core"])
        self.lines = [{} for _ in placed["per_core"]]  # (source, pixel or neuron) -> axons
        self.readers = defaultdict(dict)  # (source, neuron) -> core -> axons
        self.synops = [defaultdict(int) for _ in placed["per_core"]]  # (source, neuron) -> synapses
        for population in program.populations:
            for number, connection in enumerate(population.inputs):
                self._connection(population, number, connection)

    def _connection(self, population, number, connection):
        bits = weight_bits(self.program, population, number)
        bits = {7: 8}.get(bits, bits) + (6 if connection.lag > 1 else 0)
        arriving = self.known.get((population.name, number))
        if arriving is None:
            arriving = self.known[population.name, number] = defaultdict(list)
            for synapse in synapses_of(self.program, population, connection):
                arriving[synapse[2]].append(synapse)
        for core, described in enumerate(self.placed["per_core"]):
            for part in described["population"]:
                if part["population"] == population.name:
                    held = [s for n in product(*map(range, part["low"], part["high"])) for s in arriving[n]]
                    self._slice((core, part), (number, connection), held, bits)

    def _slice(self, place, read, held, bits):
        (core, part), (number, connection) = place, read
        met = defaultdict(int)
        for source, _, _, weight in held:
            met[source] += weight != 0
        met = {s: n for s, n in met.items() if n}
        for source, n in met.items():
            self.synops[core][connection.source, source] += n
        if not met:
            return
        size = np.prod([h - low for low, h in zip(part["low"], part["high"], strict=True)])
        ways = {
            "dense": sum(axon(int(size), bits) for _ in met),
            "sparse": sum(axon(n, bits + self.index) for n in met.values()),
        }
        if not isinstance(connection.wiring, Dense):
            ways["shared"] = _shared(held, bits + self.index)
        least = min(ways.values())
        (encoding,) = [s["encoding"] for s in part["synapses"] if s["connection"] == number]
        assert ways[encoding] == least
        self.bits[core] += least
        channels = self.program.shape_of(connection.source)[0]
        slots = 2 if encoding == "shared" and channels > 32 else 1
        for source in met:
            line = (connection.source, "pixel", source[1:]) if encoding == "shared" else (connection.source, source)
            self.lines[core][line] = max(slots, self.lines[core].get(line, 0))
            axons = self.readers[connection.source, source]
            axons[core] = max(slots, axons.get(core, 0))

    def needs(self):
        """Return what every core takes."""
        rows = []
        for core in range(len(self.placed["per_core"])):
            mine = [key for key, home in self.home.items() if home == core]
            registers = [self.program.by_name[name].registers for name, _ in mine]
            at = [neuron for _, neuron in mine]
            rows.append(
                {
                    "neurons": len(mine),
                    "synapse_bits": self.bits[core],
                    "axons_in": sum(self.lines[core].values()),
                    "axons_out": sum(sum(self.readers[key].values()) for key in mine if key in self.readers),
                    "vth_configs": len({int(r["vth"][n]) for r, n in zip(registers, at, strict=True)}),
                    "decay_configs": len(
                        {(int(r["du"][n]), int(r["dv"][n])) for r, n in zip(registers, at, strict=True)}
                    ),
                }
            )
        return rows

    def traffic(self, sends):
        """Return (messages, hops) of all neurons, ``sends[source][neuron]`` messages each."""
        tiles = [core["tile"] for core in self.placed["per_core"]]
        messages = hops = 0
        for (source, neuron), cores in self.readers.items():
            if source == "input":
                continue
            x0, y0 = tiles[self.home[source, neuron]]
            for core in cores:
                x1, y1 = tiles[core]
                messages += int(sends[source][neuron])
                hops += int(sends[source][neuron]) * (abs(x0 - x1) + abs(y0 - y1))
        return messages, hops


def _shared(held, bits):
    """Rows of the kernel: for every input channel and every different set of taps, all weights of those taps."""
    taps, outs = defaultdict(set), defaultdict(set)
    for (channel, y, x), tap, (c, _, _), _ in held:
        taps[channel, y, x].add(tap)
        outs[channel].add(c)
    rows = {(channel, frozenset(met)) for (channel, _, _), met in taps.items()}
    return sum(axon(len(met) * len(outs[channel]), bits) for channel, met in rows)
