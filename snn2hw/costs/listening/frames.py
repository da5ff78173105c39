"""A sound as frames: the messages that a streaming program is fed, and the level of each of its hops."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.mel_stream import MelFront, MelStream
from snn2hw.costs.listening.gate import levels_db

__all__ = ["Frames", "frames_of_sound"]


@dataclass(frozen=True, eq=False)
class Frames:
    """Everything that is listened to."""

    messages: NDArray[np.int8]  # t m
    levels: NDArray[np.float64]  # t
    hop: int
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Return how long it lasts."""
        return len(self.messages) * self.hop / self.rate_hz


def frames_of_sound(pieces: Iterable[NDArray[np.floating]], front: MelFront) -> Frames:
    """Make the frames of a sound in pieces of any size; memory grows with its frames, not with its samples."""
    stream, hop = MelStream(front), front.spectra.hop
    rest = np.zeros(0)
    rows, levels = [], []
    for piece in pieces:
        rows.append(stream.push(piece))
        held = np.concatenate([rest, np.asarray(piece, np.float64)])
        levels.append(levels_db(held, hop))
        rest = held[len(levels[-1]) * hop :]
    messages = np.concatenate(rows) if rows else np.zeros((0, front.width), np.int8)
    if not len(messages):
        raise InputError("the sound is shorter than one frame", f"give at least {front.spectra.window} samples")
    return Frames(messages, np.concatenate(levels)[: len(messages)], hop, front.spectra.rate_hz)
