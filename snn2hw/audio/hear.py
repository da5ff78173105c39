"""A program that listens: samples in pieces of any size, the class of the whole and events in time out.

Every frame is one step of the integer machine; u, v and the messages on their way stay between pieces
(`sim.fast.continued`), so memory does not grow with the sound. With o[t] the output at step t and W the window,

    class of a sound     argmax_c  sum_t o[t, c]              over all steps, and over zero messages up to ``frames``
    score at step t      softmax( mean of o over the last W steps / unit )

An event is where the score of a class that is not background rises to ``threshold``; the class is armed again once its
score has fallen to half of that.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import FileError, InputError
from snn2hw.audio.mel_stream import MelFront, MelStream, front_from
from snn2hw.purpose import purpose_in

if TYPE_CHECKING:
    from exporters.program_file import ProgramFile

__all__ = ["Ear", "Event", "Heard", "Listener", "ear_of"]


@dataclass(frozen=True)
class Ear:
    """What a program needs to listen: its front end, its classes, and how its output is read.

    Args:
        front: from samples to messages.
        classes: what each neuron of the output stands for.
        frames: steps that a shorter sound is filled up to with silence, as in training.
        window: steps that a score looks back.
        unit: of the output, per unit of the softmax.
        background: classes that are no event.
    """

    front: MelFront
    classes: tuple[str, ...]
    frames: int
    window: int
    unit: float
    background: tuple[str, ...] = ()


class Event(NamedTuple):
    """A class that was heard, and when its score rose."""

    t_s: float
    label: str
    score: float


@dataclass(frozen=True)
class Heard:
    """The class of a whole sound, its share of the softmax, the events in it, and how long it was."""

    label: str
    score: float
    events: tuple[Event, ...]
    seconds: float


def ear_of(found: "ProgramFile", where: str) -> Ear:
    """Return how the program in a file listens; one whose file does not say it is refused."""
    purpose, listen = purpose_in(found.attachments, where), found.attachments.get("listen")
    if purpose.front is None or purpose.classes is None or not isinstance(listen, Mapping):
        what = f"{where}: does not say how it listens (no front end of a stream)"
        raise InputError(what, "use a program of `snn2hw train ... --stream`, or one of `snn2hw zoo`")
    front = front_from(purpose.front, where)
    try:
        values: Mapping[str, Any] = listen
        ear = Ear(
            front=front,
            classes=purpose.classes,
            frames=int(values["frames"]),
            window=int(values["window"]),
            unit=float(values["unit"]),
            background=tuple(map(str, values["background"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{where}: not a description of how it listens ({error})", "train the program again") from None
    classes = ear.classes
    sizes = (found.program.input.shape, found.program.output.size)
    if sizes != ((1, 1, front.width), len(classes)) or min(ear.frames, ear.window) < 1 or not ear.unit > 0:
        what = f"{where}: input and output of {sizes}, but {front.width} bands and {len(classes)} classes"
        raise FileError(what, "train the program again")
    return ear


@dataclass(eq=False)
class _Scores:
    """The outputs of a sound: their sum, and the last ones."""

    total: NDArray[np.int64]
    last: deque[NDArray[np.int64]]
    recent: NDArray[np.int64]
    armed: NDArray[np.bool_]
    events: list[Event] = field(default_factory=list)


class Listener:
    """One sound through one program; `push` as it comes, `end` for the answer."""

    def __init__(self, found: "ProgramFile", ear: Ear, threshold: float = 0.5) -> None:
        from sim.fast.continued import Continued

        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold}", "choose a share between 0 and 1")
        self.ear, self.threshold = ear, threshold
        self._stream, self._run = MelStream(ear.front), Continued(found.program)
        n = len(ear.classes)
        self._scores = _Scores(np.zeros(n, np.int64), deque(maxlen=ear.window), np.zeros(n, np.int64), np.ones(n, bool))
        self._samples = 0
        self._foreground = np.array([name not in ear.background for name in ear.classes])

    def push(self, samples: NDArray[np.floating]) -> list[Event]:
        """Hear a piece, and return the events in it."""
        self._samples += len(samples)
        return self._hear(self._stream.push(samples))

    def end(self) -> Heard:
        """Return what the whole was."""
        short = self.ear.frames - self._run.steps
        if short > 0:
            self._hear(np.zeros((short, self.ear.front.width), np.int8))
        shares = self._softmax(self._scores.total / self._run.steps)
        best = int(self._scores.total.argmax())
        seconds = self._samples / self.ear.front.spectra.rate_hz
        return Heard(self.ear.classes[best], float(shares[best]), tuple(self._scores.events), seconds)

    def _hear(self, messages: NDArray[np.int8]) -> list[Event]:
        first, scores = self._run.steps, self._scores
        found = []
        for k, output in enumerate(self._run.push(messages[:, None, None, :].astype(np.int16))):
            scores.total += output
            scores.recent += output
            if len(scores.last) == self.ear.window:
                scores.recent -= scores.last[0]
            scores.last.append(output)
            shares = self._softmax(scores.recent / self.ear.window)
            rising = (shares >= self.threshold) & scores.armed & self._foreground
            scores.armed = np.where(rising, False, scores.armed | (shares < self.threshold / 2))
            for c in np.flatnonzero(rising):
                t_s = (first + k) * self.ear.front.spectra.step_s
                found.append(Event(round(t_s, 3), self.ear.classes[c], round(float(shares[c]), 4)))
        scores.events.extend(found)
        return found

    def _softmax(self, mean: NDArray[np.floating]) -> NDArray[np.float64]:
        logits = mean / self.ear.unit
        shares = np.exp(logits - logits.max())
        result: NDArray[np.float64] = shares / shares.sum()
        return result
