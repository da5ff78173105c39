"""A program that never ends: messages come in pieces, and the state stays between them.

What pieces give is what the reference gives for the whole raster, value for value: every u and v, and every message
that some lag still reaches, is kept; nothing is cut off, and nothing is computed twice. Memory does not grow with time.
"""

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.registry import require_arithmetic
from sim.errors import InputError, MachineError
from sim.order import step_order
from sim.outcome import outcome_for
from sim.program import Program
from sim.refusal import NEVER, raise_first

__all__ = ["Continued"]

LONGEST = 1024
"""Steps that are computed at once."""


class Continued:
    """One sample of a program, continued with every `push`."""

    def __init__(self, program: Program) -> None:
        """Start before step 0, in the program's initial state."""
        from sim.fast.kernels.onward import kept_for
        from sim.fast.layout.checked import tables

        require_arithmetic(program.arithmetic, ("loihi",), "a continued run")
        self.program = program
        self.steps = 0
        self._tables = tables(program)
        self._slots = 1 + max((c.lag for p in program.populations for c in p.inputs), default=0)
        self._kept = kept_for(self._tables, int(np.prod(program.input.shape)), self._slots)
        self._order = step_order(program.populations)
        self._stopped = False

    def push(self, messages: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the output at every step of messages (steps, *input shape): its spikes, or the readout's v."""
        self._refuse(messages)
        output = np.empty((len(messages), *self.program.output.shape), np.int64)
        flat = messages.reshape(len(messages), int(np.prod(messages.shape[1:])))
        for first in range(0, len(messages), LONGEST):
            part = flat[first : first + LONGEST]
            output[first : first + len(part)] = self._through(part).reshape(len(part), *output.shape[1:])
        return output

    def _through(self, part: NDArray[np.integer]) -> NDArray[np.integer]:
        from sim.fast.kernels.onward import continue_sample

        start = self.steps if self.steps < self._slots else self._slots + self.steps % self._slots
        outcome = outcome_for(self.program, self._order, (1, start + len(part)), ())
        raster = np.ascontiguousarray(part, dtype=np.int32)
        refusing = np.tile(np.array([1, 0], np.uint8), (len(self._order), 1))  # a wrap ends a run, a clip does not
        continue_sample(raster, self._tables, self._kept, outcome, refusing, start)
        refused = outcome.refused
        if refused[0, 0] != NEVER:
            self._stopped = True
            refused[0, 0] += self.steps - start
            raise_first(self._order, refused)
        self.steps += len(part)
        made = outcome.spikes if self.program.output.fires else outcome.v
        return made[0, start:]

    def _refuse(self, messages: NDArray[np.integer]) -> None:
        wanted = self.program.input
        if self._stopped:
            raise MachineError("this run ended with an error", "start another one")
        if messages.shape[1:] != wanted.shape or messages.dtype.kind not in "iu":
            what = f"messages {messages.dtype} {messages.shape}"
            raise InputError(what, f"give integers (steps, {', '.join(map(str, wanted.shape))})")
        if messages.size and not wanted.lo <= messages.min() <= messages.max() <= wanted.hi:
            what = f"messages {messages.min()}..{messages.max()}"
            raise InputError(what, f"the program takes {wanted.lo}..{wanted.hi}")
