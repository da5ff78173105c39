"""A compiled program as a torch module whose forward pass is the machine and whose weights can learn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from sim.order import step_order
from sim.program import INPUT, Program
from snn2hw.compiler.compile import Compiled
from snn2hw.train.tuning.cell import Cell
from snn2hw.train.tuning.machine_scan import advance, scan

__all__ = ["Machine"]


class Machine(nn.Module):
    """The program of a `Compiled`, ready to be tuned: call it with a raster (B, T, *input shape)."""

    def __init__(self, compiled: Compiled) -> None:
        super().__init__()
        self.program = compiled.program
        made = {m.population.name: m for m in compiled.layers}
        messages = {INPUT: max(-self.program.input.lo, self.program.input.hi)}
        order = step_order(self.program.populations)
        self.names = [p.name for p in order]
        self.cells = nn.ModuleList(
            Cell(p, made.get(p.name), compiled.prepared.target, self.program.shape_of, messages) for p in order
        )
        self.loops = _has_feedback(self.program, self.names)

    def forward(self, raster: Tensor) -> dict[str, Tensor]:
        """Return (T, b, *shape) for every population: spikes, or v where it never fires."""
        x = raster.transpose(0, 1).to(torch.float64)
        return self._step_by_step(x) if self.loops else self._layer_by_layer(x)

    def _layer_by_layer(self, x: Tensor) -> dict[str, Tensor]:
        sent = {INPUT: x}
        for name, cell in self._cells():
            frozen = cell.registers(x.device)
            sums = cell.sums(sent, x.shape[0], x.shape[1])
            sent[name] = scan(sums, cell.theta(), cell.bias(), frozen)
        del sent[INPUT]
        return sent

    def _step_by_step(self, x: Tensor) -> dict[str, Tensor]:
        sent: dict[str, list[Tensor]] = {INPUT: list(x), **{name: [] for name in self.names}}
        ready = {
            name: (cell, cell.registers(x.device), cell.weights(), cell.theta(), cell.bias())
            for name, cell in self._cells()
        }
        states = {
            name: (r.u0.expand(x.shape[1], *cell.shape), r.v0.expand(x.shape[1], *cell.shape))
            for name, (cell, r, *_) in ready.items()
        }
        for t in range(x.shape[0]):
            for name, (cell, r, weights, theta, bias) in ready.items():
                a = cell.sum_at(sent, t, weights, states[name][0])
                u, v, z = advance(*states[name], a, theta, bias, r)
                states[name] = (u, v)
                sent[name].append(z)
        return {name: torch.stack(sent[name]) for name in self.names}

    def project(self) -> None:
        """Bring every latent back into its range, after a step of an optimizer."""
        for _, cell in self._cells():
            cell.project()

    def _cells(self) -> list[tuple[str, Cell]]:
        return [(name, cast("Cell", cell)) for name, cell in zip(self.names, self.cells, strict=True)]

    def to_program(self, record: Mapping[str, Any] | None = None) -> Program:
        """Return the program with the weights, thresholds and biases as they are now."""
        tuned = {name: cell.population() for name, cell in self._cells()}
        facts = dict(self.program.record) | ({} if record is None else {"tuned": dict(record)})
        return replace(self.program, populations=tuple(tuned[p.name] for p in self.program.populations), record=facts)


def _has_feedback(program: Program, order: list[str]) -> bool:
    """Return whether any population hears itself or one that is computed later."""
    place = {name: i for i, name in enumerate(order)} | {INPUT: -1}
    return any(place[c.source] >= place[p.name] for p in program.populations for c in p.inputs)
