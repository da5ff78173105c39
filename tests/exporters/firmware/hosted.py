"""Build exported firmware for this machine, under the sanitizers, and run rasters through it."""

import shutil
import subprocess

import numpy as np

from exporters.c_export.build import SANITIZERS, read_output, write_input
from exporters.firmware.build import STRICT
from exporters.firmware.plan import firmware_plan
from exporters.recording import recording_from
from exporters.to_firmware import write_sources
from sim.compare import first_divergence
from sim.engines import run
from sim.trace import recordable

SOURCES = ("src/snn.c", "src/program.c", "replay/replay.c", "replay/record.c", "replay/host_stdio.c")
COMPILER = shutil.which("gcc") or shutil.which("clang")


def build_here(folder, *flags):
    """Compile what stands in ``folder`` without a warning, with sanitizers unless other flags are given."""
    words = [COMPILER, *STRICT, *(flags or ("-O1", *SANITIZERS)), "-DSNN_TRACE", f"-I{folder / 'src'}"]
    words += ["-o", folder / "replayed", *(folder / name for name in SOURCES)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_here(program, raster, folder, *flags):
    """Return what the firmware in ``folder`` records here, or its exit code and words where it ends early."""
    build_here(folder, *flags)
    write_input(folder / "input.bin", np.asarray(raster))
    done = subprocess.run([folder / "replayed"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.returncode, done.stdout + done.stderr
    return recording_from(program, read_output(program, folder / "output.bin", *raster.shape[:2]))


def divergence(program, raster, folder, *flags):
    """Return where freshly written firmware parts from the reference, None if nowhere."""
    write_sources(firmware_plan(program), folder)
    return parted(program, raster, run_here(program, raster, folder, *flags))


def parted(program, raster, found):
    """Return where a recording parts from the reference."""
    assert not isinstance(found, tuple), found
    trace = run(program, raster, record=recordable(program), allow_wrap=True)
    return first_divergence(program, trace, found)
