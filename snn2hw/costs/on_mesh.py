"""Messages, hops and synops of a run on a chip's mesh: the least and the most that a placement can make of them.

A program is cut for the chip as every placer has it (`snn2hw.placement.cutting`); placers only put slices together and
lay them. So, whatever the placer, for a neuron that sends,

    messages   >= 1 if any slice reads it     <= slices that read it
    hops       >= 0                           <= (columns - 1) across and (rows - 1) down, a message

of as many chips as the cores fill in order, which no placer exceeds. A message is sent, and its synapses are looked up,
in the step in which a neuron fires: those that a delay keeps back until the run has ended are in the most of the
synops, each with the widest reach of its connection. The host's messages cost nothing at the least: it is no core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sim.arithmetic.description import Int
from sim.arithmetic.registry import require_arithmetic
from sim.parts import Dense
from sim.program import INPUT, Program
from sim.trace import Counts
from sim.wiring import fan_out
from snn2hw.chips.target import Target, get_target
from snn2hw.costs.prices import Event
from snn2hw.costs.workload import Workload
from snn2hw.placement.cutting import cut
from snn2hw.placement.mesh import mesh_of
from snn2hw.placement.packing import next_fit
from snn2hw.placement.slices import lines

__all__ = ["MeshBound", "mesh_bound", "on_mesh"]


@dataclass(frozen=True)
class MeshBound:
    """What a placement of a program on a chip can make of its messages."""

    chip: str
    slices: int
    cores: int
    """In order, of which no placer takes more."""
    readers: Mapping[str, tuple[int, int]]
    """By source, the input too: the least and the most slices that read one of its neurons."""
    across: int
    down: int
    """Hops of a message from one end of the mesh to the other."""

    def __str__(self) -> str:
        """Say it in a line."""
        most = max(most for _, most in self.readers.values())
        return (
            f"a spike goes to at most {most} cores ({self.slices} slices in {self.cores} cores), "
            f"a message takes at most {self.across} hops across and {self.down} down"
        )


def mesh_bound(program: Program, target: Target | str) -> MeshBound:
    """Cut a program for a chip and count who reads whom; refuse what cannot be placed there."""
    chip = get_target(target)
    require_arithmetic(program.arithmetic, ("loihi",), "a placement")
    slices = cut(program, chip)
    readers = {p.name: np.zeros(p.shape, dtype=np.int64) for p in program.populations}
    readers[INPUT] = np.zeros(program.input.shape, dtype=np.int64)
    for part in slices:
        for source, window, taken in lines(part.readings):
            readers[source][window] += taken > 0
    cores = len(next_fit(program, slices, chip))
    mesh = mesh_of(cores, chip.cores)
    return MeshBound(
        chip=chip.name,
        slices=len(slices),
        cores=cores,
        readers={name: (int(n.min()), int(n.max())) for name, n in readers.items()},
        across=mesh.width * mesh.chips - 1,
        down=mesh.height - 1,
    )


def on_mesh(
    workload: Workload,
    program: Program,
    counts: Counts,
    steps: int,
    bound: MeshBound,
    *,
    taken: Mapping[Event, Int] | None = None,
) -> Workload:
    """Return a workload whose messages, hops and synops have the ends that a placement can give them.

    ``taken`` are the messages and hops of a placement that is known: all ends have them, and those of the host beside.
    """
    sent = {**counts.messages, INPUT: _from_host(program, counts, steps)}
    messages, synops = workload.events["message"], _in_flight(program, counts, sent)
    zero = np.zeros_like(messages)
    fewest = sum((sent[p.name] * min(bound.readers[p.name][0], 1) for p in program.populations), zero)
    most = sum((sent[name] * readers[1] for name, readers in bound.readers.items()), zero)
    # as counted a message goes to every population that reads its source, also to one in which its weights are all 0
    most = np.maximum(most, messages)
    if taken is not None:
        host = sent[INPUT] * bound.readers[INPUT][1]
        readers = sum(any(c.source == INPUT for c in p.inputs) for p in program.populations)
        events: dict[Event, Int] = {**taken, "message": taken["message"] + sent[INPUT] * readers}
        reached: dict[Event, Int] = {"message": host, "hop_across": host * bound.across, "hop_down": host * bound.down}
        return replace(
            workload,
            events={**workload.events, **events},
            least={**workload.least, **taken},
            most={
                **workload.most,
                **{event: np.maximum(taken[event] + more, events[event]) for event, more in reached.items()},
                **{event: workload.events[event] + more for event, more in synops.items()},
            },
        )
    return replace(
        workload,
        least={**workload.least, "message": np.minimum(fewest, messages)},
        most={
            **workload.most,
            "message": most,
            "hop_across": most * bound.across,
            "hop_down": most * bound.down,
            **{event: workload.events[event] + more for event, more in synops.items()},
        },
    )


def _from_host(program: Program, counts: Counts, steps: int) -> Int:
    """Return how many messages of the input there are at most: a delayed connection has not seen the last steps."""
    bounds = [
        delivered + min(connection.lag, steps) * int(np.prod(program.input.shape, dtype=np.int64))
        for p in program.populations
        for connection, delivered in zip(p.inputs, counts.events[p.name], strict=True)
        if connection.source == INPUT
    ]
    return np.minimum.reduce(bounds) if bounds else np.zeros_like(next(iter(counts.spikes.values())))


def _in_flight(program: Program, counts: Counts, sent: Mapping[str, Int]) -> dict[Event, Int]:
    """Return the synops of the messages that were sent and not delivered, at most."""
    zero = np.zeros_like(next(iter(counts.spikes.values())))
    found: dict[Event, Int] = {"synop_dense": zero, "synop_conv": zero}
    for p in program.populations:
        for connection, delivered in zip(p.inputs, counts.events[p.name], strict=True):
            kind: Event = "synop_dense" if isinstance(connection.wiring, Dense) else "synop_conv"
            widest = int(fan_out(connection.wiring, program.shape_of(connection.source), p.shape).max())
            found[kind] = found[kind] + (sent[connection.source] - delivered) * widest
    return found
