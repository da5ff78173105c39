"""The processes of this project's own, one for each thing that lava-nc has no process for.

None of them computes a neuron: `LIFStart` inherits Lava's bit-accurate model, arithmetic and all. This file lies in a
folder with nothing else in it because Lava executes every module that it finds beside a process.
"""

from collections.abc import Callable
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


def fixed_point(process: type) -> Callable[[type], type]:
    """Return the decorator of the model that computes ``process`` bit for bit on the CPU."""

    def decorate(model: type) -> type:
        decorated: type = implements(proc=process, protocol=LoihiProtocol)(requires(CPU)(tag("fixed_pt")(model)))
        return decorated

    return decorate


class LIFStart(LIF):
    """Lava's LIF that returns to its initial u and v in step ``first`` of every ``period``.

    A spike takes the threshold off v (``subtract``) or leaves v (``unreset``). A neuron may fire ``at_threshold``, send
    up to ``most`` spikes in one message, and keep v as it is for ``refractory`` steps after one. LIFReset returns to 0
    only, and Lava's fixed-point neurons have none of the rest.
    """


@fixed_point(LIFStart)
class PyLIFStartModel(PyLifModelBitAcc):
    """Sets u and v before Lava's own update, and replaces what Lava does to v on a spike if asked to."""

    implements_process = LIFStart  # over the inherited one, which the decorator would refuse to replace

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.first, self.period = proc_params["first"], proc_params["period"]
        self.initial = np.array(proc_params["u"]), np.array(proc_params["v"])
        self.subtract, self.unreset = proc_params["subtract"], proc_params["unreset"]
        self.most, self.refractory = proc_params["most"], proc_params["refractory"]
        self.below = 0 if proc_params["at_threshold"] else 1
        self.waiting = np.zeros(self.initial[1].shape, np.int32)

    def run_spk(self) -> None:
        """Set u and v to their first values where a sample begins, then do what Lava does."""
        if (self.time_step - 1 - self.first) % self.period == 0:
            self.u[:], self.v[:], self.waiting[:] = *self.initial, 0
        super().run_spk()

    def subthr_dynamics(self, activation_in: Any) -> None:
        """Do what Lava does, and put v back where a neuron rests."""
        before = np.array(self.v)
        super().subthr_dynamics(activation_in)
        self.v[:] = np.where(self.waiting > 0, before, self.v)

    def spiking_activation(self) -> Any:
        """Return how many spikes each neuron sends: as often as the threshold can be taken off while it fires."""
        over = (self.v >= self.effective_vth + self.below) & (self.waiting == 0)
        fits = (self.v - self.below) // np.maximum(self.effective_vth, 1) if self.most > 1 else 1
        self.waiting[:] = np.where(over, self.refractory, np.maximum(self.waiting - 1, 0))
        return np.where(over, np.minimum(fits, self.most), 0).astype(np.int32)

    def reset_voltage(self, spike_vector: Any) -> None:
        """Take thresholds off v where a neuron fired, or leave it, or set v to 0 as Lava does."""
        if self.subtract:
            self.v[:] = self.v - spike_vector * self.effective_vth
        elif not self.unreset:
            super().reset_voltage(spike_vector > 0)


class WideConv(Conv):
    """Lava's Conv whose sums are shifted right by ``shift`` in place of being wrapped to 24 bits."""

    def __init__(self, *, shift: int, **options: Any) -> None:
        super().__init__(**options)
        self.proc_params["shift"] = shift


@fixed_point(WideConv)
class PyWideConvModel(PyConvModelFixed):
    """Lava's own convolution, read at another width."""

    implements_process = WideConv

    def clamp_precision(self, x: Any) -> Any:
        """Floor the sum, as a negative weight exponent does."""
        return np.right_shift(x, self.proc_params["shift"])


class Passage(AbstractProcess):
    """What one port takes in and another gives out, both of ``shape``; what happens in between is a subclass's."""

    def __init__(self, *, shape: tuple[int, ...], **parameters: int) -> None:
        super().__init__(shape=shape, **parameters)
        self.s_in, self.s_out = InPort(shape=shape), OutPort(shape=shape)


class PyPassageModel(PyLoihiProcessModel):
    """The ports of the model of a passage; `run_spk` of a subclass says what goes from one to the other."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


class ShiftSum(Passage):
    """Adds what arrives and shifts the sum right: a negative exponent of weights that take more than one Dense."""

    def __init__(self, *, shape: tuple[int, ...], shift: int) -> None:
        super().__init__(shape=shape, shift=shift)


@fixed_point(ShiftSum)
class PyShiftSumModel(PyPassageModel):
    """Shifts the sum of what the port has received, without a step of delay."""

    def run_spk(self) -> None:
        """Send the shifted sum of this step's messages."""
        self.s_out.send(np.right_shift(self.s_in.recv(), self.proc_params["shift"]))


class Gate(Passage):
    """Lets messages pass in the ``steps`` steps of a sample, the first in step ``first``, and not between samples."""

    def __init__(self, *, shape: tuple[int, ...], first: int, steps: int, period: int) -> None:
        super().__init__(shape=shape, first=first, steps=steps, period=period)


@fixed_point(Gate)
class PyGateModel(PyPassageModel):
    """Sends the messages of a sample, and zeros between two samples, without a step of delay."""

    def run_spk(self) -> None:
        """Send this step's messages where the gate is open, else zeros."""
        messages = self.s_in.recv()
        since = self.time_step - 1 - self.proc_params["first"]
        opened = since >= 0 and since % self.proc_params["period"] < self.proc_params["steps"]
        self.s_out.send(messages if opened else np.zeros_like(messages))


class Delay(Passage):
    """A delay line of ``steps`` >= 1 steps: Conv has none, DelayDense has 63 at most, relay neurons carry one bit."""

    def __init__(self, *, shape: tuple[int, ...], steps: int) -> None:
        super().__init__(shape=shape, steps=steps)


@fixed_point(Delay)
class PyDelayModel(PyPassageModel):
    """Sends before it receives, so that it can lie on a cycle."""

    def run_spk(self) -> None:
        """Send the oldest messages of the line and keep the newest in their place."""
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


@fixed_point(StateProbe)
class PyStateProbeModel(PyLoihiProcessModel):
    """Reads u and v as Lava's Monitor does, after the update."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    u: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    v: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Write the messages of this step to the file."""
        if self.time_step == 1:
            self.file = np.lib.format.open_memmap(self.proc_params["path"], mode="r+")
        self.file[self.time_step - 1, 0] = self.s_in.recv()

    def post_guard(self) -> bool:
        """Have Lava call `run_post_mgmt` after every step."""
        return True

    def run_post_mgmt(self) -> None:
        """Write u and v, as the step has left them, to the file."""
        self.file[self.time_step - 1, 1] = self.u.read()
        self.file[self.time_step - 1, 2] = self.v.read()
