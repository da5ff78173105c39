"""All that is kept, by section and name, each with the function that finds it out anew."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import snn2hw as sw
from tests.golden.commands import COMMANDS, command_facts
from tests.golden.measure import compiled_of, content_of, facts_of, lowered_facts, program_facts, samples_of, sha_of
from tests.golden.pairs import PAIRS
from tests.golden.refused import REFUSED, said_of
from tests.golden.sources import source_of

__all__ = ["DIGESTS", "FLOATS", "FLOAT_ARRAYS", "PROGRAMS", "PROGRAM_FILES", "SECTIONS", "Section"]

HERE = Path(__file__).parent
DIGESTS = HERE / "digests.json"
FLOAT_ARRAYS = HERE / "floats.npz"
PROGRAM_FILES = HERE / "programs"

Section = Mapping[str, Callable[[], object]]

PROGRAMS = {
    "spotter": "nir/keyword spotter | loihi1, 4 bit, calibrated on 4",
    "subtracting": "nir/recurrent subtract | loihi2, 6 bit, calibrated on 3",
    "ternary": "snntorch/rsynaptic_subtract | loihi2, ternary bit, calibrated on 2",
    "exponential": "nir/exponential | fixed, 16 bit, calibrated on 3",
    "registers": "nir/registers | loihi1, 8 bit, scale 1",
    "graded": "nir/dense cuba | fixed, 5 bit, calibrated on 3, low -3, high 3, steps 100",
}
"""Name of a file in programs/ to the pair that it holds."""

EXPORTED = ("nir/keyword spotter | loihi1, 4 bit, calibrated on 4", "nir/registers | loihi1, 8 bit, scale 1")
FORMATS = ("nir", "lava", "netx", "onnx", "c", "golden")

FLOATS = (
    "norse/LIFCell per neuron",
    "norse/LIFCell two dts",
    "norse/LIFBoxCell subtract",
    "norse/LIFRecurrentCell",
    "norse/LILinearCell",
    "norse/IAFCell",
    "norse/feedback by hand",
    "norse/Conv1d stride, groups, same",
    "nir/dense leak",
    "nir/dense fires at",
    "nir/recurrent",
    "nir/recurrent subtract",
    "nir/delayed",
    "nir/delay per neuron",
    "nir/signals",
    "nir/pooled",
)
"""Sources whose weights are multiples of 1/1024: sums are exact in any order, so floats are compared with ==."""

LOWERED = (
    *FLOATS,
    "norse/Conv2d groups",
    "norse/MaxPool2d",
    "norse/AvgPool2d",
    "norse/residual",
    "nir/keyword spotter",
    "nir/registers",
    "snntorch/rsynaptic_subtract",
    "spikingjelly/conv",
)

WRITTEN = ("norse/LIFRecurrentCell", "nir/delayed", "nir/pooled", "snntorch/leaky_subtract", "spikingjelly/lif")


def _exported(pair: str, to: str) -> dict[str, object]:
    program = compiled_of(pair).program
    with tempfile.TemporaryDirectory() as folder:
        try:
            artifact = sw.export(program, to, Path(folder) / to, samples_of(program)[:, :8])
        except sw.Snn2hwError as error:
            return {"refused": str(error)}
        files = {str(name): content_of(artifact.folder / name) for name in (*artifact.files, "artifact.json")}
    return {"files": files, "losses": [str(loss) for loss in artifact.losses]}


def _written_program(name: str) -> dict[str, object]:
    """Return what `write_program` writes today for a program of programs/."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.nir"
        compiled = compiled_of(PROGRAMS[name])
        sw.write_program(compiled.program, path, attachments={"certificate": compiled.certificate.to_json()})
        return {"content": content_of(path)}


def _read_program(name: str) -> dict[str, object]:
    """Return what the file that was written once says and does today."""
    return dict(program_facts(sw.read_program(PROGRAM_FILES / f"{name}.nir")))


def _written_nir(name: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.nir"
        sw.write_nir(source_of(name), path)
        return {"content": content_of(path)}


def _ran(name: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        return command_facts(name, Path(folder))


SECTIONS: dict[str, Section] = {
    "compiled": {name: partial(facts_of, name) for name in PAIRS},
    "commands": {name: partial(_ran, name) for name in COMMANDS},
    "lowered": {name: (lambda name=name: lowered_facts(source_of(name))) for name in LOWERED},
    "problems": {name: partial(said_of, name) for name in REFUSED},
    "notes": {name: (lambda name=name: sha_of(*source_of(name).notes)) for name in FLOATS},
    "read": {name: partial(_read_program, name) for name in PROGRAMS},
    "written": {name: partial(_written_program, name) for name in PROGRAMS},
    "written by write_nir": {name: partial(_written_nir, name) for name in WRITTEN},
    "exported": {f"{to} of {pair}": partial(_exported, pair, to) for pair in EXPORTED for to in FORMATS},
}
"""Section to name to the function that finds out what is kept, as JSON values."""
