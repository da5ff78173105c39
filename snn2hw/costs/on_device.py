"""What a program takes on a microcontroller, beside the conventional network there: instructions, flash, RAM, stack.

Instructions are counted in QEMU. They are no cycles, and there is no price for one: no energy follows from them.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.processors import get_processor
from exporters.to_firmware import measure
from sim.errors import InputError
from sim.program import Program

__all__ = ["NOTE", "on_device"]

NOTE = "instructions counted in QEMU; no cycles, and no energy follows from them"
BYTES = ("flash", "ram", "stack")


def on_device(
    program: Program,
    spikes: NDArray[np.integer],
    processor: str,
    *,
    ann: str | Path | None = None,
    ann_inputs: NDArray[Any] | None = None,
) -> dict[str, Any]:
    """Run both as firmware, the ANN quantised to 8 bit over its own samples, and count an inference of each."""
    chosen = get_processor(processor)
    if ann is not None and ann_inputs is None:
        raise InputError("the conventional network has no samples", "name them: --ann-input F.npz")
    measured = measure(program, spikes, processor=processor)
    parts = measured.instructions.sum(axis=1).mean(axis=0)
    found: dict[str, Any] = {
        "processor": chosen.name,
        "title": chosen.title,
        "note": NOTE,
        "snn": _counted(measured, dict(zip(measured.parts, parts.tolist(), strict=True))) | {"samples": len(spikes)},
        "ann": None,
    }
    if ann is not None and ann_inputs is not None:
        found["ann"] = _conventional(ann, ann_inputs, processor)
    return found


def _conventional(ann: str | Path, samples: NDArray[Any], processor: str) -> dict[str, Any]:
    from snn2hw.ann.firmware.chain import read_chain
    from snn2hw.ann.firmware.measure import measure_ann
    from snn2hw.ann.runtime import quantize_int8

    floats = samples.astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="snn2hw-device-") as folder:
        quantised = Path(folder) / "int8.onnx"
        quantize_int8(ann, quantised, floats)
        measured = measure_ann(read_chain(quantised, floats.shape[1:]), floats, processor=processor)
    layers = measured.instructions.mean(axis=0).tolist()
    return _counted(measured, {f"layer {i + 1}": count for i, count in enumerate(layers)}) | {"samples": len(floats)}


def _counted(measured: Any, parts: dict[str, float]) -> dict[str, Any]:
    image = {"flash": measured.image.flash, "ram": measured.image.ram, "stack": measured.stack}
    return {"instructions": sum(parts.values()), "parts": parts} | image
