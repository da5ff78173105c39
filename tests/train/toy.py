"""Three classes of images that a small network tells apart within seconds."""

from dataclasses import replace

import numpy as np
import torch

from snn2hw.audio.augment import Augmentation
from snn2hw.audio.features import Features, Labelled
from snn2hw.audio.logmel import Normaliser
from snn2hw.models.layout import Layout, Stage
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.network_recipe import NetworkRecipe

CPU = torch.device("cpu")
CLASSES = ("low", "middle", "high")
RECIPE = NetworkRecipe(
    layout=Layout((Stage(6, 3, 2), Stage(6, 3, 2)), hidden=24, membrane=0.5),
    steps=6,
    epochs=6,
    batch=16,
    augmentation=Augmentation(mask=1, shift=1),
)


def toy_data(seed=0):
    """Three classes that differ in the rows that are loud."""
    random = np.random.default_rng(seed)

    def part(count):
        labels = np.arange(count) % 3
        images = random.integers(0, 8, (count, 32, 32))
        for image, label in zip(images, labels, strict=True):
            image[10 * label : 10 * label + 10] += random.integers(8, 22)
        return images.astype(np.uint8), labels.astype(np.int64)

    train, validate, test = part(121), part(30), part(30)
    scale = Normaliser((-70.0,) * 32, (0.0,) * 32, 31)
    return Features(np.stack([train[0]] * 2), train[1], Labelled(*validate), Labelled(*test), scale)


def rare(data, kept=6):
    """The same training part with few samples of the last class."""
    chosen = np.concatenate([np.flatnonzero(data.train_labels < 2), np.flatnonzero(data.train_labels == 2)[:kept]])
    return replace(data, pool=data.pool[:, chosen], train_labels=data.train_labels[chosen])


def weights(path):
    return {name: tensor.numpy() for name, tensor in read_checkpoint(path)["weights"].items()}


def assert_same_weights(one, other):
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


class Interrupted(Exception):
    pass


def stop_after(epoch):
    """A listener to epochs that stands for a kill."""

    def stop(row):
        if row["epoch"] == epoch:
            raise Interrupted

    return stop
