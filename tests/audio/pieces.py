"""A sound as it comes: pieces of any length, none among them."""

from collections.abc import Callable

import numpy as np

__all__ = ["pushed_in_pieces"]


def pushed_in_pieces(push: Callable[[np.ndarray], np.ndarray], sound: np.ndarray, longest: int = 700) -> np.ndarray:
    """Return all that a stream says of a sound which it is given piece by piece."""
    random, said, at = np.random.default_rng(2), [], 0
    while at < sound.size:
        step = int(random.integers(0, longest))
        said.append(push(sound[at : at + step]))
        at += step
    return np.concatenate(said)
