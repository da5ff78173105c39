"""The two ONNX models of a Program: one step, and a whole sequence as a Scan over it."""

from typing import Any

import numpy as np

from exporters.onnx_export.nodes import StepNodes
from exporters.onnx_export.step import build_step, longest_lags, resting, state_names
from sim.program import INPUT, Program

__all__ = ["OPSET", "scan_model", "state_shapes", "step_model"]

OPSET = 17
IR_VERSION = 8


def state_shapes(program: Program) -> dict[str, tuple[int, ...]]:
    """Return the shape of every state tensor without its batch axis."""
    shapes: dict[str, tuple[int, ...]] = {}
    for population in program.populations:
        shapes |= {f"{state.name}.{population.name}": population.shape for state in program.described.states}
        shapes[resting(population)] = population.shape
    for source, kept in longest_lags(program).items():
        shapes[f"past.{source}"] = (kept, *program.shape_of(source))
    return {name: shapes[name] for name in state_names(program)}


def _tensor(name: str, shape: tuple[int, ...], *before: str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.INT64, [*before, *shape])


def _constants(step: StepNodes) -> list[Any]:
    from onnx import numpy_helper

    return [numpy_helper.from_array(np.ascontiguousarray(v), name) for name, v in step.constants.items()]


def _model(program: Program, graph: Any) -> Any:
    from onnx import checker, helper

    model = helper.make_model(
        graph,
        producer_name="snn2hw",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, {"snn2hw.digest": program.digest})
    checker.check_model(model)
    return model


def step_model(program: Program) -> Any:
    """Return the model of a step: ``input`` and states in; ``NAME.next``, ``spikes.POPULATION``, ``overflow`` out."""
    from onnx import helper

    step = build_step(program)
    states = state_shapes(program)
    inputs = [_tensor(INPUT, program.input.shape, "B"), *(_tensor(n, s, "B") for n, s in states.items())]
    outputs = [
        *(_tensor(f"{n}.next", s, "B") for n, s in states.items()),
        *(_tensor(f"spikes.{p.name}", p.shape, "B") for p in program.populations),
        _tensor("overflow", ()),
    ]
    return _model(program, helper.make_graph(step.nodes, "step", inputs, outputs, _constants(step)))


def scan_model(program: Program) -> Any:
    """Return the model of a sequence: ``raster`` (T, B, *shape), first states in; all registers (T, B, ...) out."""
    from onnx import helper

    step = build_step(program)
    states = state_shapes(program)
    seen = [f"{s.name}.{p.name}" for p in program.populations for s in program.described.states]
    copies = [helper.make_node("Identity", [f"{name}.next"], [f"{name}.seen"]) for name in seen]
    spikes = [f"spikes.{p.name}" for p in program.populations]
    body = helper.make_graph(
        [*step.nodes, *copies],
        "step",
        [*(_tensor(n, s, "B") for n, s in states.items()), _tensor(INPUT, program.input.shape, "B")],
        [
            *(_tensor(f"{n}.next", s, "B") for n, s in states.items()),
            *(_register(program, n) for n in spikes),
            *(_tensor(f"{n}.seen", states[n], "B") for n in seen),
            _tensor("overflow", ()),
        ],
    )
    last = [f"{n}.last" for n in states]
    scanned = [*(f"all.{n}" for n in spikes), *(f"all.{n}" for n in seen), "overflow.at"]
    scan = helper.make_node("Scan", [*states, "raster"], [*last, *scanned], body=body, num_scan_inputs=1)
    outputs = [
        *(_tensor(f"{n}.last", s, "B") for n, s in states.items()),
        *(_tensor(f"all.spikes.{p.name}", p.shape, "T", "B") for p in program.populations),
        *(_tensor(f"all.{n}", states[n], "T", "B") for n in seen),
        _tensor("overflow.at", (), "T"),
    ]
    inputs = [*(_tensor(n, s, "B") for n, s in states.items()), _tensor("raster", program.input.shape, "T", "B")]
    return _model(program, helper.make_graph([scan], "sequence", inputs, outputs, _constants(step)))


def _register(program: Program, spikes: str) -> Any:
    return _tensor(spikes, program.by_name[spikes.removeprefix("spikes.")].shape, "B")
