"""What `export --to rtl` leaves behind builds, replays its golden vectors, and is what `verify` runs."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from exporters import to_rtl
from exporters.rtl_export import simulate
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, InputError, MissingToolError, ToolError, UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.exporters.rtl.bench import case, need


@pytest.fixture
def icarus(monkeypatch):
    need("iverilog")
    monkeypatch.setattr(simulate, "find_simulator", lambda: "iverilog")


@pytest.mark.usefixtures("icarus")
def test_verify_runs_the_artifact_and_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    program, raster = case(8)
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    to_rtl.export(program, tmp_path / "rtl", raster, lanes=2)
    for folder in (None, tmp_path / "rtl"):
        assert first_divergence(program, trace, to_rtl.execute(program, raster, folder=folder)) is None
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.usefixtures("icarus")
def test_a_changed_weight_in_the_artifact_is_a_divergence(tmp_path):
    wiring = Dense(np.array([[3, 5], [-7, 9]]))
    program = Program(Input((2,)), (Population("p", (2,), (Connection("input", wiring),), vth=4),))
    raster = np.ones((1, 3, 2), dtype=np.int32)
    to_rtl.export(program, tmp_path / "rtl", raster)
    memory = tmp_path / "rtl" / "mem" / "weights.hex"
    memory.write_text(memory.read_text().replace("3", "4"))
    found = to_rtl.execute(program, raster, folder=tmp_path / "rtl")
    assert first_divergence(program, run(program, raster, record=RECORDABLE), found) is not None


def test_the_makefile_replays_the_golden_vectors_and_sees_a_wrong_one(tmp_path):
    need("iverilog")
    need("make")
    program, raster = case(8)
    to_rtl.export(program, tmp_path / "rtl", raster)
    words = ["make", "-s", "-C", str(tmp_path / "rtl"), "check"]
    assert "equal: every neuron of every step" in subprocess.run(words, capture_output=True, text=True).stdout
    expected = tmp_path / "rtl" / "golden.expected"
    lines = expected.read_text().splitlines()
    source, address, u, v, z = lines[-1].split()
    expected.write_text("\n".join([*lines[:-1], f"{source} {address} {u} {int(v) ^ 1} {z}"]) + "\n")
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode != 0
    assert "different: 1 neurons and steps" in done.stdout


def test_without_a_simulator_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    program, raster = case(8)
    with pytest.raises(MissingToolError, match=r"no logic simulator is installed  fix: install Icarus"):
        to_rtl.execute(program, raster)


def test_a_simulator_that_does_not_end_is_stopped(tmp_path):
    with pytest.raises(ToolError, match="did not end within"):
        simulate._run(["sh", "-c", "sleep 30 & sleep 30"], tmp_path, 0.2, "the simulated core")


@pytest.mark.parametrize("what", ["stride", "sum", "lanes"])
def test_what_the_core_cannot_hold_is_refused_before_anything_is_written(what, tmp_path):
    stride = Conv(np.ones((1, 1, 1, 1), int), stride=(1, 300))
    strided = Program(Input((1, 1, 301)), (Population("p", (1, 1, 2), (Connection("input", stride),)),))
    dense = Dense(np.full((1, 1), 2**31 - 1))
    wide = Population("p", (1,), tuple(Connection("input", dense, 7, lag) for lag in range(4096)))
    error, message, program, lanes = {
        "stride": (UnsupportedError, r"population 'p': a convolution .* needs a number above 255  fix:", strided, 4),
        "sum": (
            UnsupportedError,
            r"AB = \d+, it goes up to 62  fix: lower",
            Program(Input((1,), 0, 2**23 - 1), (wide,)),
            4,
        ),
        "lanes": (InputError, "3 lanes  fix: use one of: 1, 2, 4, 8, 16", strided, 3),
    }[what]
    with pytest.raises(error, match=message):
        to_rtl.export(program, tmp_path / "rtl", lanes=lanes)
    assert not list(tmp_path.iterdir())


def test_an_artifact_of_another_program_or_a_broken_one_is_refused(tmp_path):
    need("iverilog")
    program, raster = case(8)
    to_rtl.export(program, tmp_path / "rtl", raster)
    other, other_raster = case(3)
    with pytest.raises(FileError, match="was made from program"):
        to_rtl.execute(other, other_raster, folder=tmp_path / "rtl")
    (tmp_path / "rtl" / "rtl.json").write_text(json.dumps({"sizes": {"lanes": 3}}))
    with pytest.raises(FileError, match="3 lanes"):
        to_rtl.execute(program, raster, folder=tmp_path / "rtl")


@pytest.mark.full
@pytest.mark.parametrize("family", ["synth_ice40", "synth_ecp5", "synth_gowin", "synth_xilinx"])
def test_yosys_synthesises_the_board(family, tmp_path):
    need("yosys")
    program, raster = case(8)
    to_rtl.export(program, tmp_path / "rtl", raster)
    folder = tmp_path / "rtl"
    for image in (folder / "mem").iterdir():
        shutil.copy(image, folder)
    sources = " ".join(
        str(p.relative_to(folder)) for p in [*sorted(folder.glob("core/*.v")), *folder.glob("board/*.v")]
    )
    script = f"read_verilog -I. {sources}; {family} -top snn_top; check -assert"
    done = subprocess.run(["yosys", "-q", "-p", script], cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-500:]


def test_every_verilog_file_ships_with_the_export(tmp_path):
    program, raster = case(8)
    files = to_rtl.export(program, tmp_path / "rtl", raster).files
    assert {f"core/{path.name}" for path in simulate.CORE.glob("*.v")} <= set(files)
    assert {"Makefile", "parameters.vh", "rtl.json", "golden.expected", "board/snn_top.v"} <= set(files)
    assert not [name for name in files if Path(name).suffix == ".py"]
