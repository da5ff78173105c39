"""Checkpoints: written whole or not at all, read without unpickling anything but tensors and plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sim.border import bordered
from sim.errors import FileError, InputError
from snn2hw.audio.front import FrontEnd, from_json
from snn2hw.files.tensor_file import read_tensors, write_tensors
from snn2hw.models.cnn import cnn
from snn2hw.models.fold import folded
from snn2hw.models.layout import weight_shapes
from snn2hw.models.scnn import scnn
from snn2hw.sources.named_module import made_module, refuse_unnamed
from snn2hw.train.network_recipe import NetworkRecipe, input_scale, recipe_from
from snn2hw.train.on_grid import off_grid, put_on_grid, settle_grids

__all__ = [
    "SCHEMA",
    "Trained",
    "build",
    "deployable",
    "kept_weights",
    "load_trained",
    "load_weights",
    "read_checkpoint",
    "trained_in",
    "write_checkpoint",
]

SCHEMA = "snn2hw.checkpoint/1"

STATE = "use the model.pt beside it; where there is none, give `snn2hw train` once more as it was: it ends with one"
"""What to do with the last.pt of a run, finished or not."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, how it was trained, what comes before and after it, and how well it does."""

    model: nn.Module
    recipe: NetworkRecipe
    front: FrontEnd
    accuracy: dict[str, float]
    task: str | None = None
    """What it was trained on, in words; files of before do not say."""


def build(recipe: NetworkRecipe, classes: int) -> nn.Module:
    """Return the untrained network of a recipe; the function that makes one of the user's own is called for it."""
    side = recipe.mel.bands
    if side != recipe.mel.frames:
        raise InputError(f"images of {side} bands and {recipe.mel.frames} frames", "make them square")
    if recipe.own:
        return made_module(recipe.model, classes, (1, side, side))
    made = (scnn if recipe.spiking else cnn)(recipe.layout, side, classes)
    return made if recipe.weight_bits is None else put_on_grid(made, recipe.weight_bits)


def write_checkpoint(path: Path, values: dict[str, Any]) -> None:
    """Write tensors and plain values atomically."""
    write_tensors(path, {"schema": SCHEMA} | values)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; a damaged file and one with anything but tensors and plain values in it are refused."""
    values = read_tensors(path, "checkpoint", "give one written by `snn2hw train`")
    if not isinstance(values.get("schema"), str) or values["schema"] != SCHEMA:
        raise FileError(f"{path}: not a checkpoint of this version ({SCHEMA!r})", "train the model again")
    return values


@bordered("not a checkpoint of this version", "train the model again")
def load_trained(path: Path) -> Trained:
    """Return the finished network of a run (its ``model.pt``).

    One of the user's own needs its function, which is called where the user named it (`named_module`).
    """
    return trained_in(read_checkpoint(path), path)


def trained_in(values: Mapping[str, Any], path: Path) -> Trained:
    """Return the finished network of images that a checkpoint holds; ``path`` is the file an error names."""
    if "kind" in values:
        what = f"{path}: is the network of a {values['kind']}, and this reads networks of images"
        raise FileError(what, "give the model.pt of `snn2hw train` with --model scnn, cnn or a module of your own")
    if "accuracy" not in values:
        raise FileError(f"{path}: is the state of a run, not its network", STATE)
    missing = [name for name in ("recipe", "front", "weights") if name not in values]
    if missing:
        raise FileError(f"{path}: not a checkpoint of a network (no {', '.join(missing)})", "train the model again")
    recipe = recipe_from(values["recipe"], str(path))
    if recipe.own:
        refuse_unnamed(recipe.model, str(path))
    front = from_json(values["front"], str(path))
    _refuse_other_sizes(values["weights"], recipe, len(front.classes), str(path))
    model = build(recipe, len(front.classes))
    load_weights(model, values["weights"], str(path))
    task = values.get("task")
    return Trained(model.eval(), recipe, front, dict(values["accuracy"]), task if isinstance(task, str) else None)


def kept_weights(values: Mapping[str, Any], where: str) -> Mapping[str, Tensor]:
    """Return the weights that a run keeps, of its model.pt or its last.pt; ``where`` is the file an error names."""
    found = values["best"].get("weights") if isinstance(values.get("best"), dict) else values.get("weights")
    if not isinstance(found, dict) or not all(isinstance(each, Tensor) for each in found.values()):
        raise FileError(f"{where}: holds no weights", "give the model.pt or last.pt of a run of `snn2hw train`")
    return found


def _refuse_other_sizes(weights: Mapping[str, Tensor], recipe: NetworkRecipe, classes: int, where: str) -> None:
    """Refuse a network that its weights do not fill, before memory is asked for it: then a file's size bounds both.

    Tensors in a file may say more values than it holds, by repeating them.
    """
    found = tuple(tuple(tensor.shape) for tensor in weights.values() if tensor.dim() > 1)
    # what a module of one's own holds, only its function knows
    wanted = found if recipe.own else weight_shapes(recipe.layout, recipe.mel.bands, classes)
    stored = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in weights.values()}
    said, held = sum(t.numel() * t.element_size() for t in weights.values()), sum(stored.values())
    if found != wanted or said > held:
        sizes = ", ".join("x".join(map(str, shape)) for shape in wanted)
        what = f"{where}: weights of another network: its recipe wants {sizes}, and the file holds {held:,} bytes"
        raise FileError(what, "use a checkpoint of the same model, size and synapse")


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Fill the network; ``where`` is the file an error names."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        what = f"{where}: weights of another network ({' '.join(str(error).split())[:200]})"
        raise FileError(what, "use a checkpoint of the same model, size and synapse") from None
    settle_grids(model)


def deployable(trained: Trained) -> nn.Module:
    """Return the network as a chip gets it: weights on their grid, normalisation folded, input in integers."""
    if trained.recipe.own:
        what = f"{trained.recipe.model}: is no sequence of modules to be folded"
        raise InputError(what, "read it with snn2hw.train.deployed.deployed_source")
    return folded(off_grid(trained.model), input_scale(trained.recipe))
