"""The boards' top level, spoken to bit by bit over its UART: weights in, messages in, spikes out, the reference's."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from exporters import to_rtl
from exporters.program_file import read_program
from exporters.rtl_export.devices import FPGAS, fit
from exporters.rtl_export.images import images_of, sizes_of
from exporters.rtl_export.plan import plan_of
from exporters.rtl_export.stream import check_output
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import ToolError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from snn2hw.zoo import located
from tests.exporters.rtl.bench import need

BOARDS = {"icebreaker": (104, 1), "ulx3s": (217, 0)}
"""Clocks a bit at 115,200 baud, and whether the weights are sent."""


def heard_and_seen() -> tuple[Program, np.ndarray]:
    rng = np.random.default_rng(5)
    conv = Conv(rng.integers(-7, 8, (3, 1, 3, 3)) * 32, padding=(1, 1))
    hidden = Population("conv", (3, 4, 4), (Connection("input", conv, 1),), vth=20, dv=400, du=1500)
    ways = (
        Connection("conv", Dense(rng.integers(-7, 8, (5, 48)) * 16), 2),
        Connection("out", Dense(np.eye(5, dtype=np.int64) * -9), 0, 1),
    )
    program = Program(Input((1, 4, 4), -3, 3), (hidden, Population("out", (5,), ways, vth=9, dv=200)))
    return program, rng.integers(-3, 4, (1, 3, 1, 4, 4)) * (rng.random((1, 3, 1, 4, 4)) < 0.25)


def build(folder: Path, divide: int, huge: int) -> Path:
    need("iverilog")
    sources = [str(p) for room in ("core", "board") for p in sorted((folder / room).glob("*.v"))]
    words = ["iverilog", "-g2012", "-DSNN_PLUSARGS", f"-I{folder}", "-s", "snn_uart_bench"]
    words += [f"-Psnn_uart_bench.DIVIDE={divide}", f"-Psnn_uart_bench.HUGE={huge}", "-o", str(folder / "uart.vvp")]
    done = subprocess.run(
        [*words, str(folder / "bench" / "snn_uart_bench.v"), *sources], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "uart.vvp"


def talk(folder: Path, bench: Path, skew: int = 0) -> str:
    words = ["vvp", "-n", str(bench), f"+mem={folder / 'mem'}", f"+stream={folder / 'golden.stream'}"]
    words += [f"+output={folder / 'uart.txt'}", f"+skew={skew}", "+limit=5000"]
    return subprocess.run(words, capture_output=True, text=True, timeout=300).stdout


def hold_against_the_reference(folder: Path, program: Program, raster: np.ndarray, lanes: int = 4) -> None:
    plan = plan_of(program)
    trace, name = run(program, raster, record=("spikes", "v")), program.output.name
    arrays = {f"spikes.{name}": trace.spikes[name], f"v.{name}": trace.v[name]}
    assert trace.spikes[name].any()
    check_output(folder / "uart.txt", plan, sizes_of(plan, images_of(plan, lanes), lanes), arrays)


@pytest.mark.parametrize("board", [pytest.param("icebreaker", marks=pytest.mark.full), "ulx3s"])
def test_what_comes_back_over_the_uart_is_the_references(board, tmp_path):
    program, raster = heard_and_seen()
    folder = tmp_path / "rtl"
    to_rtl.export(program, folder, raster)
    assert "done" in talk(folder, build(folder, *BOARDS[board]))
    hold_against_the_reference(folder, program, raster)


@pytest.mark.parametrize("skew", [-20000, 20000])
def test_a_host_two_per_cent_off_is_understood(skew, tmp_path):
    program, raster = heard_and_seen()
    folder = tmp_path / "rtl"
    to_rtl.export(program, folder, raster[:1, :1])
    assert "done" in talk(folder, build(folder, 104, 0), skew)
    trace = run(program, raster[:1, :1], record=("spikes", "v"))
    plan = plan_of(program)
    arrays = {f"{r}.out": getattr(trace, r)["out"] for r in ("spikes", "v")}
    check_output(folder / "uart.txt", plan, sizes_of(plan, images_of(plan, 4), 4), arrays)


def test_weights_in_single_port_memory_are_the_ones_that_were_sent(tmp_path):
    program, raster = heard_and_seen()
    folder = tmp_path / "rtl"
    to_rtl.export(program, folder, raster)
    memory = folder / "mem" / "weights.hex"
    memory.write_text("".join("0\n" for _ in memory.read_text().splitlines()))
    talk(folder, build(folder, 20, 1))
    with pytest.raises(ToolError, match="output stream is not what its neurons did"):
        hold_against_the_reference(folder, program, raster)


def test_a_wide_word_of_weights_is_sent_in_pieces(tmp_path):
    program, raster = heard_and_seen()
    folder = tmp_path / "rtl"
    to_rtl.export(program, folder, raster, lanes=8)
    assert "done" in talk(folder, build(folder, 12, 1))
    hold_against_the_reference(folder, program, raster, lanes=8)


@pytest.mark.full
def test_the_digits_of_the_zoo_fit_a_up5k_and_run_on_its_core(tmp_path):
    program = read_program(located("zoo:digits4"))
    plan = plan_of(program)
    sizes = sizes_of(plan, images_of(plan, 2), 2)
    found = fit(sizes, next(fpga for fpga in FPGAS if fpga.name == "iCE40 UP5K"))
    assert found.holds
    assert (sizes.wb, found.single) == (4, 3)
    rng = np.random.default_rng(0)
    raster = (rng.normal(0, 12, (1, 30, *program.input.shape))).astype(np.int32).clip(-63, 63)
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    assert sum(int(spikes.sum()) for spikes in trace.spikes.values()) > 100
    assert first_divergence(program, trace, to_rtl.execute(program, raster)) is None
