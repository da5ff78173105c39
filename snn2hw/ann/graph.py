"""An ONNX file as plain data: its nodes, the shape of every tensor in them, and which tensors are constants.

    AnnGraph = { node: (operator, attributes, shape of each input, shape of each output) },  batch size 1

Shapes come from ONNX shape inference with the batch set to one sample; a shape that cannot be inferred is None and the
node that needs it is reported, never skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.border import ONNX_BYTES, bordered, foreign_errors, open_plain, read_bytes
from sim.cures import install
from sim.errors import FileError, InputError, MissingToolError

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

__all__ = ["AnnGraph", "AnnInput", "AnnNode", "Attribute", "Shape", "load", "name_of", "read_model", "weight_axis"]

Shape = tuple[int, ...]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class AnnInput:
    """A tensor the network is fed: its name, its shape with the batch axis first, its ONNX element type."""

    name: str
    shape: Shape
    element_type: int


@dataclass(frozen=True)
class AnnNode:
    """One operator, its parts in the order of ONNX: tensors by their names (an empty name is an input left out)."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    name: str
    operator: str
    domain: str
    attributes: Mapping[str, Attribute]
    has_body: bool


@dataclass(frozen=True)
class AnnGraph:
    """A whole network, for one sample, and the file it was read from."""

    nodes: tuple[AnnNode, ...]
    inputs: tuple[AnnInput, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, int]
    """Tensor name to element count of every initializer."""
    path: str
    sha256: str
    types: Mapping[str, str] = field(default_factory=dict)
    """The element type of every initializer: ``float32``."""
    producer: str = ""
    """What wrote the file, as it says itself."""
    weight_bits: Mapping[str, int] = field(default_factory=dict)
    """Of every tensor that is made of a constant of integers alone: the bits that hold them, see `_bits_of`."""


def read_model(path: Path | str) -> "onnx.ModelProto":
    """Read and check an ONNX file: external data only from beside it, local functions inlined."""
    try:
        import onnx
        import onnx.inliner
    except ImportError as error:
        raise MissingToolError(f"reading ONNX files needs the onnx package ({error})", install("onnx")) from None
    fix = "export the network again"
    data = read_bytes(path, ONNX_BYTES, "give the path of an .onnx file")
    with foreign_errors(path, "not a valid ONNX file", fix):
        model = onnx.load_model_from_string(data)
        _check_beside(model, Path(path).parent)
        onnx.load_external_data_for_model(model, str(Path(path).parent))
        onnx.checker.check_model(model)
        return onnx.inliner.inline_local_functions(model) if model.functions else model


def _check_beside(message: Any, folder: Path) -> None:
    """Refuse tensors whose data stand in something that is no plain file beside the network, as long as they say."""
    for own, value in message.ListFields():
        if own.name == "external_data":
            said = {entry.key: entry.value for entry in value}
            if not (folder / said.get("location", "")).resolve().is_relative_to(folder.resolve()):
                raise FileError(f"{folder}: {said['location']!r} points outside the directory of the network")
            with open_plain(folder / said.get("location", "")) as handle:
                size = handle.seek(0, 2)
            if int(said.get("offset", 0)) + int(said.get("length", 0)) > size:
                raise FileError(f"{folder / said['location']}: is shorter than the network says")
        elif hasattr(value, "ListFields"):
            _check_beside(value, folder)
        elif not isinstance(value, str | bytes | int | float) and len(value) and hasattr(value[0], "ListFields"):
            for part in value:
                _check_beside(part, folder)


@bordered("no network can be read from it", "export the network again")
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
        sha256=hashlib.sha256(read_bytes(path, ONNX_BYTES, "export the network again")).hexdigest(),
        nodes=tuple(_node(n, index) for index, n in enumerate(model.graph.node)),
        inputs=inputs,
        outputs=tuple(o.name for o in model.graph.output),
        shapes=shapes,
        constants=constants,
        types={i.name: _type_name(i.data_type) for i in model.graph.initializer},
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        weight_bits=_weight_bits(model),
    )


def _type_name(element_type: int) -> str:
    from onnx.helper import tensor_dtype_to_np_dtype

    return str(tensor_dtype_to_np_dtype(element_type).name)


def weight_axis(node: "onnx.NodeProto", scales: Sequence[int]) -> int | None:
    """Return the axis along which a DequantizeLinear has scales of its own; None: one for all."""
    if not len(scales):
        return None
    return next((int(a.i) for a in node.attribute if a.name == "axis"), 1)


def _weight_bits(model: "onnx.ModelProto") -> dict[str, int]:
    """Return how many bits the integers of every constant take behind whose scale and zero point a tensor stands."""
    from onnx import numpy_helper

    held = {i.name: i for i in model.graph.initializer}
    found: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in held:
            continue
        values = numpy_helper.to_array(held[node.input[0]])
        zero = held.get(node.input[2]) if len(node.input) > 2 else None
        shifted = zero is not None and bool(numpy_helper.to_array(zero).any())
        if values.dtype.kind in "iu" and values.size and not shifted:
            scale = held.get(node.input[1])
            found[node.output[0]] = _bits_of(values, weight_axis(node, () if scale is None else scale.dims))
    return found


def _bits_of(values: "NDArray[np.integer[Any]]", axis: int | None) -> int:
    """Return the bits of the widest integer of two's complement, what all of a scale have in common left to the scale.

    >>> import numpy as np
    >>> _bits_of(np.array([[90, -90, 0], [7, 3, 1]]), 0), _bits_of(np.array([[90, -90, 0], [7, 3, 1]]), None)
    (4, 8)
    """
    import numpy as np

    whole = np.abs(values.astype(np.int64))
    if axis is not None and not -values.ndim <= axis < values.ndim:
        return int(whole.max()).bit_length() + 1
    rows = whole.reshape(1, -1) if axis is None else np.moveaxis(whole, axis, 0).reshape(whole.shape[axis], -1)
    factors = np.maximum(np.gcd.reduce(rows, axis=1), 1)
    return int((rows.max(axis=1) // factors).max()).bit_length() + 1


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


def name_of(proto: "onnx.NodeProto", index: int) -> str:
    """Return the name by which a node is told of: its place, since names may be left out or repeat."""
    return f"{index}:{proto.name or proto.op_type}"


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
        name=name_of(proto, index),
        operator=proto.op_type,
        domain=proto.domain,
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes=attributes,
        has_body=body,
    )
