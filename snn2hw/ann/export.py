"""A trained torch network as an ONNX file."""

import io
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from sim.cures import install
from sim.errors import MissingToolError, UnsupportedError
from sim.files import atomic_write
from snn2hw.ann.clean import clean_file

if TYPE_CHECKING:
    import torch

__all__ = ["export_onnx"]


def export_onnx(model: "torch.nn.Module", example: "torch.Tensor", path: Path | str) -> None:
    """Write ``model`` in evaluation mode, its batch free, its weights inside the file, without notes.

    ``example`` is (n_samples, *shape); only its shape and type matter. Weights stay inside the file: the
    quantiser cannot read them beside it.
    """
    try:
        import onnxscript  # noqa: F401  the exporter's own message does not say what to install
        import torch
    except ImportError as error:
        what = f"exporting to ONNX needs torch and onnxscript ({error})"
        raise MissingToolError(what, install("onnxscript")) from None
    two = torch.cat([example[:1], example[:1]])  # a batch of one would be frozen into the graph
    training = model.training
    model.eval()
    try:
        with atomic_write(path) as temporary, warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # torch's own deprecations, raised inside its exporter
            torch.onnx.export(
                model,
                (two,),
                str(temporary),
                dynamo=True,
                external_data=False,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=["input"],
                output_names=["output"],
                verbose=False,
            )
            clean_file(temporary)  # the exporter notes at every node the stack it was traced under
    except torch.onnx.errors.OnnxExporterError as error:
        what = f"{type(model).__name__}: torch cannot export it to ONNX ({str(error).strip().splitlines()[0]})"
        raise UnsupportedError(what, "write the forward pass with tensor operations only") from error
    finally:
        model.train(training)
