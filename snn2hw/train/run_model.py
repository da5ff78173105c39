"""The model.pt of a stream, a denoiser or a published pair: what its run leaves for the other commands.

A run of images leaves its own (`snn2hw.train.checkpoint`), which has a front end beside its recipe and no ``kind``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import torch
from torch import Tensor, nn

from sim.border import bordered
from sim.errors import FileError
from snn2hw.train.checkpoint import STATE, kept_weights, load_weights, read_checkpoint, write_checkpoint
from snn2hw.train.denoising.fit import denoiser
from snn2hw.train.denoising.recipe import denoise_recipe_from
from snn2hw.train.pair_fit import pair_model
from snn2hw.train.pair_recipe import pair_recipe_from
from snn2hw.train.recipe import Recipe, recipe_to
from snn2hw.train.stream_fit import stream_model
from snn2hw.train.stream_recipe import stream_recipe_from

__all__ = ["RunKind", "RunModel", "read_run_model", "write_run_model"]

RunKind = Literal["stream", "denoiser", "published pair"]

T = TypeVar("T")
AGAIN = "give `snn2hw train` once more as it was: it writes its model.pt anew"


@dataclass(frozen=True, eq=False)
class RunModel:
    """A trained network, and what it was trained for.

    Args:
        kind: what it is.
        model: the network of real numbers, to be judged.
        recipe: how it was trained.
        classes: what its answers stand for; of a denoiser there are none.
        shape: of one sample of a published pair; others know theirs by their recipe.
    """

    kind: RunKind
    model: nn.Module
    recipe: Any
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Way:
    """How a kind is read: its recipe, and the untrained network of that, of a shape and so many classes."""

    recipe: Callable[[Mapping[str, Any], str], Recipe]
    build: Callable[[Any, tuple[int, ...], int], nn.Module]


_WAYS: Mapping[RunKind, _Way] = {
    "stream": _Way(stream_recipe_from, lambda recipe, shape, classes: stream_model(recipe, classes)),
    "denoiser": _Way(denoise_recipe_from, lambda recipe, shape, classes: denoiser(recipe)),
    "published pair": _Way(pair_recipe_from, pair_model),
}


def write_run_model(trained: RunModel, folder: Path) -> None:
    """Write the network that a run has ended with into its folder, whole or not at all."""
    values = {
        "kind": trained.kind,
        "recipe": recipe_to(trained.recipe),
        "weights": {name: tensor.detach().cpu() for name, tensor in trained.model.state_dict().items()},
        "classes": list(trained.classes),
        "shape": list(trained.shape),
    }
    write_checkpoint(folder / "model.pt", values)


@bordered("not the network of a run", AGAIN)
def read_run_model(path: Path) -> RunModel:
    """Read what `write_run_model` wrote; the last.pt of a run is refused, and so are networks of images."""
    values = read_checkpoint(path)
    kind = values.get("kind")
    if kind is None and "optimizer" in values:
        raise FileError(f"{path}: is the state of a run, not its network", STATE)
    if kind not in get_args(RunKind):
        raise FileError(f"{path}: not the network of a {', a '.join(get_args(RunKind))}", AGAIN)
    classes, shape = _all_of(str, values, "classes", path), _all_of(int, values, "shape", path)
    way = _WAYS[cast("RunKind", kind)]
    recipe = way.recipe(values["recipe"], str(path))
    weights = kept_weights(values, str(path))
    with torch.device("meta"):  # no memory is asked for before the file is known to fill it
        _refuse_unlike(weights, way.build(_off_grid(recipe), shape, len(classes)).state_dict(), path)
    model = way.build(recipe, shape, len(classes))
    load_weights(model, weights, str(path))
    return RunModel(cast("RunKind", kind), model.eval(), recipe, classes, shape)


def _off_grid(recipe: Any) -> Any:
    """Return the recipe of a network with the same parameters that computes on no grid: a grid needs their values."""
    return recipe if getattr(recipe, "weight_bits", None) is None else replace(recipe, weight_bits=None)


def _all_of(kind: type[T], values: Mapping[str, Any], name: str, path: Path) -> tuple[T, ...]:
    found = values.get(name)
    if not isinstance(found, list) or not all(type(value) is kind for value in found):
        raise FileError(f"{path}: {name} {found!r:.40}", AGAIN)
    return tuple(found)


def _refuse_unlike(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights of other shapes, and tensors that say more values than the file holds by repeating them."""
    apart = [name for name in {**wanted, **weights} if _shape(wanted, name) != _shape(weights, name)]
    stored = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in weights.values()}
    said = sum(t.numel() * t.element_size() for t in weights.values())
    if apart or said > sum(stored.values()):
        named = f"{apart[0]} is {_shape(weights, apart[0])}, not {_shape(wanted, apart[0])}" if apart else "repeated"
        raise FileError(f"{path}: weights of another network ({named})", AGAIN)


def _shape(weights: Mapping[str, Tensor], name: str) -> str:
    return "x".join(map(str, weights[name].shape)) or "one number" if name in weights else "missing"
