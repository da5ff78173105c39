"""A run in a folder from its last checkpoint to its last epoch, which is the one that is kept."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from snn2hw.train.checkpoint import SCHEMA, read_checkpoint
from snn2hw.train.loop import Training, train
from snn2hw.train.recipe import Recipe, recipe_to
from snn2hw.train.run_state import RunFiles, RunState

__all__ = ["trained_to_the_end"]


def trained_to_the_end(
    training: Training,
    recipe: Recipe,
    folder: Path,
    more_epochs: int,
    on_epoch: Callable[[Mapping[str, Any]], object] | None,
    names: Sequence[str] = (),
) -> tuple[nn.Module, RunState]:
    """Train in ``folder``, and return the model with the weights of the last epoch: nothing chooses among epochs.

    ``names`` of classes are no part of a recipe, since of the same sounds another label may be asked for: a run with
    others is refused.
    """
    files = RunFiles(
        state=folder / "last.pt",
        journal=folder / "log.jsonl",
        identity={"schema": SCHEMA, "recipe": recipe_to(recipe)} | ({"classes": list(names)} if names else {}),
        read=read_checkpoint,
        apart="is a run with",
    )
    state = train(training, recipe, files, more_epochs=more_epochs, on_epoch=on_epoch)
    assert state.best_weights is not None
    training.model.load_state_dict(state.best_weights)
    return training.model.eval(), state
