"""The demo's own report: what a page is made of is written beside the program, and the page is made of that folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sim.files import atomic_write
from sim.program import Program
from snn2hw.demo.exhibit import Exhibit
from snn2hw.files.json_file import write_json
from snn2hw.files.rasters import write_raster

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["REPORT", "report_of_demo"]

REPORT = "report.html"
PLACED = 16
"""Samples whose messages the placement counts."""


def report_of_demo(folder: Path, exhibit: Exhibit, program: Program, accuracy: Mapping[str, float]) -> Path:
    """Write input, sounds, accuracy and placement, then the page; `snn2hw report FOLDER` makes the same one again."""
    from snn2hw.page.collect import collect
    from snn2hw.page.lying import ACCURACY
    from snn2hw.page.write import write_report
    from snn2hw.placement.place import place

    _write_input(folder, exhibit, program)
    _write_sounds(folder, exhibit)
    samples = len(exhibit.labels)
    networks = {name: {"right": round(share * samples), "samples": samples} for name, share in accuracy.items()}
    write_json(folder / "accuracy.json", {"schema": ACCURACY, "digest": program.digest, "networks": networks})
    heard = _spikes(exhibit, program)[:PLACED]
    write_json(folder / "place.json", place(program, "loihi1", raster=heard).to_json())
    return write_report(collect([folder]), folder / REPORT).page


def _write_input(folder: Path, exhibit: Exhibit, program: Program) -> None:
    from snn2hw.audio.front import to_json
    from snn2hw.purpose import purpose_of_front

    front = exhibit.front
    spikes = _spikes(exhibit, program)
    identity = purpose_of_front(to_json(front)).identity
    write_raster(folder / "test.npz", spikes, exhibit.labels, front.decoder, front=identity, classes=front.classes)


def _spikes(exhibit: Exhibit, program: Program) -> "NDArray[np.integer]":
    return exhibit.test.reshape(*exhibit.test.shape[:2], *program.input.shape)


def _write_sounds(folder: Path, exhibit: Exhibit) -> None:
    import soundfile

    for place, samples in exhibit.clips.items():
        name = f"{exhibit.front.classes[int(exhibit.labels[place])]}_{place}.wav"
        with atomic_write(folder / name) as temporary:
            soundfile.write(temporary, samples, exhibit.front.mel.rate_hz, format="WAV", subtype="FLOAT")
