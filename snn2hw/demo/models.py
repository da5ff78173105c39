"""Train the demo's two networks and write them as it reads them: NIR, ONNX, and the front end."""

import shutil
from pathlib import Path

from sim.errors import ToolError
from snn2hw.demo.exhibit import FRONT, NETWORK, TWIN

__all__ = ["train_models"]

EPOCHS = "12"


def train_models(folder: Path) -> Path:
    """Train on the synthesised digits; return the folder that now holds what `load_exhibit` reads."""
    from snn2hw.commands import main
    from snn2hw.commands.model_argument import load_source
    from snn2hw.network.to_nir import write_nir

    for model in ("scnn", "cnn"):
        words = ["train", "digits", "--model", model, "--epochs", EPOCHS, "-o", str(folder / model)]
        if main(words):
            raise ToolError(f"training the {model} failed", f"run it by itself: snn2hw {' '.join(words)}")
    if main(["ann", "digits", "--model", str(folder / "cnn" / "model.pt"), "-o", str(folder / "cnn")]):
        raise ToolError("writing the CNN as ONNX failed", "see the message above")
    write_nir(load_source(str(folder / "scnn" / "model.pt")), folder / NETWORK)
    shutil.copyfile(folder / "cnn" / "cnn.onnx", folder / TWIN)
    shutil.copyfile(folder / "scnn" / "front.json", folder / FRONT)
    return folder
