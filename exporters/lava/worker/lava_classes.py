"""Lava's own classes stepped one by one, without its compiler, runtime, processes or channels.

A second executor for cheap verification of many neuron updates: the arithmetic is Lava's (`PyLifModelBitAcc`,
`PyDenseModelBitAcc`, `PyConvModelFixed`, called through their own `run_spk`), the order of calls ours, in local time.
It proves nothing about hardware time, delays or streaming: that is what the process graph is for.
"""

from collections.abc import Callable
from typing import Any

import lava_graph  # (before anything of lava's)
import numpy as np
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.dense.models import PyDenseModelBitAcc
from lava.proc.lif.models import PyLifModelBitAcc
from lava.utils.weightutils import SignMode
from own.processes import PyLIFStartModel, PyWideConvModel

__all__ = ["run_classes"]

Arrays = dict[str, Any]
Plan = dict[str, Any]
Result = dict[str, Any]
Deliver = Callable[[Any], Any]


class Port:
    """Stands in for both ends of a channel: what is sent stays here, and is what is received."""

    data: Any = None

    def recv(self) -> Any:
        """Return what was put here."""
        return self.data

    def send(self, data: Any) -> None:
        """Put data here, to be received."""
        self.data = data


def run_classes(plan: Plan, arrays: Arrays, raster: Any, poll: Callable[[], None]) -> Result:
    """Run (B, T, *input shape) in local time; return spikes.NAME, u.NAME and v.NAME as (B, T, *shape)."""
    batch, steps = raster.shape[:2]
    # start(target) > start(source) wherever the lag is 0, so this order computes sources first
    populations = sorted(plan["populations"], key=lambda p: int(p["start"]))
    neurons = {p["name"]: _neuron(p, arrays, batch) for p in populations}
    inputs = {p["name"]: [(c, _deliver(c, p, arrays)) for c in p["inputs"]] for p in populations}
    sent: dict[str, list[Any]] = {"input": [], **{name: [] for name in neurons}}
    result = {
        f"{what}.{p['name']}": np.empty((batch, steps, *p["shape"]), np.int32)
        for p in populations
        for what in ("spikes", "u", "v")
    }
    for t in range(steps):
        poll()
        sent["input"].append(lava_graph.to_lava(raster[:, t].astype(np.int32), plan["input"]["shape"]))
        for population in populations:
            name, neuron = population["name"], neurons[population["name"]]
            neuron.a_in.data = np.zeros(neuron.u.shape, np.int32)
            for connection, deliver in inputs[name]:
                if t >= connection["lag"]:
                    neuron.a_in.data = neuron.a_in.data + deliver(sent[connection["source"]][t - connection["lag"]])
            neuron.run_spk()
            sent[name].append(neuron.s_out.data)
            for what, values in (("spikes", neuron.s_out.data), ("u", neuron.u), ("v", neuron.v)):
                result[f"{what}.{name}"][:, t] = lava_graph.to_lava(values, population["shape"])
    return result


def _neuron(population: Plan, arrays: Arrays, batch: int) -> Any:
    """Make Lava's neuron model with a batch in front: its arithmetic is elementwise."""
    registers = {name: arrays[f"{name}.{population['name']}"] for name in lava_graph.REGISTERS}
    full = (batch, *lava_graph.lava_shape(population["shape"]))
    rules = {name: population.get(name, usual) for name, usual in lava_graph.USUAL.items()}
    if rules != lava_graph.USUAL:
        neuron = PyLIFStartModel({"first": 0, "period": 1 << 62, "u": 0, "v": 0, **rules})
        neuron.waiting = np.zeros(full, np.int32)
    else:
        neuron = PyLifModelBitAcc({})
    for name, values in registers.items():
        setattr(neuron, name, values.astype(np.int32))
    neuron.u = np.broadcast_to(neuron.u, full).copy()
    neuron.v = np.broadcast_to(neuron.v, full).copy()
    neuron.a_in, neuron.s_out = Port(), Port()
    return neuron


def _deliver(connection: Plan, population: Plan, arrays: Arrays) -> Deliver:
    """Return what one connection makes of a batch of messages."""
    if connection["process"] in ("Conv", "WideConv"):
        return _conv(connection, population, arrays)
    models = [_dense(piece, arrays) for piece in connection["pieces"]]
    shape, shift = lava_graph.lava_shape(population["shape"]), connection["shift"]

    def deliver(messages: Any) -> Any:
        columns = messages.reshape(len(messages), -1).T
        total = np.zeros((len(messages), *shape), np.int32)
        for model in models:
            model.s_in.data = columns
            model.run_spk()
            total += model.a_buff.T.reshape(total.shape)
        return np.right_shift(total, shift)

    return deliver


def _dense(piece: Plan, arrays: Arrays) -> Any:
    model = PyDenseModelBitAcc({"weight_exp": piece["exponent"], "sign_mode": SignMode[piece["sign"]]})
    model.weights = arrays[piece["weight"]].astype(np.int32)
    model.num_message_bits = np.array([lava_graph.GRADED_BITS])  # the branch that multiplies, so columns may be samples
    model.a_buff = np.zeros(len(model.weights), np.int32)
    model.s_in, model.a_out = Port(), Port()
    return model


def _conv(connection: Plan, population: Plan, arrays: Arrays) -> Deliver:
    """Lay the batch out as one wide image, so that Lava's convolution is called once for all samples.

    A pitch of whole strides keeps the samples' windows where they belong; windows across two samples are dropped.
    """
    wide = connection["process"] == "WideConv"
    model = PyWideConvModel({"shift": connection["shift"]}) if wide else PyConvModelFixed({})
    model.weight = arrays[connection["pieces"][0]["weight"]].astype(np.int32)
    model.kernel_size = np.array(model.weight.shape[1:3])
    model.stride, model.dilation = np.array(connection["stride"]), np.array(connection["dilation"])
    pad, stride = connection["padding"][0], connection["stride"][0]
    model.padding = np.array([0, connection["padding"][1]])
    model.groups = np.array([connection["groups"]])
    model.num_message_bits = np.array([lava_graph.GRADED_BITS])
    model.s_in, model.a_out, model.a_buf = Port(), Port(), 0
    columns = population["shape"][-1]

    def deliver(messages: Any) -> Any:
        batch, width = messages.shape[:2]
        pitch = -(-(width + 2 * pad) // stride) * stride
        image = np.zeros((batch, pitch, *messages.shape[2:]), np.int32)
        image[:, pad : pad + width] = messages
        model.s_in.data = image.reshape(batch * pitch, *messages.shape[2:])
        model.run_spk()
        return model.a_buf[np.arange(batch)[:, None] * (pitch // stride) + np.arange(columns)]

    return deliver
