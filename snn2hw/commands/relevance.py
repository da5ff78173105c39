"""Draw what a streaming network looks at: its spectrogram, and how much each band of each frame speaks for a class.

snn2hw relevance runs/keywords/model.pt yes.wav -o yes.png
snn2hw relevance runs/twin/model.pt yes.wav --label no --method integrated -o yes-for-no.png

MODEL is the model.pt of `snn2hw train ... --stream` in its folder (summary.json names the classes). The derivative of
spikes is the surrogate's; integrated gradients are captum's, for networks of ReLUs.
"""

import argparse
from pathlib import Path
from typing import Any

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.commands.options import default_of

    parser.add_argument("model", type=Path, metavar="MODEL", help="model.pt of a run, or its last.pt")
    parser.add_argument("sound", type=Path, metavar="FILE.wav", help="what it hears")
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
    from sim.cures import one_of
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.audio.clip import read_clip
    from snn2hw.audio.mel_stream import heard as messages_of
    from snn2hw.train.relevance import read_stream, relevance
    from snn2hw.train.stream_fit import answers_to
    from snn2hw.train.summary import classes_in

    check_output(output)
    classes = classes_in(model.parent)
    if label and label not in classes:
        raise InputError(f"--label {label}: no class of {model}", f"choose {one_of(label, classes)}")
    network, recipe = read_stream(model, len(classes))
    messages = messages_of(read_clip(sound, recipe.front.spectra.rate_hz).samples, recipe.front)[: recipe.frames]
    best = int(answers_to(network, recipe, messages[None])[0].argmax())
    chosen = classes.index(label) if label else best
    found = relevance(network, recipe, messages, chosen, method)
    title = f"{sound.name}, {classes[chosen]}"
    _draw(output, messages * recipe.front.step_db, found, recipe.front.spectra.step_s, title)
    return classes[best], classes[chosen]


def _draw(path: Path, loud: Any, found: Any, step_s: float, title: str) -> None:
    import numpy as np

    from snn2hw.drawing import new_figure, save_figure

    most = float(np.abs(found).max()) or 1.0
    figure, (above, below) = new_figure(7.0, 5.0, rows=2)
    place = {"aspect": "auto", "origin": "lower", "extent": (0.0, len(loud) * step_s, 0.0, loud.shape[1])}
    above.imshow(loud.T, **place)
    above.set(ylabel="band", title=f"{title}: dB over the mean, and what speaks for it (red) or against it")
    below.imshow(found.T, cmap="RdBu_r", vmin=-most, vmax=most, **place)
    below.set(xlabel="s", ylabel="band")
    save_figure(figure, path)
