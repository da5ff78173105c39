"""Draw what a network looks at: its spectrogram, and how much each band of each frame speaks for a class.

snn2hw relevance runs/keywords/model.pt yes.wav -o yes.png
snn2hw relevance runs/twin/model.pt yes.wav --label no --method integrated -o yes-for-no.png
snn2hw relevance runs/digits/model.pt seven.wav -o seven.png

MODEL is the model.pt of `snn2hw train` in its folder, of a stream or of a network of images. What is drawn is what is
classified: of a stream the loudest stretch, as long as the samples it was trained on, and silence behind a shorter
sound. The derivative of spikes is the surrogate's; integrated gradients are captum's, for networks of ReLUs.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from snn2hw.train.looks import Look

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.commands.options import default_of

    parser.add_argument("model", type=Path, metavar="MODEL", help="model.pt of a run, or the last.pt of a stream")
    parser.add_argument("sound", type=Path, metavar="FILE.wav", help="what it hears (a picture, where it learnt those)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="X.png", help="the picture")
    parser.add_argument("--label", metavar="CLASS", help="whose answer is looked at; not given, the one that is heard")
    usual = default_of(draw_relevance, "method")
    parser.add_argument(
        "--method", choices=("gradient", "integrated"), default=usual, help=f"times the input (default: {usual})"
    )


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Hear the sound, differentiate, draw."""
    heard, looked = draw_relevance(args.model, args.sound, args.output, label=args.label or "", method=args.method)
    reply.fact(heard=heard, looked_at=looked)
    reply.line(f"heard {heard}")
    reply.wrote(args.output, f": what speaks for {looked}")
    return 0


def draw_relevance(
    model: Path, sound: Path, output: Path, *, label: str = "", method: str = "gradient"
) -> tuple[str, str]:
    """Draw, and return the class that was heard and the one that was looked at."""
    from sim.files import check_output
    from snn2hw.train.looks import look

    check_output(output)
    seen = look(model, sound, label, method)
    _draw(output, seen, f"{sound.name}, {seen.looked_at}")
    return seen.heard, seen.looked_at


def _draw(path: Path, seen: "Look", title: str) -> None:
    import numpy as np

    from snn2hw.drawing import new_figure, save_figure

    most = float(np.abs(seen.found).max()) or 1.0
    figure, (above, below) = new_figure(7.0, 5.0, rows=2)
    frames, bands = seen.shown.shape
    extent = (seen.start, seen.start + frames * seen.step, 0.0, bands)
    place: dict[str, Any] = {"aspect": "auto", "origin": "lower", "extent": extent}
    above.imshow(seen.shown.T, **place)
    above.set(ylabel=seen.across, title=f"{title}: {seen.shows}, and what speaks for it (red) or against it")
    below.imshow(seen.found.T, cmap="RdBu_r", vmin=-most, vmax=most, **place)
    below.set(xlabel=seen.along, ylabel=seen.across)
    save_figure(figure, path)
