"""The processes of this project's own, one for each thing that lava-nc has no process for.

None of them computes a neuron: `LIFStart` inherits Lava's bit-accurate model, arithmetic and all. This file lies in a
folder with nothing else in it because Lava executes every module that it finds beside a process.
"""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv
from lava.proc.lif.models import PyLifModelBitAcc
from lava.proc.lif.process import LIF

__all__ = ["Delay", "Gate", "LIFStart", "ShiftSum", "StateProbe", "WideConv"]


class LIFStart(LIF):
    """Lava's LIF that returns to its initial u and v in step ``first`` of every ``period``; ``subtract`` on reset.

    LIFReset returns to 0 only, and neither of them can reset by subtraction.
    """


@implements(proc=LIFStart, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyLIFStartModel(PyLifModelBitAcc):
    """Sets u and v before Lava's own update, and replaces what Lava does to v on a spike if asked to."""

    implements_process = LIFStart  # over the inherited one, which the decorator would refuse to replace

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.first, self.period = proc_params["first"], proc_params["period"]
        self.initial = np.array(proc_params["u"]), np.array(proc_params["v"])
        self.subtract = proc_params["subtract"]

    def run_spk(self) -> None:
        """Begin a sample where one begins."""
        if (self.time_step - 1 - self.first) % self.period == 0:
            self.u[:], self.v[:] = self.initial
        super().run_spk()

    def reset_voltage(self, spike_vector: Any) -> None:
        """Take off the threshold, or all."""
        if self.subtract:
            self.v[:] = np.where(spike_vector, self.v - self.effective_vth, self.v)
        else:
            super().reset_voltage(spike_vector)


class WideConv(Conv):
    """Lava's Conv whose sums are shifted right by ``shift`` in place of being wrapped to 24 bits."""

    def __init__(self, *, shift: int, **options: Any) -> None:
        super().__init__(**options)
        self.proc_params["shift"] = shift


@implements(proc=WideConv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyWideConvModel(PyConvModelFixed):
    """Lava's own convolution, read at another width."""

    implements_process = WideConv

    def clamp_precision(self, x: Any) -> Any:
        """Floor the sum, as a negative weight exponent does."""
        return np.right_shift(x, self.proc_params["shift"])


class ShiftSum(AbstractProcess):
    """Adds what arrives and shifts the sum right: a negative exponent of weights that take more than one Dense."""

    def __init__(self, *, shape: tuple[int, ...], shift: int) -> None:
        super().__init__(shape=shape, shift=shift)
        self.s_in, self.a_out = InPort(shape=shape), OutPort(shape=shape)


@implements(proc=ShiftSum, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyShiftSumModel(PyLoihiProcessModel):
    """Takes no step."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Pass it on."""
        self.a_out.send(np.right_shift(self.s_in.recv(), self.proc_params["shift"]))


class Gate(AbstractProcess):
    """Lets messages pass in the ``steps`` steps of a sample, the first in step ``first``, and not between samples."""

    def __init__(self, *, shape: tuple[int, ...], first: int, steps: int, period: int) -> None:
        super().__init__(shape=shape, first=first, steps=steps, period=period)
        self.s_in, self.s_out = InPort(shape=shape), OutPort(shape=shape)


@implements(proc=Gate, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGateModel(PyLoihiProcessModel):
    """Takes no step."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Pass it on, or nothing."""
        messages = self.s_in.recv()
        since = self.time_step - 1 - self.proc_params["first"]
        opened = since >= 0 and since % self.proc_params["period"] < self.proc_params["steps"]
        self.s_out.send(messages if opened else np.zeros_like(messages))


class Delay(AbstractProcess):
    """A delay line of ``steps`` >= 1 steps: Conv has none, DelayDense has 63 at most, relay neurons carry one bit."""

    def __init__(self, *, shape: tuple[int, ...], steps: int) -> None:
        super().__init__(shape=shape, steps=steps)
        self.s_in, self.s_out = InPort(shape=shape), OutPort(shape=shape)


@implements(proc=Delay, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyDelayModel(PyLoihiProcessModel):
    """Sends before it receives, so that it can lie on a cycle."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Send the oldest, keep the newest."""
        if self.time_step == 1:
            self.line = np.zeros((self.proc_params["steps"], *self.proc_params["shape"]), np.int32)
        place = (self.time_step - 1) % len(self.line)
        self.s_out.send(self.line[place])
        self.line[place] = self.s_in.recv()


class StateProbe(AbstractProcess):
    """Writes s, u and v of every step to a file: Lava's Monitor keeps float64 and hands it over value by value."""

    def __init__(self, *, shape: tuple[int, ...], path: str) -> None:
        super().__init__(shape=shape, path=path)
        self.s_in, self.u, self.v = InPort(shape=shape), RefPort(shape=shape), RefPort(shape=shape)


@implements(proc=StateProbe, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyStateProbeModel(PyLoihiProcessModel):
    """Reads u and v as Lava's Monitor does, after the update."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    u: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    v: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Record what was sent."""
        if self.time_step == 1:
            self.file = np.lib.format.open_memmap(self.proc_params["path"], mode="r+")
        self.file[self.time_step - 1, 0] = self.s_in.recv()

    def post_guard(self) -> bool:
        """Ask to be called after every step."""
        return True

    def run_post_mgmt(self) -> None:
        """Record what was left behind."""
        self.file[self.time_step - 1, 1] = self.u.read()
        self.file[self.time_step - 1, 2] = self.v.read()
