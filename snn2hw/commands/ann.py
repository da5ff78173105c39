"""Write a trained CNN as ONNX, in floats and in 8 bit, judge both, and keep the test samples for `snn2hw energy`.

snn2hw ann fsdd --data fsdd/ --model runs/digits-cnn/model.pt -o runs/digits-cnn
snn2hw energy P.nir --input X.npz --ann runs/digits-cnn/cnn.onnx --ann-input runs/digits-cnn/ann-input.npz
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snn2hw.audio.corpus import Corpus

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.commands.train import DATASETS

    parser.add_argument("dataset", choices=DATASETS, help="as for snn2hw train")
    parser.add_argument("--data", type=Path, metavar="PATH", help="folder of the data set (fsdd, folder)")
    parser.add_argument(
        "--model", type=Path, required=True, metavar="model.pt", help="written by snn2hw train --model cnn"
    )
    parser.add_argument(
        "--calibration", type=int, default=200, metavar="N", help="training clips for the 8-bit ranges (200)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where to write")


def execute(args: argparse.Namespace) -> int:
    """Export, quantise, judge."""
    import numpy as np

    from sim.errors import InputError
    from sim.files import make_folder
    from snn2hw.ann.twin import write_twin
    from snn2hw.audio.front import images
    from snn2hw.commands.train import read_corpus
    from snn2hw.train.checkpoint import deployable, load_trained

    if args.calibration < 1:
        raise InputError(f"--calibration {args.calibration}", "ask for at least one clip")
    trained = load_trained(args.model)
    if trained.recipe.model != "cnn":
        raise InputError(f"{args.model}: is a spiking network", "train the twin: snn2hw train ... --model cnn")
    make_folder(args.output)
    corpus = read_corpus(args.dataset, args.data, trained.front.mel.rate_hz)
    speaker = trained.recipe.test_speaker
    test, train = _part(corpus, speaker, test=True), _part(corpus, speaker, test=False)
    chosen = train[np.linspace(0, len(train) - 1, min(args.calibration, len(train))).round().astype(np.int64)]
    seen = {
        name: images(trained.front, [corpus.samples[i] for i in part])
        for name, part in (("test", test), ("train", chosen))
    }
    twin = write_twin(deployable(trained), seen["test"], corpus.labels[test], seen["train"], args.output)
    print(f"accuracy on {len(test)} clips: floats {twin.accuracy:.2%}, 8 bit {twin.accuracy_int8:.2%}")
    for path in (twin.onnx, twin.int8, twin.samples):
        print(f"wrote {path}")
    return 0


def _part(corpus: "Corpus", speaker: str, *, test: bool) -> "NDArray[np.int64]":
    """Return the clips of one part as the network was trained: a left-out speaker is the test part."""
    import numpy as np

    from sim.errors import InputError

    marks = [own == speaker for own in corpus.speakers] if speaker else [own == "test" for own in corpus.parts]
    found = np.flatnonzero(np.array(marks) == test)
    if not found.size:
        raise InputError(
            f"{corpus.name}: no clip in the {'test' if test else 'training'} part", "use the data it was trained on"
        )
    return found
