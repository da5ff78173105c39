"""Turn sounds into the raster a trained network is fed, for run, verify and energy.

snn2hw encode fsdd --data fsdd/ --front runs/digits/front.json -o test.npz               the official test part
snn2hw encode folder --data words/ --front runs/digits/front.json --part all -o all.npz
snn2hw encode digits --front runs/digits-en/front.json --limit 32 -o few.npz

Needs no torch. front.json is written by `snn2hw train`. For `snn2hw compile --data` take clips of the training part:
--part train --limit 128.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from snn2hw.commands.options import at_least, corpus_named, corpus_options
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snn2hw.audio.corpus import Corpus

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    corpus_options(parser)
    parser.add_argument("--front", type=Path, required=True, metavar="FRONT.json", help="the model's front end")
    parser.add_argument("--part", choices=("train", "test", "all"), default="test", help="of the clips (default: test)")
    parser.add_argument("--speaker", help="only this speaker's clips (with --part all: of both parts)")
    parser.add_argument("--fold", metavar="N", help="only this fold's clips (with --part all: of both parts)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N clips, evenly over the part")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="X.npz", help="where to write")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Read, encode, write."""
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.audio.front import raster, read_front, to_json
    from snn2hw.files.rasters import write_raster
    from snn2hw.purpose import purpose_of_front

    at_least(1, "--limit", args.limit)
    front = read_front(args.front)
    check_output(args.output)
    corpus = corpus_named(args, front.mel.rate_hz)
    if corpus.classes != front.classes:
        raise InputError(
            f"{corpus.name}: classes {', '.join(corpus.classes)}, the model knows {', '.join(front.classes)}",
            "encode the data set the model was trained for",
        )
    chosen = _chosen(corpus, args)
    spikes = raster(front, [corpus.samples[i] for i in chosen])
    identity = purpose_of_front(to_json(front)).identity
    labels = corpus.labels[chosen]
    write_raster(args.output, spikes, labels, front.decoder, front=identity, classes=front.classes)
    shape = " x ".join(str(n) for n in spikes.shape[2:])
    reply.fact(corpus=corpus.name, clips=len(chosen), steps=front.encoder.steps, shape=list(spikes.shape[2:]))
    fed = f"{front.encoder.steps} steps of {shape}, {front.encoder.kind} input"
    reply.wrote(args.output, f": {len(chosen)} clips, {fed}")
    return 0


def _chosen(corpus: "Corpus", args: argparse.Namespace) -> "NDArray[np.int64]":
    import numpy as np

    from sim.errors import InputError
    from snn2hw.audio.corpus import leave_fold_out, leave_out

    wanted = np.array([args.part in ("all", own) for own in corpus.parts])
    for name, left_out in (("speaker", leave_out), ("fold", leave_fold_out)):
        if (only := getattr(args, name)) is not None:
            wanted[left_out(corpus, only).train] = False
    chosen = np.flatnonzero(wanted)
    if not chosen.size:
        whose = "".join(f", {name} {only}" for name in ("speaker", "fold") if (only := getattr(args, name)))
        raise InputError(f"{corpus.name}: no clip in part {args.part!r}{whose}", "choose another part, or --part all")
    if args.limit is not None and args.limit < chosen.size:
        chosen = chosen[np.linspace(0, chosen.size - 1, args.limit).round().astype(np.int64)]
    return chosen
