"""The tools that are compared: what each is, where it lives, which programs it has no word for, and one run of it."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from timing.contestants import PEERS, how_to_install, python_of

from agreeing.plain import Values, needs_of, plain, values_of
from exporters.lava.install import STANDALONE
from exporters.lava.install import find_python as lava_python
from sim.errors import Snn2hwError, ToolError, UnsupportedError
from sim.program import Program
from sim.worker_process import Task, WorkerProcess
from snn2hw.placement.sanafe_install import find_python as sanafe_python
from snn2hw.verification.executors import find_executor

__all__ = ["TOOLS", "Refused", "Running", "Tool", "running"]

SCRIPTS = Path(__file__).resolve().parent / "peers"
LIMIT_S = 300.0


class Refused(UnsupportedError):
    """A program that a tool has no word for."""


@dataclass(frozen=True)
class Tool:
    """One tool of the comparison.

    Args:
        script: its peer script and the words for it; None where ``executor`` runs it.
        lacks: features of programs (`agreeing.plain.needs_of`) that it has no word for.
        promise: what it says of itself, and ``source`` where.
        deviations: of those that `agreeing.deviating` knows, which may explain it.
        without: states that it does not have, or not so that they can be compared.
    """

    name: str
    title: str
    promise: str
    source: str
    script: tuple[str, ...] | None = None
    executor: str = ""
    lacks: frozenset[str] = frozenset()
    deviations: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    path: tuple[Path, ...] = (SCRIPTS, STANDALONE)
    """Where its script looks for what it imports."""


STOCK_LIF = frozenset({"reset subtract", "reset none", "several spikes", "fires at threshold", "rest", "xylo"})
LOIHI_1 = STOCK_LIF - {"rest"} | {"graded input", "loop of populations", "own lag above 1", "wide weights"}
FLOAT = frozenset({"several spikes", "fires at threshold", "rest", "xylo", "no leak of v"})

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "lava-dense",
            "lava-nc 0.10, Dense and LIF",
            "`PyDenseModelBitAcc`: bit-accurate with Loihi's hardware implementation of Dense",
            "docstring in lava-nc, proc/dense/models.py",
            ("lava_classes.py", "dense"),
            lacks=STOCK_LIF,
            deviations=("weights clipped to 8 bits, odd ones truncated",),
        ),
        Tool(
            "lava-sparse",
            "lava-nc 0.10, Sparse and LIF",
            "`PySparseModelBitAcc`: reproduces Loihi behaviour bit by bit",
            "docstring in lava-nc, proc/sparse/models.py",
            ("lava_classes.py", "sparse"),
            lacks=STOCK_LIF,
            deviations=("weights clipped to 8 bits, odd ones truncated",),
        ),
        Tool(
            "lava-conv",
            "lava-nc 0.10, Conv and LIF",
            "Conv with fixed point synapse implementation",
            "docstring in lava-nc, proc/conv/models.py",
            ("lava_classes.py", "conv"),
            lacks=STOCK_LIF,
            deviations=("exponents ignored", "a connection's sum wraps at 24 bits"),
        ),
        Tool(
            "lava",
            "lava-nc 0.10, the graph that we export",
            "the same models; what they lack is split into several or written as own processes",
            "docs/lava.md",
            executor="lava",
            lacks=frozenset({"xylo"}),
        ),
        Tool(
            "netx",
            "lava-dl 0.6 NetX, the file that we export",
            "reads trained networks for Loihi 2",
            "lava-dl, lib/dl/netx",
            executor="netx",
            lacks=frozenset({"xylo"}),
        ),
        Tool(
            "nengo-loihi",
            "nengo-loihi 1.1, emulator",
            "an emulator of Loihi to develop networks without the chip; its tests hold some networks to a chip exactly",
            "nengo-loihi's documentation and tests",
            ("nengo_emulator.py",),
            lacks=LOIHI_1,
            deviations=(
                "odd weights rounded",
                "weights shifted and rounded one by one",
                "a, shifted, wraps at 22 bits",
                "u with its bias wraps at 24 bits",
            ),
        ),
        Tool(
            "brian2-loihi",
            "brian2-loihi 0.5",
            "an emulator that matches Loihi exactly",
            "Michaelis et al. 2022, doi 10.3389/fninf.2022.1015624",
            ("brian2_groups.py",),
            lacks=LOIHI_1 | {"bias", "first values", "registers per neuron", "never fires"},
            deviations=(
                "weights cut to even toward zero",
                "weights shifted and floored one by one",
                "nothing wraps or clips",
            ),
        ),
        Tool(
            "xylosim",
            "xylosim 0.1.3",
            "bit-precise simulation of the Xylo hardware",
            "Rockpool's documentation, XyloSim",
            executor="xylosim",
            lacks=frozenset({"loihi"}),
        ),
        Tool(
            "sana-fe",
            "SANA-FE 2.2, leaky_integrate_fire",
            "a model of spikes, latency and energy to study designs; not of a chip's bits",
            "SANA-FE's documentation",
            ("sanafe_soma.py",),
            lacks=LOIHI_1 - {"reset subtract", "reset none", "wide weights"} | {"rest", "first values", "current"},
            deviations=("a right shift drops nothing", "nothing wraps or clips"),
            without=("u",),
            path=(SCRIPTS, Path(np.__file__).parents[1]),  # its environment has no NumPy
        ),
        Tool(
            "norse",
            "Norse 1.1, LIFCell in float32",
            "a float model to train; no promise about any chip",
            "Norse's documentation",
            ("norse_cell.py",),
            lacks=FLOAT | {"reset subtract", "reset none"},
            deviations=("nothing is cut to whole numbers", "float32"),
        ),
        Tool(
            "snntorch",
            "snnTorch 1.0, Synaptic in float32, reset_delay=False",
            "a float model to train; no promise about any chip",
            "snnTorch's documentation",
            ("snntorch_synaptic.py",),
            lacks=FLOAT - {"no leak of v"} | {"bias behind a current"},
            deviations=(
                "nothing is cut to whole numbers",
                "a residue above the threshold is taken off again",
                "float32",
            ),
        ),
    )
}


@dataclass(eq=False)
class Running:
    """A tool that takes one program after the other; its process starts with the first."""

    tool: Tool
    folder: Path
    process: WorkerProcess | None = field(default=None)

    def run(self, program: Program, raster: Any) -> Values:
        """Return every spike, u and v of a run, (B, T, neuron) by "KIND.POPULATION"; raise `Refused` or `ToolError`."""
        missing = self.tool.lacks & needs_of(program)
        if missing:
            raise Refused(f"{self.tool.title} has no word for: {', '.join(sorted(missing))}", "another tool")
        if self.tool.script is None:
            try:
                return values_of(program, find_executor(self.tool.executor)(program, raster, timeout_s=LIMIT_S))
            except UnsupportedError as error:
                raise Refused(error.what, error.fix or "another tool") from None
        return self._asked(program, raster)

    def _asked(self, program: Program, raster: Any) -> Values:
        job, result = self.folder / "job.npz", self.folder / "result.npz"
        np.savez(job, **plain(program, raster))
        if self.process is None:
            assert self.tool.script is not None
            self.process = WorkerProcess(
                Task(
                    script=SCRIPTS / self.tool.script[0],
                    words=self.tool.script[1:],
                    python=str(python_for(self.tool)),
                    environment={
                        "PYTHONPATH": ":".join(map(str, self.tool.path)),
                        "OMP_NUM_THREADS": "1",
                        "OPENBLAS_NUM_THREADS": "1",
                    },
                )
            )
        self.process.ask(json.dumps([str(job), str(result)]))
        line = self.process.answer(time.monotonic() + LIMIT_S)
        if not line:
            said = self.process.log(2000)
            self.close()
            raise ToolError(f"{self.tool.title}: {'no answer in time' if line is None else said}", "run it again")
        error = json.loads(line)
        if error is not None:
            raise ToolError(f"{self.tool.title}: {error}", "see what it says")
        with np.load(result, allow_pickle=False) as stored:
            return dict(stored)

    def close(self) -> None:
        """End the process."""
        process, self.process = self.process, None
        if process is not None:
            process.close_input()
            process.end(2.0)


@contextmanager
def running(name: str) -> Iterator[Running]:
    """Yield a tool that runs programs, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Running(TOOLS[name], Path(folder))
        try:
            yield made
        finally:
            made.close()


def python_for(tool: Tool) -> Path:
    """Return the interpreter of a tool's own environment, or say what to type."""
    script = tool.script[0] if tool.script else ""
    if script == "lava_classes.py":
        return lava_python()
    if script == "sanafe_soma.py":
        return sanafe_python()
    peer = {"nengo_emulator.py": "nengo_loihi", "brian2_groups.py": "brian2_loihi"}.get(script)
    if peer is None:
        return Path(sys.executable)
    found = python_of(PEERS[peer])
    if not found.exists():
        raise Snn2hwError(f"{tool.title} is not installed", f"type: {how_to_install(PEERS[peer])}")
    return found
