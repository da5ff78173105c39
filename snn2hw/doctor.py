"""What is installed here, what works with it, and what would: one record, for people and for reports of faults."""

import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from sim.cores import cores_here
from sim.cures import EXTRAS, install
from sim.errors import Snn2hwError

__all__ = ["Diagnosis", "LookedFor", "diagnose", "warm_up"]

SCHEMA = "snn2hw.doctor/1"
CORE = ("numpy", "numba", "h5py", "nir", "tqdm", "tabulate")
INSTALL_MCU = "install QEMU, and: snn2hw install mcu"
FINDERS = {
    **dict.fromkeys(("lava", "lava-classes", "netx"), ("exporters.lava.install", "find_python", "snn2hw install lava")),
    "xylosim": ("exporters.xylo.install", "find_python", "snn2hw install xylosim"),
    **dict.fromkeys(("mcu", "mcu-m0", "mcu-m33"), ("exporters.firmware.emulate", "find_arm", INSTALL_MCU)),
    "mcu-rv32": ("exporters.firmware.emulate", "find_riscv", INSTALL_MCU),
    "rtl": ("exporters.rtl_export.simulate", "find_simulator", "install Icarus Verilog or Verilator"),
}
"""Executors that run in something of their own: the module and the function that finds it, and how to get it."""

NEEDS = {"c": ("cc", "gcc", "clang"), "onnx": ("onnxruntime",), "torch": ("torch",)}
"""What an executor cannot do without: a compiler on the path, or a package."""


@dataclass(frozen=True)
class LookedFor:
    """One thing that was looked for: what it is good for, its version or place, and how to get it."""

    name: str
    kind: str
    found: str | None
    get: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was looked at."""

    snn2hw: str
    python: str
    system: str
    cpus: int
    kernels: int
    """Kernels of this version that need not be compiled any more."""
    chips: tuple[str, ...]
    things: tuple[LookedFor, ...]

    @property
    def line(self) -> str:
        """Return all of it in one line, to be pasted into a report."""
        there = ", ".join(f"{t.name} {t.found}" for t in self.things if t.found and t.kind in ("core", "extra"))
        executors = ", ".join(t.name for t in self.things if t.found and t.kind == "executor")
        return (
            f"snn2hw {self.snn2hw}, Python {self.python}, {self.system}, {self.cpus} CPUs, {self.kernels} kernels; "
            f"{there}; executors {executors}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"schema": SCHEMA, **asdict(self), "line": self.line}


def diagnose() -> Diagnosis:
    """Look at everything; nothing is imported that is slow but the fast engine, and nothing is changed."""
    from snn2hw import __version__
    from snn2hw.chips.target import target_names

    things = [LookedFor(name, "core", _version(name), install(name)) for name in CORE]
    things += [LookedFor(name, "extra", _version(name), install(name)) for name in EXTRAS]
    return Diagnosis(
        snn2hw=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cpus=cores_here(),
        kernels=_kernels(),
        chips=target_names(),
        things=(*things, *_executors()),
    )


def warm_up(told: Callable[[str], object]) -> None:
    """Compile the kernels that networks of the demo's kind need, with states recorded and without, and the others."""
    import numpy as np

    from sim.engines import run
    from sim.fast.engine import simulate
    from sim.program import Connection, Conv, Dense, Input, Population, Program
    from sim.request import Request
    from sim.trace import recordable
    from snn2hw.compiler.compile import compile_source
    from snn2hw.demo.exhibit import example

    exhibit = example()
    programs = {
        f"convolutions, {bits} bit": compile_source(exhibit.source, "loihi1", exhibit.calibration, weight_bits=bits)
        for bits in (8, 4)
    }
    random = np.random.default_rng(0)
    dense = tuple(
        Population(
            name, (size,), (Connection(source, Dense(random.integers(-99, 99, (size, reads), dtype=np.int8))),), vth=500
        )
        for name, source, size, reads in (("hidden", "input", 128, 200), ("out", "hidden", 10, 128))
    )
    graded = Conv(random.integers(-9, 9, (16, 1, 3, 3), dtype=np.int8), padding=(1, 1))
    shown = Population("image", (16, 8, 8), (Connection("input", graded),), vth=500)
    made = {name: compiled.program for name, compiled in programs.items()}
    chip = Population("hidden", (190,), (Connection("input", Dense(np.ones((190, 16), np.int8))),), arithmetic="xylo")
    made["Xylo"] = Program(Input((16,), 0, 15), (chip,), arithmetic="xylo")
    made["dense"] = Program(Input((200,)), dense)
    made["graded input"] = Program(Input((1, 8, 8), 0, 31), (shown,))
    for name, program in made.items():
        told(name)
        raster = np.zeros((2, 5, *program.input.shape), np.uint8)
        for record in ((), recordable(program)):
            run(program, raster, engine="fast", record=record)
    told("sums of 64 bits")
    simulate(made["dense"], np.zeros((1, 2, 200), np.uint8), Request(), kernels="general")


def _version(package: str) -> str | None:
    if find_spec(package.replace("-", "_")) is None:
        return None
    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return "of unknown version"


def _kernels() -> int:
    from sim.fast.readiness import kernels_cached

    return kernels_cached()


def _executors() -> tuple[LookedFor, ...]:
    from snn2hw.verification.executors import executor_names

    found = []
    for name in executor_names():
        place, get = _place_of(name)
        found.append(LookedFor(name, "executor", place, get))
    return tuple(found)


def _place_of(executor: str) -> tuple[str | None, str]:
    """Return where what an executor needs is, and how to get it."""
    if executor in FINDERS:
        module, finder, get = FINDERS[executor]
        try:
            return str(getattr(import_module(module), finder)()), get
        except Snn2hwError:
            return None, get
    if executor == "c":
        return next((shutil.which(name) for name in NEEDS["c"] if shutil.which(name)), None), "install a C compiler"
    needed = NEEDS.get(executor, ())
    there = all(find_spec(package) for package in needed)
    return ("ready" if there else None), (install(needed[0]) if needed else "")
