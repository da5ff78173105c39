"""What a training will ask of memory, told before it is asked for."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.network_size import NetworkSize, size_of

__all__ = ["MemoryDemand", "demand_of", "memory_here", "refuse_clips", "refuse_too_large"]

FLOAT = 4
KEPT_PER_NEURON_STEP = 2
"""Floats kept for the backward pass: v before the reset, and the spike."""
COPIES_OF_WEIGHTS = 6
"""Weights, gradients, two moments of Adam, the best epoch, what is written."""
CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class MemoryDemand:
    """Bytes of a training by what they are for; a lower bound, since torch needs scratch memory too."""

    batch: int
    """One batch through all layers and steps."""
    weights: int
    images: int
    """Augmented images, and the test part as it is fed."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.batch + self.weights + self.images


def demand_of(
    recipe: NetworkRecipe, classes: int, clips: int = 0, tested: int = 0, size: NetworkSize | None = None
) -> MemoryDemand:
    """Return what training and testing on so many clips take at least, with a network of this size if it is known."""
    known = size or size_of(recipe, classes)
    side, steps = recipe.mel.bands, recipe.steps if recipe.spiking else 1
    fed = side**2 * (steps if recipe.encoder != "direct" and recipe.spiking else 1)
    values = steps * KEPT_PER_NEURON_STEP * known.neurons + fed
    raster = tested * recipe.steps * side**2 if recipe.spiking else 0
    return MemoryDemand(
        batch=recipe.batch * values * FLOAT,
        weights=COPIES_OF_WEIGHTS * known.weights * FLOAT,
        images=(recipe.variants + 1) * clips * side**2 + raster,
    )


def refuse_too_large(
    recipe: NetworkRecipe,
    device: str,
    *,
    classes: int = 2,
    clips: int = 0,
    tested: int = 0,
    size: NetworkSize | None = None,
    limit: int | None = None,
) -> None:
    """Refuse a recipe that takes more than there is; ``limit`` is in bytes, that of this machine unless given."""
    demand = demand_of(recipe, classes, clips, tested, size)
    here = memory_here() if limit is None else limit
    needed = demand.images if device.startswith("cuda") else demand.total  # a GPU's memory is refused by torch itself
    if needed <= here:
        return
    parts = {"one batch": demand.batch, "the weights": demand.weights, "images and test raster": demand.images}
    most = max(parts, key=lambda name: parts[name])
    what = f"this training takes at least {_figure(needed)} of memory ({most}: {_figure(parts[most])})"
    raise InputError(f"{what}, and {_figure(here)} are here", "lower steps, batch, variants, or the network's size")


def refuse_clips(clips: int, values: int, *, limit: int | None = None) -> None:
    """Refuse so many clips of so many numbers each where they take more than there is (``limit`` in bytes)."""
    needed, here = clips * values * FLOAT, memory_here() if limit is None else limit
    if needed > here:
        what = f"clips, {clips} of {values} numbers each, take at least {_figure(needed)} of memory"
        raise InputError(f"{what}, and {_figure(here)} are here", "ask for fewer --seconds")


def memory_here() -> int:
    """Return the bytes that this process may have: the machine's, or the limit that was set for it."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft)
    if CGROUP.is_file() and (said := CGROUP.read_text().strip()).isdigit():
        limits.append(int(said))
    return min(limits)


def _figure(count: int) -> str:
    """Return bytes as people say them.

    >>> _figure(38_000), _figure(691_000_000_000)
    ('38 kB', '691 GB')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
