"""What the demo shows: a trained network, its ANN twin and the front end, with clips of voices it has never heard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.summary import Shown, Summary, shape_text
from snn2hw.audio.front import FrontEnd, images, raster, read_front

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Exhibit", "example", "load_exhibit", "shipped"]

NETWORK, TWIN, FRONT = "network.nir", "cnn.onnx", "front.json"
TEST_CLIPS, CALIBRATION_CLIPS = 200, 128
TWIN_ORIGIN = (
    "a CNN of the same layers, trained as the network was (snn2hw demo --train), on other voices of these digits"
)
HEARD = 4
"""Test clips whose sounds are kept, each of another class."""


@dataclass(frozen=True, eq=False, repr=False)
class Exhibit(Shown):
    """A trained network, its ANN twin, and spoken digits for both.

    ``calibration`` and ``test`` are rasters (B, T, *shape): voices that were trained on, and others with their
    ``labels``. ``pictures`` are what the twin is fed of the latter, ``clips`` some of their sounds by place.
    """

    source: "Source"
    twin: Path
    front: FrontEnd
    calibration: NDArray[np.uint8]
    test: NDArray[np.uint8]
    labels: NDArray[np.int64]
    pictures: NDArray[np.float32]
    clips: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    twin_origin: str = TWIN_ORIGIN

    def _summary(self) -> Summary:
        rows = [
            (name, shape_text(array.shape), str(array.dtype), what)
            for name, array, what in (
                ("calibration", self.calibration, "voices that were trained on"),
                ("test", self.test, "voices never heard"),
                ("labels", self.labels, f"of test: {', '.join(self.front.classes)}"),
                ("pictures", self.pictures, f"test as its twin {self.twin.name} is fed it"),
            )
        ]
        return Summary(f"Exhibit: {self.source.origin}, and spoken digits", header=("", "shape", "", ""), rows=rows)


def example() -> Exhibit:
    """Return the small network that comes with the package, its ANN twin, and synthesised digits to run them on."""
    return load_exhibit(shipped())


def shipped() -> Path:
    """Return the folder of the models that come with the package."""
    return Path(str(files("snn2hw.demo") / "data"))


def load_exhibit(folder: Path) -> Exhibit:
    """Read the models in ``folder`` and synthesise digits: test voices to judge, training voices to calibrate."""
    from snn2hw.audio.digits import spoken_digits
    from snn2hw.sources.from_nir import from_nir

    front = read_front(folder / FRONT)
    corpus = spoken_digits("en", takes=1)
    parts = np.array(corpus.parts)
    test = _evenly(np.flatnonzero(parts == "test"), TEST_CLIPS)
    train = _evenly(np.flatnonzero(parts == "train"), CALIBRATION_CLIPS)
    clips = [corpus.samples[i] for i in test]
    return Exhibit(
        source=from_nir(folder / NETWORK),
        twin=folder / TWIN,
        front=front,
        calibration=raster(front, [corpus.samples[i] for i in train]),
        test=raster(front, clips),
        labels=corpus.labels[test],
        pictures=images(front, clips).astype(np.float32),
        clips={i: clips[i] for i in _of_other_classes(corpus.labels[test])},
    )


def _of_other_classes(labels: NDArray[np.int64]) -> list[int]:
    """Return the places of a few clips, no two of one class."""
    _, first = np.unique(labels, return_index=True)
    return sorted(int(i) for i in first[_evenly(np.arange(len(first)), HEARD)])


def _evenly(indices: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return indices[np.linspace(0, len(indices) - 1, min(count, len(indices))).round().astype(np.int64)]
