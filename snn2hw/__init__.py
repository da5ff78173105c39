"""snn2hw: from a trained spiking network to a bit-exact program for a neuromorphic chip, and what it costs.

    import snn2hw as sw
    digits  = sw.example()  # a network that comes with the package; your own: sw.from_norse, sw.from_nir, sw.convert
    program = sw.compile(digits.source, target="loihi1", data=digits.calibration)
    trace   = sw.run(program, digits.test)
    verdict = sw.verify(program, digits.test, against=("fast", "onnx", "c"))
    report  = sw.energy(program, digits.test, ann=digits.twin, ann_inputs=digits.pictures)

Names are imported on first use: the package itself loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporters.program_file import read_program, write_program
    from exporters.registry import export
    from sim.engines import run
    from sim.errors import Snn2hwError
    from sim.program import Connection, Conv, Dense, Input, Population, Program
    from sim.trace import Trace
    from snn2hw.chips.preflight import check
    from snn2hw.chips.target import Target
    from snn2hw.compiler.compile import compile
    from snn2hw.conversion import convert, read_ann
    from snn2hw.costs.energy import energy
    from snn2hw.demo.exhibit import example
    from snn2hw.network.float_reference import float_reference
    from snn2hw.network.to_nir import to_nir, write_nir
    from snn2hw.network.view import lower
    from snn2hw.placement.place import place
    from snn2hw.sources.from_nir import from_nir
    from snn2hw.sources.from_norse import from_norse
    from snn2hw.sources.source import Source
    from snn2hw.train.tuning.tune import tune
    from snn2hw.verification import Verdict, verify

__version__ = "0.2.0"
__all__ = [
    "Connection",
    "Conv",
    "Dense",
    "Input",
    "Population",
    "Program",
    "Snn2hwError",
    "Source",
    "Target",
    "Trace",
    "Verdict",
    "check",
    "compile",
    "convert",
    "energy",
    "example",
    "export",
    "float_reference",
    "from_nir",
    "from_norse",
    "lower",
    "place",
    "read_ann",
    "read_program",
    "run",
    "to_nir",
    "tune",
    "verify",
    "write_nir",
    "write_program",
]

_HOME = {
    **dict.fromkeys(("Connection", "Conv", "Dense", "Input", "Population", "Program"), "sim.program"),
    "Snn2hwError": "sim.errors",
    "Source": "snn2hw.sources.source",
    "Target": "snn2hw.chips.target",
    "Trace": "sim.trace",
    "from_norse": "snn2hw.sources.from_norse",
    "from_nir": "snn2hw.sources.from_nir",
    **dict.fromkeys(("to_nir", "write_nir"), "snn2hw.network.to_nir"),
    "check": "snn2hw.chips.preflight",
    "lower": "snn2hw.network.view",
    "float_reference": "snn2hw.network.float_reference",
    **dict.fromkeys(("read_ann", "convert"), "snn2hw.conversion"),
    "compile": "snn2hw.compiler.compile",
    "tune": "snn2hw.train.tuning.tune",
    "run": "sim.engines",
    "read_program": "exporters.program_file",
    "write_program": "exporters.program_file",
    "export": "exporters.registry",
    **dict.fromkeys(("verify", "Verdict"), "snn2hw.verification"),
    "energy": "snn2hw.costs.energy",
    "place": "snn2hw.placement.place",
    "example": "snn2hw.demo.exhibit",
}
"""Public name to the module that defines it."""


def _check_companions() -> None:
    """Refuse to work with somebody else's packages under our generic names."""
    for name in ("sim", "exporters"):
        package = import_module(name)
        if getattr(package, "__distribution__", None) != "snn2hw":
            place = getattr(package, "__file__", None) or "an unknown place"
            raise ImportError(
                f"snn2hw needs its own package {name!r}, but Python found another one at {place}. "
                f"Run from another folder, or rename the other {name!r}."
            )


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'snn2hw' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_check_companions()
