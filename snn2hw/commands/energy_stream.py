"""What `snn2hw energy --stream` does: a sound heard, and a second of it priced on both sides."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["listen"]


def listen(args: argparse.Namespace, tables: Sequence[str], samples: "NDArray[Any] | None", reply: Reply) -> int:
    """Hear, count, price, print."""
    from exporters.program_file import read_program_file
    from snn2hw.audio.clip import sound_pieces
    from snn2hw.audio.hear import ear_of
    from snn2hw.chips.target import get_target
    from snn2hw.costs.listening.frames import frames_of_sound
    from snn2hw.costs.listening.listen import AnnFile, listening
    from snn2hw.denoise.stream import ATTACHMENT, hearing_of

    target = get_target("loihi1" if args.target is None else args.target)
    found = read_program_file(args.program)
    denoises = ATTACHMENT in found.attachments
    front = hearing_of(found, args.program).front if denoises else ear_of(found, args.program).front
    frames = frames_of_sound(sound_pieces(Path(args.stream), front.spectra.rate_hz), front)
    ann = None if args.ann is None else AnnFile(args.ann, args.hop, samples)
    latency_s = front.spectra.window / front.spectra.rate_hz if denoises else None
    cost = listening(
        found.program, frames, target=target, ann=ann, active=args.active, latency_s=latency_s, tables=tables
    )
    reply.found(cost, args.output)
    return 0
