"""Build the chain as firmware, run it on an emulated processor, count its instructions."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.build import ImageSizes, compile_image, image_sizes
from exporters.firmware.emulate import call_qemu, instructions_of
from exporters.firmware.processors import get_processor
from exporters.to_firmware import RUNTIME as MACHINE
from snn2hw.ann.firmware.chain import QuantisedChain
from snn2hw.ann.firmware.tables import cnn_program_h, cnn_tables_c

__all__ = ["AnnMeasured", "measure_ann"]

RUNTIME = Path(__file__).with_name("runtime")
BOOT = ("replay/start.c",)
NETWORK = ("src/cnn.c", "src/cnn_tables.c")
RECORDED = (*NETWORK, *BOOT, "replay/semihosting.c", "replay/cnn_record.c")


@dataclass(frozen=True, eq=False)
class AnnMeasured:
    """What a processor needs: instructions (samples, layers), bytes, stack; and the outputs (samples, outs)."""

    instructions: NDArray[np.int64]
    image: ImageSizes
    stack: int
    outputs: NDArray[np.int8]


def measure_ann(
    chain: QuantisedChain, inputs: NDArray[Any], *, processor: str = "m4", timeout_s: float = 600.0
) -> AnnMeasured:
    """Quantise float inputs (n, channels, height, width), run them all, and count."""
    chosen = get_processor(processor)
    rounded = np.rint(inputs / np.float32(chain.input_scale)) + chain.input_zero
    samples = np.clip(rounded, -128, 127).astype(np.int8).transpose(0, 2, 3, 1)
    with tempfile.TemporaryDirectory(prefix="snn2hw-ann-") as made:
        folder = Path(made)
        shutil.copytree(MACHINE / "replay", folder / "replay")
        shutil.copytree(RUNTIME, folder, dirs_exist_ok=True)
        (folder / "src" / "cnn_program.h").write_text(cnn_program_h(chain), encoding="ascii")
        (folder / "src" / "cnn_tables.c").write_text(cnn_tables_c(chain), encoding="ascii")
        bare, image = folder / "bare.elf", folder / "record.elf"
        compile_image(folder, (*NETWORK, *BOOT, "replay/cnn_bare.c"), bare, chosen, timeout_s=timeout_s)
        compile_image(folder, RECORDED, image, chosen, defines=("CNN_PROFILE",), timeout_s=timeout_s)
        header = np.asarray([len(samples)], dtype="<u4").tobytes()
        flat = samples.reshape(len(samples), -1)
        padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4)))  # dense layers read words
        (folder / "input.bin").write_bytes(header + padded.tobytes())
        call_qemu(image, chosen, folder, timeout_s=timeout_s)
        profile = folder / "profile.bin"
        stack = int(np.fromfile(profile, dtype="<u4")[-1])
        profile.write_bytes(profile.read_bytes()[:-4])
        parts = len(chain.layers) + 1  # the first is what stands before the first layer
        counted = instructions_of(profile, chosen, len(samples), 1, parts)[:, 0, 1:]
        outputs = np.fromfile(folder / "output.bin", dtype=np.int8).reshape(len(samples), -1)
        return AnnMeasured(counted, image_sizes(bare), stack, outputs)
