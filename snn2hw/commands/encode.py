"""Turn sounds into the raster a trained network is fed, for run, verify and energy.

snn2hw encode fsdd --data fsdd/ --front runs/digits/front.json -o test.npz               the official test part
snn2hw encode folder --data words/ --front runs/digits/front.json --part all -o all.npz
snn2hw encode digits --front runs/digits-en/front.json --limit 32 -o few.npz
snn2hw encode keywords --data speech_commands/ --front zoo:keywords -o test.npz          as a program hears them
snn2hw encode fsdd --data fsdd/ --front zoo:digits --snr-db 5 -o noisy.npz               in noise

Needs no torch. front.json is written by `snn2hw train`; a program file says its own front end. For
`snn2hw compile --data` take clips of the training part: --part train --limit 128.
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

NOISE_S = 3600.0
"""More than that is refused: the samples are held in memory."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    corpus_options(parser)
    what = "the model's front end, or a program that says its own"
    parser.add_argument("--front", required=True, metavar="FRONT.json|P.nir|zoo:NAME", help=what)
    parser.add_argument("--part", choices=("train", "test", "all"), default="test", help="of the clips (default: test)")
    parser.add_argument("--speaker", help="only this speaker's clips (with --part all: of both parts)")
    parser.add_argument("--fold", metavar="N", help="only this fold's clips (with --part all: of both parts)")
    parser.add_argument("--snr-db", type=float, metavar="DB", help="mix every clip with noise, so far below it")
    what = "folder of sounds that are the noise (default: pink noise by formula)"
    parser.add_argument("--noise", type=Path, metavar="FOLDER", help=what)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the noise (default: 0)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N clips, evenly over the part")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="X.npz", help="where to write")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Read, encode, write."""
    import numpy as np

    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.audio.feeding import feeding_of
    from snn2hw.files.rasters import write_raster

    at_least(1, "--limit", args.limit)
    _refuse_noise(args)
    feeding = feeding_of(args.front)
    check_output(args.output)
    corpus = corpus_named(args, feeding.rate_hz)
    if not set(corpus.classes) <= set(feeding.classes):
        raise InputError(
            f"{corpus.name}: classes {', '.join(corpus.classes)}, the model knows {', '.join(feeding.classes)}",
            "encode the data set the model was trained for",
        )
    chosen = _chosen(corpus, args)
    spikes = feeding.raster(_clips(corpus, chosen, args, reply))
    labels = np.array([feeding.classes.index(name) for name in corpus.classes])[corpus.labels[chosen]]
    write_raster(args.output, spikes, labels, feeding.decoder, front=feeding.identity, classes=feeding.classes)
    steps, shape = spikes.shape[1], " x ".join(str(n) for n in spikes.shape[2:])
    reply.fact(corpus=corpus.name, clips=len(chosen), steps=steps, shape=list(spikes.shape[2:]))
    reply.wrote(args.output, f": {len(chosen)} clips, {steps} steps of {shape}, {feeding.kind} input")
    return 0


def _refuse_noise(args: argparse.Namespace) -> None:
    from sim.errors import InputError

    if args.snr_db is None and args.noise is not None:
        raise InputError(f"--noise {args.noise}: nothing says how loud it is", "add --snr-db DB")
    if args.snr_db is not None and not -100 <= args.snr_db <= 100:
        raise InputError(f"--snr-db {args.snr_db:g}", "give decibels from -100 to 100")
    at_least(0, "--seed", args.seed)


def _clips(
    corpus: "Corpus", chosen: "NDArray[np.int64]", args: argparse.Namespace, reply: Reply
) -> "list[NDArray[np.float32]]":
    """Return the sounds of some clips, in noise where that is asked for."""
    clips = [corpus.samples[i] for i in chosen]
    if args.snr_db is None:
        return clips
    from sim.errors import InputError
    from snn2hw.audio.folder import read_sounds
    from snn2hw.audio.noise import in_noise
    from snn2hw.commands.options import tell_notes

    if corpus.pictures:
        raise InputError(f"--snr-db {args.snr_db:g}: {corpus.name} holds pictures", "leave it out")
    sounds, notes = list["NDArray[np.float32]"](), list[str]()
    if args.noise is not None:
        sounds, notes = read_sounds(args.noise, corpus.rate_hz, NOISE_S, skip_damaged=args.skip_damaged)
    tell_notes(notes, reply)
    return in_noise(clips, args.snr_db, sounds, args.seed)


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
