"""A plan as Lava processes: built, run, and every spike, u and v brought back to local time.

Needs lava-nc and numpy, and knows nothing of what made the plan.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lava_shim  # noqa: F401  (before anything of lava's)
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF, LIFReset
from lava.utils import loihi
from lava.utils.weightutils import SignMode
from own.processes import Delay, Gate, LIFStart, ShiftSum, StateProbe, WideConv

__all__ = [
    "GRADED_BITS",
    "REGISTERS",
    "GraphError",
    "Timing",
    "collect",
    "lava_shape",
    "record",
    "run_graph",
    "stream",
    "to_lava",
    "wait",
]

REGISTERS = ("du", "dv", "vth", "bias_mant", "bias_exp", "u", "v")
GRADED_BITS = 24

Arrays = dict[str, Any]
Plan = dict[str, Any]
Result = dict[str, Any]


class GraphError(Exception):
    """A process of the graph failed; the text is its traceback."""


def lava_shape(shape: list[int]) -> tuple[int, ...]:
    """Return (W, H, C) of (C, H, W), and (N,) of (N,)."""
    return tuple(shape[::-1])


def to_lava(values: Any, shape: list[int]) -> Any:
    """Reverse the last axes of (..., *shape)."""
    if len(shape) != 3:
        return values
    return values.transpose(*range(values.ndim - 3), -1, -2, -3)


USUAL = {"subtract": False, "unreset": False, "most": 1, "at_threshold": False, "refractory": 0}
"""What a population does that does not say otherwise."""


class Timing:
    """When samples begin and end in hardware steps."""

    def __init__(self, plan: Plan, samples: int, steps: int) -> None:
        self.samples, self.steps = samples, steps
        self.period = steps + plan["gap"]
        self.duration = max(p["start"] for p in plan["populations"]) + (samples - 1) * self.period + steps


def run_graph(
    plan: Plan,
    arrays: Arrays,
    raster: Any,
    folder: Path,
    *,
    poll: Callable[[], None] | None = None,
    hardware: bool = False,
) -> Result:
    """Run (B, T, *input shape) as one stream; return spikes.NAME, u.NAME and v.NAME as (B, T, *shape).

    ``folder`` takes what is recorded meanwhile; ``poll`` is called again and again while Lava works.
    """
    config = hardware_config() if hardware else Loihi2SimCfg(select_tag="fixed_pt")
    timing = Timing(plan, *raster.shape[:2])
    neurons = build(plan, arrays, raster, timing, folder)
    runners = []
    for neuron in neurons.values():
        if neuron.runtime is None:  # not connected to one that runs already
            neuron.run(condition=RunSteps(num_steps=timing.duration, blocking=False), run_cfg=config)
            runners.append(neuron)
    for neuron in runners:
        wait(neuron.runtime, poll or (lambda: None))
        neuron.stop()
    result: Result = {}
    for index, population in enumerate(plan["populations"]):
        collect(population, timing, folder, index, result)
    return result


def hardware_config() -> Any:
    """Return the run configuration for a chip, where there can be one."""
    if not loihi.is_installed():
        what = "Loihi2HwCfg needs Intel's lava-loihi, which members of the INRC get; it is not installed here"
        raise GraphError(f"{what}. Without --hardware this runs on Lava's CPU backend.")
    return Loihi2HwCfg(select_tag="fixed_pt")


def build(plan: Plan, arrays: Arrays, raster: Any, timing: Timing, folder: Path) -> dict[str, Any]:
    """Make and connect all processes; return the neurons by name."""
    described = plan["input"]
    source = RingBuffer(data=stream(raster, described["shape"], timing))
    ports = {"input": source.s_out}
    graded = {"input": described["lo"] < 0 or described["hi"] > 1}
    graded |= {p["name"]: p.get("most", 1) > 1 for p in plan["populations"]}
    shapes = {"input": described["shape"], **{p["name"]: p["shape"] for p in plan["populations"]}}
    neurons = {}
    for index, population in enumerate(plan["populations"]):
        name, shape = population["name"], lava_shape(population["shape"])
        neuron = neurons[name] = _neuron(population, plan["quiet"], arrays, timing)
        ports[name] = neuron.s_out
        if population["gated"] and not (plan["quiet"] and timing.samples == 1):
            gate = Gate(shape=shape, first=population["start"], steps=timing.steps, period=timing.period)
            neuron.s_out.connect(gate.s_in)
            ports[name] = gate.s_out
        record(neuron, shape, timing, folder / f"{index}.npy")
    for population in plan["populations"]:
        for connection in population["inputs"]:
            name = connection["source"]
            _connect(
                connection, ports[name], shapes[name], graded.get(name, False), neurons[population["name"]], arrays
            )
    return neurons


def stream(raster: Any, shape: list[int], timing: Timing) -> Any:
    """Lay the samples out in hardware time, the last axis, with silence in the gaps and at the end."""
    data = np.zeros((timing.duration, *shape), np.int32)
    for sample, messages in enumerate(raster):
        data[sample * timing.period :][: timing.steps] = messages
    return np.ascontiguousarray(np.moveaxis(to_lava(data, shape), 0, -1))


def _neuron(population: Plan, quiet: bool, arrays: Arrays, timing: Timing) -> Any:
    """Choose Lava's plainest process that is exact."""
    registers = {name: arrays[f"{name}.{population['name']}"] for name in REGISTERS}
    options = {"shape": lava_shape(population["shape"]), "name": population["name"], **registers}
    start = population["start"]
    if not population["stock"]:
        rules = {name: population.get(name, usual) for name, usual in USUAL.items()}
        return LIFStart(first=start, period=timing.period, **rules, **options)
    if quiet and timing.samples == 1:
        return LIF(**options)
    return LIFReset(reset_offset=start + 1, reset_interval=timing.period, **options)  # Lava counts steps from 1


