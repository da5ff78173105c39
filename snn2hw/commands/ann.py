"""Write a trained CNN as ONNX, in floats and in 8 bit, judge both, and keep the test samples for `snn2hw energy`.

snn2hw ann fsdd --data fsdd/ --model runs/digits-cnn/model.pt -o runs/digits-cnn
snn2hw energy P.nir --input X.npz --ann runs/digits-cnn/cnn.onnx --ann-input runs/digits-cnn/ann-input.npz
"""

import argparse
from pathlib import Path

from snn2hw.commands.options import at_least, corpus_named, corpus_options
from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    corpus_options(parser)
    parser.add_argument(
        "--model", type=Path, required=True, metavar="model.pt", help="written by snn2hw train --model cnn"
    )
    clips = "training clips for the 8-bit ranges (default: 200)"
    parser.add_argument("--calibration", type=int, metavar="N", help=clips)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where to write")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Export, quantise, judge."""
    at_least(1, "--calibration", args.calibration)
    from sim.files import check_folder
    from snn2hw.train.deployed import CALIBRATION, twin_checkpoint, write_deployed_twin

    check_folder(args.output)
    front = twin_checkpoint(args.model).front
    corpus = corpus_named(args, front.mel.rate_hz)
    twin, clips = write_deployed_twin(args.model, corpus, args.output, args.calibration or CALIBRATION)
    reply.fact(clips=clips, accuracy=twin.accuracy, accuracy_int8=twin.accuracy_int8)
    reply.line(f"accuracy on {clips} clips: floats {twin.accuracy:.2%}, 8 bit {twin.accuracy_int8:.2%}")
    for path in (twin.onnx, twin.int8, twin.samples):
        reply.wrote(path)
    return 0
