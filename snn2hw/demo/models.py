"""Train the demo's two networks and write them as it reads them: NIR, ONNX, and the front end."""

import shutil
from collections.abc import Callable
from pathlib import Path

from snn2hw.demo.exhibit import FRONT, NETWORK, TWIN

__all__ = ["train_models"]

EPOCHS = 12


def train_models(folder: Path, *, say: Callable[[str], object] = print) -> Path:
    """Train on the synthesised digits; return the folder that now holds what `load_exhibit` reads."""
    import torch

    from sim.files import make_folder
    from snn2hw.audio.corpora import read_corpus
    from snn2hw.network.to_nir import write_nir
    from snn2hw.train.deployed import deployed_source, write_deployed_twin
    from snn2hw.train.fit import fit
    from snn2hw.train.network_recipe import NetworkRecipe
    from snn2hw.train.network_size import size_of
    from snn2hw.train.prepare import prepare
    from snn2hw.train.report import write_report

    corpus = read_corpus("digits")
    recipes = {"scnn": NetworkRecipe(model="scnn", epochs=EPOCHS), "cnn": NetworkRecipe(model="cnn", epochs=EPOCHS)}
    for name, recipe in recipes.items():
        home = make_folder(folder / name)
        say(f"{name}: {EPOCHS} epochs on {len(corpus)} clips")
        data = prepare(corpus, recipe)
        finished = fit(recipe, data, corpus.classes, home, device=torch.device("cpu"))
        for line in write_report(finished, recipe, data, corpus, home, size_of(recipe, len(corpus.classes))):
            say(line)
    write_deployed_twin(folder / "cnn" / "model.pt", corpus, folder / "cnn")
    write_nir(deployed_source(folder / "scnn" / "model.pt"), folder / NETWORK)
    shutil.copyfile(folder / "cnn" / "cnn.onnx", folder / TWIN)
    shutil.copyfile(folder / "scnn" / "front.json", folder / FRONT)
    return folder
