"""A Program as a folder that a Xylo chip's tools take: the arguments of Rockpool's ``config_from_specification``.

specification.npz   the arguments, as arrays
specification.json  the same as plain JSON, and where each population stands
input.npy           a few samples in the chip's time
golden.npz          the samples, and every spike, current and membrane they must give, in local time
run_xylosim.py      runs the specification in xylosim, where that is installed
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, check_artifact_folder, check_same_program, write_artifact
from exporters.golden_vectors import golden_vectors, write_golden
from exporters.recording import ExecutorTrace
from exporters.xylo.runner import RUNNER, run, write_input, write_specification
from exporters.xylo.specification import Specification, specify
from sim.program import Program

__all__ = ["execute", "export"]

SCHEMA = "snn2hw.xylo/1"


def export(program: Program, folder: Path | str, raster: NDArray[np.integer] | None = None) -> Artifact:
    """Write the specification, samples and what they must do; three made-up samples where no raster is given."""
    check_artifact_folder(folder)
    specification = specify(program)
    samples, trace = golden_vectors(program, raster)

    def fill(draft: Path) -> None:
        write_specification(draft, specification)
        text = json.dumps(_facts(program, specification), indent=1) + "\n"
        (draft / "specification.json").write_text(text, encoding="utf-8")
        write_input(draft, specification, samples)
        write_golden(draft / "golden.npz", samples, trace)
        shutil.copyfile(RUNNER, draft / RUNNER.name)

    return write_artifact(folder, format="xylo", digest=program.digest, fill=fill, losses=specification.losses)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float, folder: Path | None = None
) -> ExecutorTrace:
    """Run in xylosim; with ``folder``, by the specification of an exported folder."""
    if folder is not None:
        check_same_program(folder, "xylo", program.digest)
    return run([(program, raster)], timeout_s=timeout_s, folder=folder)[0]


def _facts(program: Program, specification: Specification) -> dict[str, Any]:
    neurons = {
        name: {"layer": "output" if out else "hidden", "first": first, "start": specification.start[name]}
        for name, (out, first) in specification.places.items()
    }
    arguments = {name: values.tolist() for name, values in specification.arguments.items()}
    return {"schema": SCHEMA, "digest": program.digest, "populations": neurons, "arguments": arguments}
