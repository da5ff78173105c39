"""A sound as frames: the messages that a streaming program is fed, and the level of each of its hops."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.mel_stream import MelFront, MelStream
from snn2hw.costs.listening.gate import levels_db
from snn2hw.denoise.mask_front import MaskFront
from snn2hw.denoise.stream import MaskFrames

__all__ = ["Frames", "frames_of_sound"]


@dataclass(frozen=True, eq=False)
class Frames:
    """Everything that is listened to."""

    messages: NDArray[np.integer]  # t m
    levels: NDArray[np.float64]  # t
    hop: int
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Return how long it lasts."""
        return len(self.messages) * self.hop / self.rate_hz


def frames_of_sound(pieces: Iterable[NDArray[np.floating]], front: MelFront | MaskFront) -> Frames:
    """Make the frames of a sound in pieces of any size; memory grows with its frames, not with its samples."""
    push, hop = _stream(front), front.spectra.hop
    rest = np.zeros(0)
    rows, levels = list[NDArray[np.integer]](), []
    for piece in pieces:
        rows.append(push(piece))
        held = np.concatenate([rest, np.asarray(piece, np.float64)])
        levels.append(levels_db(held, hop))
        rest = held[len(levels[-1]) * hop :]
    messages = np.concatenate(rows) if rows else np.zeros((0, 0))
    if not len(messages):
        raise InputError("the sound is shorter than one frame", f"give at least {front.spectra.window} samples")
    return Frames(messages.astype(np.int16), np.concatenate(levels)[: len(messages)], hop, front.spectra.rate_hz)


def _stream(front: MelFront | MaskFront) -> Callable[[NDArray[np.floating]], NDArray[np.integer]]:
    """Return what makes messages of the next samples."""
    if isinstance(front, MelFront):
        return MelStream(front).push
    frames = MaskFrames(front)
    return lambda samples: frames.push(samples)[1]
