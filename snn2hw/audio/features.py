"""From a corpus and a split to the images a network is trained, chosen and judged on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from snn2hw.audio.augment import Augmentation, variant
from snn2hw.audio.cache import cached
from snn2hw.audio.corpus import Corpus, Split
from snn2hw.audio.logmel import LogMel, Normaliser, decibels, fit_normaliser, less_mean, quantised
from snn2hw.audio.picture_variant import picture_variant

__all__ = ["Features", "Labelled", "features"]


DEFAULT = Augmentation()


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images of integers 0..levels, (n, bands, frames), and the class of each."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Features:
    """What a network is trained, chosen and judged on; ``pool`` holds variants (k, n, ...) of the training images."""

    pool: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    validate: Labelled
    test: Labelled
    normaliser: Normaliser


def features(
    corpus: Corpus,
    split: Split,
    mel: LogMel,
    *,
    levels: int,
    variants: int = 0,
    how: Augmentation = DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """Compute (or fetch from the cache) the images of a split; the clips themselves come first in the pool."""
    plain = np.asarray(cached(("plain", corpus.digest, mel), lambda: _plain(corpus, mel)), dtype=np.float32)
    scale = fit_normaliser(plain[split.train], levels)
    pool = [quantised(plain[split.train], scale)]
    for k in range(variants):
        key = ("variant", corpus.digest, mel, how, k)  # of every clip: all splits and seeds share them
        loudness = cached(key, partial(_variant, corpus, mel, how, k))
        pool.append(quantised(loudness[split.train].astype(np.float32), scale))
        if progress:
            progress(k + 1, variants)
    return Features(
        pool=np.stack(pool),
        train_labels=corpus.labels[split.train],
        validate=Labelled(quantised(plain[split.validate], scale), corpus.labels[split.validate]),
        test=Labelled(quantised(plain[split.test], scale), corpus.labels[split.test]),
        normaliser=scale,
    )


def _plain(corpus: Corpus, mel: LogMel) -> NDArray[np.float32]:
    return np.stack([decibels(samples, mel) for samples in corpus.samples])


def _variant(corpus: Corpus, mel: LogMel, how: Augmentation, number: int) -> NDArray[np.float16]:
    random = np.random.default_rng(number)
    if corpus.pictures:
        plain = [decibels(picture, replace(mel, mean="none")) for picture in corpus.samples]
        pictures = [picture_variant(loud, mel.floor_db, how, random) for loud in plain]
        return np.stack([less_mean(picture, mel) for picture in pictures]).astype(np.float16)
    loudness = np.stack([variant(samples, mel, how, random) for samples in corpus.samples])
    return loudness.astype(np.float16)  # half the cache; a step is 1/16 dB at -70 dB, far below one level
