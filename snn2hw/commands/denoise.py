"""Take the noise out of a sound: a program estimates a mask for every frame, step by step in the integer machine.

snn2hw denoise zoo:denoise noisy.wav clean.wav

Sounds of any length are read and written piece by piece. The phase stays that of the noisy sound. What is written has
the program's rate, one channel, 16 bit.
"""

import argparse
from pathlib import Path

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("program", metavar="P.nir|zoo:NAME", help="a program of `snn2hw train denoise`")
    parser.add_argument("noisy", type=Path, metavar="IN.wav", help="the sound (wav, flac, ogg)")
    parser.add_argument("output", type=Path, metavar="OUT.wav", help="where to write (.wav or .flac)")
    parser.add_argument("--clean", type=Path, metavar="CLEAN.wav", help="score it against the clean sound: SI-SNR")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Read, denoise and write, a piece at a time."""
    from exporters.program_file import read_program_file
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.audio.clip import sound_pieces
    from snn2hw.audio.written import sound_writer
    from snn2hw.denoise.stream import Denoiser, hearing_of

    check_output(args.output)
    found = read_program_file(args.program)
    hearing = hearing_of(found, args.program)
    rate_hz = hearing.front.spectra.rate_hz
    run, count = Denoiser(found, hearing), 0
    with sound_writer(args.output, rate_hz) as write:
        for piece in sound_pieces(args.noisy, rate_hz):
            write(run.push(piece))
            count += len(piece)
        write(run.end())
    reply.fact(seconds=count / rate_hz, rate_hz=rate_hz)
    reply.wrote(args.output, f": {count / rate_hz:.2f} s at {rate_hz} Hz")
    if args.clean is not None:
        from snn2hw.audio.clip import read_clip
        from snn2hw.denoise.scores import si_snr

        clean, noisy, said = (read_clip(path, rate_hz).samples for path in (args.clean, args.noisy, args.output))
        if len({clean.size, noisy.size, said.size}) > 1:
            raise InputError(
                f"{args.clean}: {clean.size} samples, not {noisy.size}", "give the speech that is in the sound"
            )
        before, after = si_snr(noisy, clean), si_snr(said, clean)
        reply.fact(si_snr_db={"noisy": before, "denoised": after})
        reply.line(f"SI-SNR {before:.2f} dB, then {after:.2f} dB: {after - before:+.2f} dB")
    return 0
