"""Noise out of a sound as it comes: the integer program says a mask for every frame; samples come out a window later.

Memory does not grow with the sound, and a sound in pieces gives the samples of the whole sound, bit for bit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import FileError, InputError
from snn2hw.audio.spectra import warped_bank
from snn2hw.denoise.mask_front import (
    ABSENT,
    CURE,
    MaskFront,
    Tracker,
    back_to_bins,
    laid_over,
    mask_front_from,
    messages_of,
    overlapped,
    root_window,
)

if TYPE_CHECKING:
    from exporters.program_file import ProgramFile

__all__ = ["ATTACHMENT", "Denoiser", "Hearing", "MaskFrames", "denoised", "heard_by", "hearing_of"]

ATTACHMENT = "denoise"
"""The name under which a program file says how it denoises."""


@dataclass(frozen=True)
class Hearing:
    """What a program needs to denoise: its front end, and the output that is a mask of 1."""

    front: MaskFront
    one: float


def hearing_of(found: "ProgramFile", where: str) -> Hearing:
    """Return how the program in a file denoises; one whose file does not say it is refused."""
    said = found.attachments.get(ATTACHMENT)
    if not isinstance(said, Mapping):
        raise InputError(f"{where}: {ABSENT}", CURE)
    front, one = mask_front_from(said.get("front"), where), said.get("one")
    sizes = math.prod(found.program.input.shape), found.program.output.size
    if sizes != (front.features, front.spectra.bands) or not isinstance(one, int | float) or not one > 0:
        what = f"{where}: input and output of {sizes}, but {front.spectra.bands} bands, and {one!r} for a mask of 1"
        raise FileError(what, "train the program again")
    return Hearing(front, float(one))


class MaskFrames:
    """Whole windows of a sound as it comes, half a window of silence before it: their spectra and their messages."""

    def __init__(self, front: MaskFront) -> None:
        self.front = front
        self._tracker, self._rest = Tracker(), np.zeros(front.spectra.hop)

    def push(self, samples: NDArray[np.floating]) -> tuple[NDArray[np.complex128], NDArray[np.int16]]:
        """Hear a piece; return the spectra (n, bins) and messages (n, features) of the windows that it ends."""
        spec = self.front.spectra
        held = np.concatenate([self._rest, np.asarray(samples, np.float64)])
        window, starts = root_window(spec), np.arange(spec.count(held.size)) * spec.hop
        self._rest = held[starts.size * spec.hop :]
        rows = [np.fft.rfft(held[k : k + spec.window] * window) for k in starts]
        spectra = np.stack(rows) if rows else np.zeros((0, spec.bins // 2 + 1), np.complex128)
        return spectra, self._messages(spectra)

    def _messages(self, spectra: NDArray[np.complex128]) -> NDArray[np.int16]:
        bank, floor = warped_bank(self.front.spectra), self.front.spectra.floor
        said = np.zeros((len(spectra), self.front.features), np.int16)
        for row, x in zip(said, spectra, strict=True):  # one by one: a product of many rows is summed in another order
            decibels = 10.0 * np.log10(bank @ (x.real**2 + x.imag**2) + floor)
            row[:] = messages_of(decibels, self.front, self._tracker)
        return said


class Denoiser:
    """One sound through one program; `push` as it comes, `end` for what is left."""

    def __init__(self, found: "ProgramFile", hearing: Hearing) -> None:
        from sim.fast.continued import Continued

        self.hearing = hearing
        self._run, self._frames = Continued(found.program), MaskFrames(hearing.front)
        self._shape = found.program.input.shape
        self._waiting = np.zeros(hearing.front.spectra.hop)
        self._held: NDArray[np.float64] | None = None
        self._heard, self._said = 0, 0

    def push(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Hear a piece, and return the samples that are finished."""
        self._heard += len(samples)
        return self._through(np.asarray(samples, np.float64))

    def end(self) -> NDArray[np.float32]:
        """Return the last samples: as many have come out then as went in."""
        spec = self.hearing.front.spectra
        left = self._heard - self._said
        said = self._through(np.zeros(-self._heard % spec.hop + spec.hop))
        return said[:left]

    def _through(self, samples: NDArray[np.float64]) -> NDArray[np.float32]:
        front, spec = self.hearing.front, self.hearing.front.spectra
        spectra, messages = self._frames.push(samples)
        if not len(spectra):
            return np.zeros(0, np.float32)
        answers = self._run.push(messages.reshape(-1, *self._shape)) / self.hearing.one
        mask, self._held = laid_over(answers, messages, front, self._held)
        turn = back_to_bins(spec)
        window = root_window(spec)
        frames = [np.fft.irfft(x * (turn @ g), spec.window) * window for x, g in zip(spectra, mask, strict=True)]
        first = self._run.steps == len(frames)
        done, self._waiting = overlapped(np.stack(frames), self._waiting)
        done = done[spec.hop :] if first else done  # the half window of silence before the sound
        self._said += len(done)
        return done.astype(np.float32)


def denoised(samples: NDArray[np.floating], found: "ProgramFile", hearing: Hearing) -> NDArray[np.float32]:
    """Return what a program makes of a whole sound."""
    run = Denoiser(found, hearing)
    return np.concatenate([run.push(samples), run.end()])


def heard_by(samples: NDArray[np.floating], front: MaskFront) -> NDArray[np.int16]:
    """Return the messages that a program gets of a whole sound, (frames, features)."""
    hop = front.spectra.hop
    return MaskFrames(front).push(np.pad(samples, (0, -len(samples) % hop + hop)))[1]
