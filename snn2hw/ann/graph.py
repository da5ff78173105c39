"""An ONNX file as plain data: its nodes, the shape of every tensor in them, and which tensors are constants.

    AnnGraph = { node: (operator, attributes, shape of each input, shape of each output) },  batch size 1

Shapes come from ONNX shape inference with the batch set to one sample; a shape that cannot be inferred is None and the
node that needs it is reported, never skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.cures import install
from sim.errors import FileError, InputError, MissingToolError

if TYPE_CHECKING:
    import onnx

__all__ = ["AnnGraph", "AnnInput", "AnnNode", "Attribute", "Shape", "load", "read_model"]

Shape = tuple[int, ...]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...]

LARGEST_FILE_BYTES = 2**31
"""An ONNX protobuf cannot be larger; what claims to be is refused before it is read."""


@dataclass(frozen=True)
class AnnNode:
    """One operator: ``inputs`` and ``outputs`` are tensor names, an empty name is an input left out."""

    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    has_body: bool


@dataclass(frozen=True)
class AnnInput:
    """A tensor the network is fed: its name, its shape with the batch axis first, its ONNX element type."""

    name: str
    shape: Shape
    element_type: int


@dataclass(frozen=True)
class AnnGraph:
    """A whole network, for one sample."""

    path: str
    sha256: str
    nodes: tuple[AnnNode, ...]
    inputs: tuple[AnnInput, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, int]
    """Tensor name to element count of every initializer."""


def read_model(path: Path | str) -> "onnx.ModelProto":
    """Read and check an ONNX file: external data only from beside it, local functions inlined."""
    try:
        import onnx
        import onnx.inliner
    except ImportError as error:
        raise MissingToolError(f"reading ONNX files needs the onnx package ({error})", install("onnx")) from None
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: no such file", "give the path of an .onnx file")
    if file.stat().st_size >= LARGEST_FILE_BYTES:
        raise FileError(f"{file}: {file.stat().st_size} bytes is more than an ONNX file can hold")
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(file))
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError, OSError) as error:
        raise FileError(f"{file}: not a valid ONNX file ({_first_line(error)})", "export the network again") from None
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def load(path: Path | str) -> AnnGraph:
    """Read an ONNX file as an AnnGraph for one sample."""
    import hashlib

    model = read_model(path)
    inputs = _set_batch_to_one(model, str(path))
    shapes = _infer(model, str(path))
    constants = {i.name: _count(tuple(i.dims)) for i in model.graph.initializer}
    shapes |= {i.name: tuple(int(d) for d in i.dims) for i in model.graph.initializer}
    return AnnGraph(
        path=str(path),
        sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        nodes=tuple(_node(n, index) for index, n in enumerate(model.graph.node)),
        inputs=inputs,
        outputs=tuple(o.name for o in model.graph.output),
        shapes=shapes,
        constants=constants,
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _count(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= int(side)
    return total


def _set_batch_to_one(model: "onnx.ModelProto", path: str) -> tuple[AnnInput, ...]:
    """Give every free first axis the length 1, in place, and return the inputs."""
    fixed = {i.name for i in model.graph.initializer}
    inputs: list[AnnInput] = []
    for value in model.graph.input:
        if value.name in fixed:
            continue
        tensor = value.type.tensor_type
        dims = list(tensor.shape.dim)
        if dims and not dims[0].HasField("dim_value"):
            dims[0].dim_value = 1
        free = [axis for axis, d in enumerate(dims) if not d.HasField("dim_value")]
        if free or not dims:
            what = f"{path}: input {value.name!r} has no fixed length on axes {free or 'at all'}"
            raise InputError(what, "export the network with fixed lengths on every axis but the first, the batch")
        inputs.append(AnnInput(value.name, tuple(int(d.dim_value) for d in dims), int(tensor.elem_type)))
    if not inputs:
        raise InputError(f"{path}: the network reads no input", "export it with its input as a graph input")
    return tuple(inputs)


def _infer(model: "onnx.ModelProto", path: str) -> dict[str, Shape]:
    import onnx.shape_inference

    del model.graph.value_info[:]  # lengths written for another batch would stop the inference
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise FileError(f"{path}: its shapes contradict each other ({_first_line(error)})") from None
    shapes: dict[str, Shape] = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
            shapes[value.name] = tuple(int(d.dim_value) for d in tensor.shape.dim)
    return shapes


def _node(proto: "onnx.NodeProto", index: int) -> AnnNode:
    from onnx import AttributeProto

    attributes: dict[str, Attribute] = {}
    for a in proto.attribute:
        match a.type:
            case AttributeProto.INT:
                attributes[a.name] = int(a.i)
            case AttributeProto.FLOAT:
                attributes[a.name] = float(a.f)
            case AttributeProto.STRING:
                attributes[a.name] = a.s.decode(errors="replace")
            case AttributeProto.INTS:
                attributes[a.name] = tuple(int(v) for v in a.ints)
            case AttributeProto.FLOATS:
                attributes[a.name] = tuple(float(v) for v in a.floats)
    body = any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in proto.attribute)
    return AnnNode(
        name=f"{index}:{proto.name or proto.op_type}",  # a file may name two nodes alike
        operator=proto.op_type,
        domain=proto.domain,
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes=attributes,
        has_body=body,
    )
