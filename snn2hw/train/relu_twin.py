"""The network of ReLUs in a checkpoint, to be converted: of images, or the twin of a published pair."""

from pathlib import Path

from torch import Tensor, nn

from sim.errors import InputError, UnsupportedError
from snn2hw.train.checkpoint import deployable, load_trained, read_checkpoint
from snn2hw.train.pair_program import pair_levels
from snn2hw.train.run_model import RunModel, read_run_model

__all__ = ["relu_twin"]


class _OfIntegers(nn.Module):
    """A network that takes integers and computes with them over ``levels``, as it was trained."""

    def __init__(self, network: nn.Module, levels: int) -> None:
        super().__init__()
        self.network, self.levels = network, levels

    def forward(self, x: Tensor) -> Tensor:
        """Answer."""
        answers: Tensor = self.network(x / self.levels)
        return answers


def relu_twin(path: Path) -> tuple[nn.Module, tuple[int, ...]]:
    """Return a network of ReLUs that reads integers, and the shape of a sample; what cannot be converted is refused."""
    if "kind" in read_checkpoint(path):
        return _of_run(read_run_model(path), str(path))
    trained = load_trained(path)
    if trained.recipe.model != "cnn":
        raise _spikes(str(path))
    return deployable(trained), (1, trained.recipe.mel.bands, trained.recipe.mel.frames)


def _of_run(trained: RunModel, where: str) -> tuple[nn.Module, tuple[int, ...]]:
    model = trained.recipe.model
    if trained.kind == "published pair" and model == "ann":
        return _OfIntegers(trained.model, pair_levels(trained.recipe)).eval(), trained.shape
    if model in ("snn", "xylo"):
        raise _spikes(where)
    what = f"{where}: hears one frame after the other, and what is converted sees one sample again and again"
    fix = "train the spiking network instead: leave --model out"
    if trained.kind == "stream" and model == "ann":
        fix = f"train the spiking network from it: snn2hw train ... --stream --start {where}"
    raise UnsupportedError(what, fix)


def _spikes(where: str) -> InputError:
    return InputError(f"{where}: is a spiking network already", "use it with check and compile")