def record(neuron: Any, shape: tuple[int, ...], timing: Timing, path: Path) -> None:
    """Have every s, u and v of a neuron process written to a file."""
    np.lib.format.open_memmap(path, mode="w+", dtype=np.int32, shape=(timing.duration, 3, *shape))
    recorder = StateProbe(shape=shape, path=str(path))
    neuron.s_out.connect(recorder.s_in)
    recorder.u.connect_var(neuron.u)
    recorder.v.connect_var(neuron.v)


def _connect(connection: Plan, port: Any, source: list[int], graded: bool, neuron: Any, arrays: Arrays) -> None:
    """Lead messages from a port to a neuron's input, through delay, weights and shift."""
    bits = GRADED_BITS if graded else 0
    if connection["line"]:
        line = Delay(shape=lava_shape(source), steps=connection["line"])
        port.connect(line.s_in)
        port = line.s_out
    target = neuron.a_in
    if connection["process"] in ("Conv", "WideConv"):
        conv = _conv(connection, source, bits, arrays)
        port.connect(conv.s_in)
        conv.a_out.connect(target)
        return
    if connection["shift"]:
        total = ShiftSum(shape=target.shape, shift=connection["shift"])
        total.s_out.connect(target)
        target = total.s_in
    for piece in connection["pieces"]:
        dense = _dense(piece, connection, bits, arrays)
        (port.flatten() if len(source) == 3 else port).connect(dense.s_in)
        (dense.a_out.reshape(target.shape) if len(target.shape) == 3 else dense.a_out).connect(target)


def _dense(piece: Plan, connection: Plan, bits: int, arrays: Arrays) -> Any:
    weights = arrays[piece["weight"]].astype(np.int32)
    options = {
        "weights": weights,
        "weight_exp": piece["exponent"],
        "sign_mode": SignMode[piece["sign"]],
        "num_message_bits": bits,
    }
    if connection["process"] == "Dense":
        return Dense(**options)
    return DelayDense(delays=np.full(weights.shape, connection["delay"] - 1), **options)


def _conv(connection: Plan, source: list[int], bits: int, arrays: Arrays) -> Any:
    options = {
        "weight": arrays[connection["pieces"][0]["weight"]].astype(np.int32),
        "input_shape": lava_shape(source),
        "stride": tuple(connection["stride"]),
        "padding": tuple(connection["padding"]),
        "dilation": tuple(connection["dilation"]),
        "groups": connection["groups"],
        "num_message_bits": bits,
    }
    if connection["process"] == "Conv":
        return Conv(**options)
    return WideConv(shift=connection["shift"], **options)


def wait(runtime: Any, poll: Callable[[], None]) -> None:
    """Wait for the last step. Lava's own waiting never ends once a process has failed."""
    pause = 1e-4
    actors = runtime._messaging_infrastructure.actors
    while not all(port.probe() for port in runtime.service_to_runtime):
        _raise_if_any_failed(actors)
        poll()
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    if any(enum_equal(port.peek(), MGMT_RESPONSE.ERROR) for port in runtime.service_to_runtime):
        for _ in range(100):  # the text is on its way
            _raise_if_any_failed(actors)
            time.sleep(0.02)
        raise GraphError("a Lava process failed without a word")
    runtime.wait()


def _raise_if_any_failed(actors: Any) -> None:
    for actor in actors:
        if actor.exception is not None:
            raise GraphError(actor.exception[1])
        if not actor.is_alive() and actor.exitcode:
            raise GraphError(f"a Lava process ended with exit code {actor.exitcode}")


def collect(population: Plan, timing: Timing, folder: Path, index: int, result: Result) -> None:
    """Cut a population's own steps of every sample out of the recording."""
    recorded = np.load(folder / f"{index}.npy", mmap_mode="r")  # step register *lava_shape
    first = population["start"] + timing.period * np.arange(timing.samples)
    rows = first[:, None] + np.arange(timing.steps)
    for register, what in enumerate(("spikes", "u", "v")):
        values = to_lava(recorded[rows, register], population["shape"])  # reversing is its own inverse
        result[f"{what}.{population['name']}"] = np.ascontiguousarray(values)
