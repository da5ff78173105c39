"""Write a trained CNN as ONNX, in floats and in 8 bit, judge both, and keep the test samples for `snn2hw energy`.

snn2hw ann fsdd --data fsdd/ --model runs/digits-cnn/model.pt -o runs/digits-cnn
snn2hw energy P.nir --input X.npz --ann runs/digits-cnn/cnn.onnx --ann-input runs/digits-cnn/ann-input.npz
snn2hw ann fsdd --data fsdd/ --model runs/digits-cnn/model.pt --weight-bits mixed --budget 0.01 -o runs/digits-cnn

Weights of fewer bits go into cnn.lean.onnx, and `snn2hw energy` prices them as narrow as they are there. mixed: as in
`snn2hw compile`, the fewest per layer while right answers on the validation clips fall by at most --budget.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.compile import weight_bits_option
from snn2hw.commands.options import at_least, corpus_named, corpus_options, option
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from snn2hw.ann.twin import Twin
    from snn2hw.audio.corpus import Corpus

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.ann.narrow import fewest_ann_bits

    corpus_options(parser)
    parser.add_argument(
        "--model", type=Path, required=True, metavar="model.pt", help="written by snn2hw train --model cnn"
    )
    clips = "training clips for the 8-bit ranges (default: 200)"
    parser.add_argument("--calibration", type=int, metavar="N", help=clips)
    widths = "of cnn.lean.onnx: 2..7; ternary; mixed: the fewest per layer (none is written)"
    parser.add_argument("--weight-bits", type=weight_bits_option, metavar="N", help=widths)
    option(parser, "--budget", fewest_ann_bits, "of right answers that mixed bits may cost", metavar="SHARE")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where to write")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Export, quantise, judge."""
    at_least(1, "--calibration", args.calibration)
    from sim.errors import InputError
    from sim.files import check_folder
    from snn2hw.train.deployed import CALIBRATION, twin_checkpoint, write_deployed_twin

    check_folder(args.output)
    if isinstance(args.weight_bits, int) and not 2 <= args.weight_bits <= 7:
        raise InputError(f"--weight-bits {args.weight_bits}: cnn.int8.onnx has 8", "give 2..7, ternary or mixed")
    front = twin_checkpoint(args.model).front
    corpus = corpus_named(args, front.mel.rate_hz)
    twin, clips = write_deployed_twin(args.model, corpus, args.output, args.calibration or CALIBRATION)
    reply.fact(clips=clips, accuracy=twin.accuracy, accuracy_int8=twin.accuracy_int8)
    reply.line(f"accuracy on {clips} clips: floats {twin.accuracy:.2%}, 8 bit {twin.accuracy_int8:.2%}")
    written = [twin.onnx, twin.int8, twin.samples]
    if args.weight_bits is not None:
        written.append(_lean(twin, corpus, args, reply))
    for path in written:
        reply.wrote(path)
    return 0


def _lean(twin: "Twin", corpus: "Corpus", args: argparse.Namespace, reply: Reply) -> Path:
    """Write the network with weights of fewer bits, and judge it on the samples that judged the others."""
    from snn2hw.ann.narrow import fewest_ann_bits, write_narrow
    from snn2hw.ann.runtime import accuracy
    from snn2hw.files.samples import read_samples
    from snn2hw.train.deployed import held_out

    path: Path = args.output / "cnn.lean.onnx"
    bits: dict[str, Any]
    if args.weight_bits == "mixed":
        seen, labels = held_out(args.model, corpus)
        told = {"budget": args.budget, "on_trial": lambda trial: reply.line(f"  {trial}")}
        bits = fewest_ann_bits(twin.int8, path, seen, labels, **told).bits
    else:
        bits = write_narrow(twin.int8, path, args.weight_bits)
    samples, wanted = read_samples(twin.samples, "the test samples", None)
    assert wanted is not None
    share = accuracy(path, samples, wanted)
    reply.fact(bits=bits, accuracy_lean=share)
    reply.line(f"bits: {', '.join(f'{name} {width}' for name, width in bits.items())}; accuracy {share:.2%}")
    return path
