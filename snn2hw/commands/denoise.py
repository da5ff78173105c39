"""Take the noise out of a sound: a program estimates a mask for every frame, step by step in the integer machine.

snn2hw denoise zoo:denoise noisy.wav clean.wav

Sounds of any length are read and written piece by piece. The phase stays that of the noisy sound. What is written has
the program's rate, one channel, 16 bit. With --clean it is scored before and after; PESQ and STOI by their libraries,
where those are installed.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

__all__ = ["configure", "execute"]

SHOWN = {"si_snr_db": ("SI-SNR", " dB", ".2f"), "pesq": ("PESQ", "", ".2f"), "stoi": ("STOI", "", ".3f")}
"""Each score, as it is called, its unit, and how many digits are shown."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("program", metavar="P.nir|zoo:NAME", help="a program of `snn2hw train denoise`")
    parser.add_argument("noisy", type=Path, metavar="IN.wav", help="the sound (wav, flac, ogg)")
    parser.add_argument("output", type=Path, metavar="OUT.wav", help="where to write (.wav or .flac)")
    parser.add_argument(
        "--clean", type=Path, metavar="CLEAN.wav", help="score it against the clean sound: SI-SNR, PESQ, STOI"
    )


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Read, denoise and write, a piece at a time."""
    from exporters.program_file import read_program_file
    from sim.files import check_output
    from snn2hw.audio.clip import sound_pieces
    from snn2hw.audio.written import sound_writer
    from snn2hw.denoise.stream import Denoiser, hearing_of

    check_output(args.output)
    found = read_program_file(args.program)
    hearing = hearing_of(found, args.program)
    rate_hz = hearing.front.spectra.rate_hz
    known = None if args.clean is None else _both(args.clean, args.noisy, rate_hz)
    run, count = Denoiser(found, hearing), 0
    with sound_writer(args.output, rate_hz) as write:
        for piece in sound_pieces(args.noisy, rate_hz):
            write(run.push(piece))
            count += len(piece)
        write(run.end())
    reply.fact(seconds=count / rate_hz, rate_hz=rate_hz)
    reply.wrote(args.output, f": {count / rate_hz:.2f} s at {rate_hz} Hz")
    if known is not None:
        _score(args.output, *known, rate_hz, reply)
    return 0


def _both(clean: Path, noisy: Path, rate_hz: int) -> "tuple[Samples, Samples]":
    """Return the clean and the noisy sound; two of other lengths are not of one recording."""
    from sim.errors import InputError
    from snn2hw.audio.clip import read_clip

    sounds = [read_clip(path, rate_hz).samples for path in (clean, noisy)]
    if sounds[0].size != sounds[1].size:
        what = f"{clean}: {sounds[0].size} samples, not {sounds[1].size}"
        raise InputError(what, "give the speech that is in the sound")
    return sounds[0], sounds[1]


def _score(output: Path, clean: "Samples", noisy: "Samples", rate_hz: int, reply: Reply) -> None:
    """Say every score before and after; what is not to be had is said once."""
    from snn2hw.audio.clip import read_clip
    from snn2hw.denoise.scores import judged

    said = read_clip(output, rate_hz).samples
    least = min(clean.size, said.size)  # a sound resampled in pieces may end a sample apart
    before, after = (judged(sound[:least], clean[:least], rate_hz) for sound in (noisy, said))
    missing: dict[str, list[str]] = {}
    for name, (shown, unit, form) in SHOWN.items():
        scores = before[name], after[name]
        lacking = [score for score in scores if isinstance(score, str)]
        if lacking:
            missing.setdefault(lacking[0], []).append(shown)
            continue
        was, now = (float(score) for score in scores)
        reply.fact(**{name: {"noisy": was, "denoised": now}})
        reply.line(f"{shown} {was:{form}}{unit}, then {now:{form}}{unit}: {now - was:+{form}}{unit}")
    for why, names in missing.items():
        reply.line(f"no {' and '.join(names)}: {why}")
