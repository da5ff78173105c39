"""Running an ONNX network with ONNX Runtime, as floats and as 8-bit integers.

Int8 means x ~ s_x (q_x - z_x) with one s_x per tensor and w ~ s_w q_w with one s_w per output channel, written into the
file as pairs of QuantizeLinear and DequantizeLinear.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import foreign_errors
from sim.cures import install
from sim.errors import InputError, MissingToolError, ToolError
from sim.files import atomic_write, scratch_folder
from snn2hw.ann.clean import clean_file
from snn2hw.ann.graph import read_model

__all__ = ["accuracy", "answers", "execute", "quantize_int8", "run", "sample_shape", "session"]

BATCH = 64


def session(model: Path | str | bytes, *, optimise: bool = True, threads: int = 1) -> Any:
    """Open an ONNX Runtime session on the CPU; ``optimise=False`` runs the nodes exactly as they stand in the file."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingToolError(f"running ONNX files needs onnxruntime ({error})", install("onnxruntime")) from None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if not isinstance(model, bytes):
        read_model(model)  # what is no valid file is refused here: ONNX Runtime would talk about it on stdout
    source = model if isinstance(model, bytes) else str(model)
    name = "the network" if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        raise ToolError(f"{name}: ONNX Runtime refuses it ({_reason(error)})") from error


def execute(runner: Any, outputs: list[str] | None, feed: dict[str, NDArray[Any]], where: str) -> list[NDArray[Any]]:
    """Run an open session once; ``where`` is the file an error names."""
    try:
        results: list[NDArray[Any]] = runner.run(outputs, feed)
    except Exception as error:  # as above
        raise ToolError(f"{where}: ONNX Runtime fails while running it ({_reason(error)})") from error
    return results


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _input(runner: Any, path: Path | str) -> tuple[str, list[int | str | None]]:
    """Return the name and the axes of the one input of an open session, the batch first."""
    with foreign_errors(path, "a name in it is no text", "export the network again"):
        fed = [(value.name, value.shape) for value in runner.get_inputs()]
    if len(fed) != 1 or not fed[0][1]:
        raise InputError(f"{path}: has {len(fed)} inputs, or one without axes", "give a network with one batched input")
    name, axes = fed[0]
    return name, list(axes)


def sample_shape(path: Path | str) -> tuple[int | None, ...]:
    """Return the shape of a sample that the network reads, with None for a side of any length."""
    _, (_, *sides) = _input(session(path), path)
    return tuple(side if isinstance(side, int) else None for side in sides)


def run(path: Path | str, inputs: NDArray[Any], *, threads: int = 1) -> NDArray[Any]:
    """Return the first output of the network for a batch (n_samples, *shape)."""
    runner = session(path, threads=threads)
    name, (batch, *expected) = _input(runner, path)
    if len(expected) != inputs.ndim - 1 or any(
        isinstance(e, int) and e != n for e, n in zip(expected, inputs.shape[1:], strict=True)
    ):
        raise InputError(f"{path}: reads samples of shape {tuple(expected)}, got {inputs.shape[1:]}")
    if len(inputs) == 0:
        raise InputError(f"{path}: no samples to run", "give at least one")
    size = batch if isinstance(batch, int) else BATCH
    parts = [execute(runner, None, {name: inputs[i : i + size]}, str(path))[0] for i in range(0, len(inputs), size)]
    return np.concatenate(parts)


def answers(model: bytes, inputs: NDArray[Any], *, threads: int = 1) -> NDArray[np.int64]:
    """Return the number of the largest output of a network, given as a file's bytes, for every sample."""
    runner = session(model, threads=threads)
    name, _ = _input(runner, "the network")
    parts = [
        execute(runner, None, {name: inputs[i : i + BATCH].astype(np.float32)}, "the network")[0]
        for i in range(0, len(inputs), BATCH)
    ]
    scores = np.concatenate(parts)
    return np.asarray(scores.reshape(len(scores), -1).argmax(axis=1), dtype=np.int64)


def accuracy(path: Path | str, inputs: NDArray[Any], labels: NDArray[np.integer], *, threads: int = 1) -> float:
    """Return the fraction of samples whose largest output is their label."""
    scores = run(path, inputs, threads=threads)
    return float(np.mean(scores.reshape(len(scores), -1).argmax(axis=1) == labels))


def quantize_int8(path: Path | str, into: Path | str, calibration: NDArray[Any]) -> None:
    """Write the network as 8-bit static QDQ: int8 weights per channel, int8 activations over the calibration's range.

    Batch normalisation is folded first, so that no layer is left in floats beside the quantised ones.
    """
    try:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise MissingToolError(f"quantising needs onnx and onnxruntime ({error})", install("onnxruntime")) from None
    name = session(path).get_inputs()[0].name

    class OneByOne(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(calibration)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            sample = next(self.rest, None)
            return None if sample is None else {name: sample[None]}

    with scratch_folder("snn2hw-ann-") as folder, atomic_write(into) as temporary, _quiet():
        folded = folder / "folded.onnx"
        quant_pre_process(str(path), str(folded), skip_symbolic_shape=True)
        quantize_static(
            str(folded),
            str(temporary),
            OneByOne(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
        clean_file(temporary)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the quantiser's advice to run the preprocessing that was just run."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
