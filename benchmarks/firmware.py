"""Instructions, flash, RAM and stack of spiking networks on four microcontrollers, and of a CNN twin in 8 bit.

python benchmarks/firmware.py [--clips N] [--processors m0,m4,m33,rv32]

Needs `snn2hw install mcu`, QEMU for Arm and RISC-V, onnxruntime. Writes benchmarks/results/firmware.{json,md};
docs/export-firmware.md explains them. Instructions are counted by QEMU: deterministic, and no cycles.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, write

import snn2hw as sw
from exporters.firmware.plan import firmware_plan
from exporters.firmware.processors import PROCESSORS
from exporters.firmware.sizes import sizes_of_plan
from exporters.program_file import read_program_file
from exporters.to_firmware import measure
from sim.engines import run
from snn2hw.ann.firmware.chain import QuantisedChain, read_chain
from snn2hw.ann.firmware.measure import measure_ann
from snn2hw.ann.runtime import quantize_int8
from snn2hw.audio.digits import spoken_digits
from snn2hw.audio.hear import ear_of
from snn2hw.audio.mel_stream import heard
from snn2hw.codec.decode import decide
from snn2hw.demo.exhibit import Exhibit, example
from snn2hw.zoo import located

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10, help="of which the instructions are averaged")
    parser.add_argument("--processors", default=",".join(PROCESSORS))
    arguments = parser.parse_args()
    exhibit, rows = example(), []
    processors = arguments.processors.split(",")
    rows += list(_spiking(exhibit, arguments.clips, processors))
    rows += list(_conventional(exhibit, processors))
    for name in ("digits", "keywords"):
        rows += list(_streaming(name, processors))
    write(RESULTS / "firmware.json", json.dumps({"schema": "snn2hw.firmware/1", "rows": rows}, indent=1) + "\n")
    write(RESULTS / "firmware.md", table(rows))
    return 0


def _spiking(exhibit: Exhibit, clips: int, processors: list[str]):
    program = sw.compile(exhibit.source, "loihi1", exhibit.calibration)
    raster = exhibit.test.reshape(*exhibit.test.shape[:2], *program.input.shape)
    right = decide(run(program, raster, engine="fast", record=()).output, exhibit.front.decoder) == exhibit.labels
    for processor in processors:
        yield _row("demo SNN", program, raster[:clips], processor, "inference") | {"accuracy": float(right.mean())}


def _row(network: str, program, raster, processor: str, unit: str) -> dict[str, Any]:
    measured = measure(program, raster, processor=processor)
    counted = measured.instructions.sum(axis=2).astype(float)  # b t
    each = counted.sum(axis=1) if unit == "inference" else counted.reshape(-1)
    parts = measured.instructions.sum(axis=1) if unit == "inference" else measured.instructions[0]
    made = {
        "network": network,
        "processor": PROCESSORS[processor].title,
        "unit": unit,
        "instructions": float(each.mean()),
        "by_part": dict(zip(measured.parts, parts.mean(axis=0).round().tolist(), strict=True)),
        "flash": measured.image.flash,
        "ram": measured.image.ram,
        "stack": measured.stack,
        "stated_ram": sizes_of_plan(firmware_plan(program)).ram,
        "samples": len(each),
    }
    print(made, flush=True)
    return made


def _twin(exhibit: Exhibit, folder: Path) -> QuantisedChain:
    shape = exhibit.pictures.shape[1:]
    quantize_int8(exhibit.twin, folder / "int8.onnx", exhibit.calibration[:, 0].reshape(-1, *shape).astype(np.float32))
    return read_chain(folder / "int8.onnx", shape)


def _conventional(exhibit: Exhibit, processors: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        chain = _twin(exhibit, Path(folder))
    for processor in processors:
        found = measure_ann(chain, exhibit.pictures, processor=processor)
        made = {
            "network": "its CNN twin, 8 bit",
            "processor": PROCESSORS[processor].title,
            "unit": "inference",
            "instructions": float(found.instructions.sum(axis=1).mean()),
            "by_part": dict(enumerate(found.instructions.mean(axis=0).round().tolist())),
            "flash": found.image.flash,
            "ram": found.image.ram,
            "stack": found.stack,
            "samples": len(found.outputs),
            "accuracy": float((found.outputs.argmax(axis=1) == exhibit.labels).mean()),
        }
        print(made, flush=True)
        yield made


def _streaming(name: str, processors: list[str]):
    found = read_program_file(located(f"zoo:{name}"))
    clips = spoken_digits("en", takes=1)
    sound = np.concatenate([np.asarray(clips.samples[i], dtype=np.float32) for i in range(0, 60, 12)])
    front = ear_of(found, name).front
    sound = np.repeat(
        sound, front.spectra.rate_hz // clips.rate_hz
    )  # what is counted is how busy it is, not what it hears
    raster = heard(sound, front)[None, :, None, None, :].astype(np.int32)[:, :400]
    unit = f"step of {1000 * front.spectra.hop / front.spectra.rate_hz:g} ms"
    for processor in processors:
        yield _row(f"zoo:{name}", found.program, raster, processor, unit)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows for people."""
    head = ("network", "processor", "instructions", "flash, bytes", "RAM, bytes", "stack, bytes", "accuracy")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        share = f"{row['accuracy']:.1%}" if "accuracy" in row else ""
        cells = (
            row["network"],
            row["processor"],
            f"{row['instructions']:,.0f} per {row['unit']}",
            *(f"{row[key]:,}" for key in ("flash", "ram", "stack")),
            share,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(ended(main))
