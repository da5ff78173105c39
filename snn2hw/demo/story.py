"""One chapter per arrow of the pipeline; each prints what it measured and leaves its files in the folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.files import make_folder
from sim.program import Program
from snn2hw.codec.decode import decide
from snn2hw.demo.exhibit import Exhibit
from snn2hw.demo.reported import REPORT, report_of_demo
from snn2hw.files.json_file import write_json

if TYPE_CHECKING:
    from snn2hw.verification import Verdict

__all__ = ["tell"]

EXECUTORS = ("fast", "lava", "onnx", "c")
FORMATS = ("nir", "lava", "onnx", "c", "golden")
VERIFIED_CLIPS = 4
BITS = (8, 6, 5, 4, 3, 2)
SCHEMA = "snn2hw.demo/1"
READOUT: Literal["v"] = "v"

Say = Callable[[str], object]


@dataclass
class Telling:
    """What has been found out so far, and where it is written."""

    folder: Path
    say: Say
    facts: dict[str, object] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """Print a heading and time what happens below it."""
        self.say(f"\n== {title}")
        start = time.perf_counter()
        yield
        self.seconds[title] = round(time.perf_counter() - start, 2)


def tell(exhibit: Exhibit, folder: Path, *, say: Say = print) -> bool:
    """Compile, export, verify, price and draw; return whether every executor that exists here agreed."""
    make_folder(folder)
    telling = Telling(folder, say)
    with telling.chapter("compile for Loihi 1 at 8 bit"):
        program = _compile(telling, exhibit)
    with telling.chapter("run: float network and integer program on voices never heard"):
        _judge(telling, exhibit, program)
    with telling.chapter("export"):
        _export(telling, exhibit, program)
    with telling.chapter(f"verify: every spike, u and v of {VERIFIED_CLIPS} clips"):
        verdict = _verify(telling, exhibit, program)
    with telling.chapter("fewer bits"):
        curve = _sweep(telling, exhibit)
    with telling.chapter("energy beside the ANN (proxy: counted and priced, not measured)"):
        _price(telling, exhibit, program)
    with telling.chapter("pictures"):
        _draw(telling, exhibit, program, curve)
    with telling.chapter("report: one page of all of it"):
        _report(telling, exhibit, program)
    agreed = _agreed(verdict)
    _close(telling, program, agreed=agreed)
    return agreed


def _compile(telling: Telling, exhibit: Exhibit) -> Program:
    from exporters.program_file import write_program
    from snn2hw.audio.front import to_json
    from snn2hw.compiler.compile import compile_source
    from snn2hw.compiler.report import measure
    from snn2hw.purpose import purpose_attachment, purpose_of_front

    compiled = compile_source(exhibit.source, "loihi1", exhibit.calibration)
    measured = measure(compiled, exhibit.calibration[:32])
    telling.say(str(measured))
    attachments: dict[str, Any] = {
        "certificate": compiled.certificate.to_json(),
        "quantization": measured.to_json(),
        **purpose_attachment(purpose_of_front(to_json(exhibit.front), "spoken digits, synthesised")),
    }
    write_program(compiled.program, telling.folder / "digits.nir", attachments=attachments)
    telling.say(f"wrote {telling.folder / 'digits.nir'}, digest {compiled.program.digest[:12]}")
    return compiled.program


def _accuracy(exhibit: Exhibit, output: NDArray[np.generic]) -> float:
    return float((decide(output, exhibit.front.decoder) == exhibit.labels).mean())


def _run(program: Program, raster: NDArray[np.uint8]) -> NDArray[np.generic]:
    from sim.engines import run

    shaped = raster.reshape(*raster.shape[:2], *program.input.shape)
    return run(program, shaped, record=()).output


def _judge(telling: Telling, exhibit: Exhibit, program: Program) -> None:
    from snn2hw.ann.runtime import accuracy
    from snn2hw.network.float_reference import float_reference

    ideal = float_reference(exhibit.source, exhibit.test, record=(READOUT,)).output
    found = {
        "float": _accuracy(exhibit, ideal),
        "integer": _accuracy(exhibit, _run(program, exhibit.test)),
        "ann": accuracy(exhibit.twin, exhibit.pictures, exhibit.labels),
    }
    telling.facts["accuracy"] = found
    names = {"float": "float SNN", "integer": "8-bit SNN", "ann": "float CNN twin"}
    for key, value in found.items():
        telling.say(f"{names[key]:<15} {value:.1%} of {len(exhibit.labels)} clips")


def _export(telling: Telling, exhibit: Exhibit, program: Program) -> None:
    from exporters.registry import export
    from sim.errors import Snn2hwError

    golden = exhibit.test[:2].reshape(2, exhibit.test.shape[1], *program.input.shape)
    for to in FORMATS:
        try:
            made = export(program, to=to, folder=telling.folder / "export" / to, raster=golden)
        except Snn2hwError as error:
            telling.say(f"{to:<7} {error}")
            continue
        telling.say(f"{to:<7} {len(made.files)} files")
        for loss in made.losses:
            telling.say(f"        loss: {loss}")


def _verify(telling: Telling, exhibit: Exhibit, program: Program) -> "Verdict":
    from snn2hw.verification import verify

    few = exhibit.test[:VERIFIED_CLIPS].reshape(VERIFIED_CLIPS, exhibit.test.shape[1], *program.input.shape)
    verdict = verify(program, few, EXECUTORS)
    telling.say(str(verdict))
    write_json(telling.folder / "verdict.json", verdict.to_json())
    telling.facts["verdict"] = {row.executor: row.status for row in verdict.rows}
    return verdict


def _agreed(verdict: "Verdict") -> bool:
    """What is not installed is not held against the program; what ran must have agreed."""
    return all(row.status in ("baseline", "equal", "unavailable") for row in verdict.rows)


def _sweep(telling: Telling, exhibit: Exhibit) -> dict[int, float]:
    from snn2hw.compiler.compile import compile_source

    curve = {}
    for bits in BITS:
        program = compile_source(exhibit.source, "loihi1", exhibit.calibration, weight_bits=bits).program
        curve[bits] = _accuracy(exhibit, _run(program, exhibit.test))
        telling.say(f"{bits} bit: {curve[bits]:.1%}")
    telling.facts["accuracy_by_bits"] = curve
    return curve


def _price(telling: Telling, exhibit: Exhibit, program: Program) -> None:
    from snn2hw.costs.energy import TaskLabels, energy
    from snn2hw.costs.plots import plot_band, plot_break_even

    shaped = exhibit.test.reshape(*exhibit.test.shape[:2], *program.input.shape)
    task = TaskLabels(exhibit.labels, exhibit.labels, exhibit.front.decoder)
    report = energy(program, shaped, ann=exhibit.twin, ann_inputs=exhibit.pictures, task=task)
    assert report.ann is not None
    report = replace(report, ann=replace(report.ann, origin=exhibit.twin_origin))
    telling.say(str(report))
    write_json(telling.folder / "energy.json", report.to_json())
    plot_band(report, telling.folder / "energy.png")
    plot_break_even(report, telling.folder / "break-even.png")


def _draw(telling: Telling, exhibit: Exhibit, program: Program, curve: dict[int, float]) -> None:
    from sim.engines import run
    from snn2hw.demo.pictures import draw_bits, draw_membrane, draw_raster

    one = exhibit.test[:1].reshape(1, exhibit.test.shape[1], *program.input.shape)
    trace = run(program, one, record=("spikes", "u", "v"))
    word = exhibit.front.classes[int(exhibit.labels[0])]
    draw_raster(program, one[0], trace, word, telling.folder / "raster.png")
    draw_membrane(program, trace, exhibit.front.classes, word, telling.folder / "membrane.png")
    accuracy = telling.facts["accuracy"]
    assert isinstance(accuracy, dict)
    draw_bits(curve, accuracy["float"], accuracy["ann"], telling.folder / "bits.png")
    for name in ("raster", "membrane", "bits", "energy", "break-even"):
        telling.say(f"{telling.folder / name}.png")


def _report(telling: Telling, exhibit: Exhibit, program: Program) -> None:
    accuracy = telling.facts["accuracy"]
    assert isinstance(accuracy, dict)
    telling.say(f"{report_of_demo(telling.folder, exhibit, program, accuracy)}")


def _close(telling: Telling, program: Program, *, agreed: bool) -> None:
    facts = {"schema": SCHEMA, "digest": program.digest, **telling.facts, "seconds": telling.seconds}
    write_json(telling.folder / "summary.json", facts)
    took = sum(telling.seconds.values())
    verdict = telling.facts["verdict"]
    assert isinstance(verdict, dict)
    equal = [name for name, status in verdict.items() if status in ("baseline", "equal")]
    telling.say(f"\n{' = '.join(equal)}" if agreed else "\nthe executors do NOT agree: see verdict.json")
    missing = [name for name, status in verdict.items() if status == "unavailable"]
    if missing:
        telling.say(f"not installed here: {', '.join(missing)}")
    telling.say(f"{took:.0f} s; everything is in {telling.folder}")
    telling.say(f"open first: {telling.folder / REPORT}")
