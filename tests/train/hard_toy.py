"""Eight classes of images that lie close together: a small network needs what its weights can say."""

import numpy as np

from snn2hw.audio.features import Features, Labelled
from snn2hw.audio.logmel import Normaliser

CLASSES = tuple("abcdefgh")


def hard_data(seed=0, train=960, test=400):
    """Return noise of 22 levels, two of which are added where a class has a tile."""
    random = np.random.default_rng(seed)
    tiles = random.integers(0, 2, (len(CLASSES), 8, 8)).repeat(4, axis=1).repeat(4, axis=2)

    def part(count):
        labels = np.arange(count) % len(CLASSES)
        images = random.integers(0, 22, (count, 32, 32)) + 2 * tiles[labels]
        return images.astype(np.uint8), labels.astype(np.int64)

    learnt, validate, judged = part(train), part(80), part(test)
    scale = Normaliser((-70.0,) * 32, (0.0,) * 32, 31)
    return Features(learnt[0][None], learnt[1], Labelled(*validate), Labelled(*judged), scale)
