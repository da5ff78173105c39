"""What an hour of always-on listening costs where 1, 10 and 50 % of it is speech, on both sides, gated and not.

python benchmarks/listening.py zoo:keywords --data speech_commands -o benchmarks/results --page
python benchmarks/listening.py zoo:digits --corpus fsdd --data fsdd --noise speech_commands --twin twin/last.pt --page

An hour is made of the set's own recordings of noise, a minute of each at a level of -55 dB give or take 6, joined
without a click, and of the words of its test part in seconds drawn at random. The share of speech is that of the clips,
in which the word itself takes about half a second. Times are those of one process on one core, after the features.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from results import ended, into_page, write

from exporters.program_file import read_program_file
from sim.cores import cores_here
from sim.program import Program
from sim.wiring import synapse_count
from snn2hw.audio.clip import read_clip
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.hear import ear_of
from snn2hw.costs.listening.frames import Frames, frames_of_sound
from snn2hw.costs.listening.gate import EnergyGate
from snn2hw.costs.listening.listen import listening
from snn2hw.costs.listening.report import Listening
from snn2hw.zoo import located

SCHEMA = "snn2hw.benchmark.listening/1"
SHARES = (0.01, 0.1, 0.5)
TWIN_FRAMES = 9600
LEVEL_DB, SPREAD_DB, JOIN_S = -55.0, 6.0, 0.05
SHOWN = ("cmos45_int8", "cmos45_int8_memory")
Sound = NDArray[np.float32]


def main() -> int:
    arguments = _arguments()
    program_file = located(arguments.program)
    found = read_program_file(program_file)
    front = ear_of(found, arguments.program).front
    words, noises = _material(arguments, front.spectra.rate_hz)
    hours = []
    for share in SHARES:
        spoken = spoken_seconds(share, arguments.seconds)
        frames = frames_of_sound(mixture(words, noises, front.spectra.rate_hz, spoken), front)
        active = None if arguments.twin is None else active_share(Path(arguments.twin), found.program, frames)
        wall, spent = time.perf_counter(), time.process_time()
        cost = listening(found.program, frames, target=arguments.target, active=active)
        took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - spent}
        print(f"== {share:.0%} speech, {took['cpu_s']:.1f} s of one core after the features\n\n{cost}\n")
        met = _met(frames, spoken)
        hours.append(
            {
                "share": share,
                **took,
                "words_met": met,
                "active": active,
                "cost": cost.to_json(),
                "row": _rows(share, cost),
            }
        )
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    table, name = _table(hours, arguments), f"listening-{arguments.corpus}"
    for hour in hours:
        del hour["row"]
    document = {"schema": SCHEMA, "program": arguments.program, "seconds": arguments.seconds, "hours": hours}
    write(folder / f"{name}.json", json.dumps(document, indent=1) + "\n")
    write(folder / f"{name}.md", table)
    if arguments.page:
        into_page(f"listening.py {arguments.corpus}", table, Path(__file__).resolve().parents[1] / "docs" / "energy.md")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="a program that says how it listens to words")
    parser.add_argument("--corpus", default="keywords", help="whose words are said: keywords or fsdd")
    parser.add_argument("--data", required=True, help="its folder")
    parser.add_argument("--noise", help="the folder of Speech Commands, where the corpus is another one")
    parser.add_argument(
        "--twin", help="last.pt of the trained twin: how many of its activations are not zero is measured"
    )
    parser.add_argument("--target", default="loihi1", help="the chip that updates the neurons (default: loihi1)")
    parser.add_argument("--seconds", type=int, default=3600, help="of each mixture (default: 3600)")
    parser.add_argument("-o", "--output", default="benchmarks/results", help="folder of listening-CORPUS.json and .md")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/energy.md")
    return parser.parse_args()


def _material(arguments: argparse.Namespace, rate_hz: int) -> tuple[list[Sound], list[Sound]]:
    """Return the words of the test part, and the recordings of noise."""
    corpus = read_corpus(arguments.corpus, Path(arguments.data), rate_hz)
    silence = [i for i, name in enumerate(corpus.classes) if name == "_silence_"]
    spoken = [i for i, part in enumerate(corpus.parts) if part == "test" and corpus.labels[i] not in silence]
    folder = Path(arguments.data if arguments.noise is None else arguments.noise) / "_silence_"
    noises = [read_clip(path, rate_hz).samples for path in sorted(folder.glob("*.wav"))]
    return [corpus.samples[i] for i in spoken], noises


def spoken_seconds(share: float, seconds: int, seed: int = 0) -> NDArray[np.bool_]:
    """Draw the seconds in which a word is said."""
    spoken = np.zeros(seconds, dtype=bool)
    spoken[np.random.default_rng(seed).choice(seconds, round(share * seconds), replace=False)] = True
    return spoken


def mixture(
    words: list[Sound], noises: list[Sound], rate_hz: int, spoken: NDArray[np.bool_], seed: int = 0
) -> Iterator[Sound]:
    """Yield a mixture minute by minute."""
    rng, seconds = np.random.default_rng(seed), len(spoken)
    for start in range(0, seconds, 60):
        length = min(60, seconds - start)
        minute = _noise(noises[rng.integers(len(noises))], length * rate_hz, round(JOIN_S * rate_hz))
        level = LEVEL_DB + rng.uniform(-SPREAD_DB, SPREAD_DB)
        minute *= 10 ** (level / 20) / max(float(np.sqrt((minute * minute).mean())), 1e-9)
        for second in np.flatnonzero(spoken[start : start + length]):
            word = words[rng.integers(len(words))][:rate_hz]
            minute[second * rate_hz : second * rate_hz + len(word)] += word
        yield minute.astype(np.float32)


def _noise(clip: Sound, samples: int, join: int) -> NDArray[np.float64]:
    """Repeat a recording, each end faded into the next beginning with constant power."""
    ramp = np.sqrt(np.linspace(0.0, 1.0, join))
    piece = np.array(clip, np.float64)
    piece[:join] *= ramp
    piece[-join:] *= ramp[::-1]
    step = len(piece) - join
    made = np.zeros(samples + len(piece))
    for start in range(0, samples, step):
        made[start : start + len(piece)] += piece
    return made[:samples]


def active_share(checkpoint: Path, program: Program, frames: Frames) -> float:
    """Return the share of a trained twin's hidden products whose activation is not zero, over the first minutes."""
    import torch

    from snn2hw.train.relevance import read_stream

    model, recipe = read_stream(checkpoint, program.output.size)
    x = frames.messages[:TWIN_FRAMES].astype(np.float32) * np.float32(recipe.front.step_db / recipe.unit_db)
    shares: list[float] = []
    for norm in model.norms:
        norm.register_forward_hook(lambda _m, _i, y: shares.append(float((y > 0).double().mean())))
    with torch.no_grad():
        model(torch.from_numpy(x)[None])
    hidden = [p for p in program.populations if p.fires]
    products = {
        p.name: sum(
            synapse_count(c.wiring, program.shape_of(c.source), r.shape)
            for r in program.populations
            for c in r.inputs
            if c.source == p.name
        )
        for p in hidden
    }
    met = sum(share * products[p.name] for share, p in zip(shares, hidden, strict=True))
    return met / sum(products.values())


def _met(frames: Frames, spoken: NDArray[np.bool_]) -> float:
    """Return the share of words at which the gate was open for a tenth of their second or more."""
    opened, per_s = EnergyGate().opened(frames.levels), frames.rate_hz // frames.hop
    seconds = [s for s in np.flatnonzero(spoken) if s * per_s < len(opened)]
    met = [opened[s * per_s : (s + 1) * per_s].mean() >= 0.1 for s in seconds]
    return float(np.mean(met)) if met else 0.0


def _rows(share: float, cost: Listening) -> list[list[str]]:
    rows = []
    for row in cost.rows:
        if row.table not in SHOWN or row.ann is None:
            continue
        gate = f"open {cost.open_share:.0%}" if row.gated else "none"
        told = row.outcome if row.break_even is None else f"above {row.break_even:.1%} active"
        figures = [f"{row.snn:,.0f}", f"{row.ann:,.0f}"]
        told = {"wins": "yes", "loses": "no"}.get(str(told), told)
        rows.append([f"{share:.0%}", gate, row.rule, row.table, *figures, str(told)])
    return rows


def _table(hours: list[dict[str, Any]], arguments: argparse.Namespace) -> str:
    active = [hour["active"] for hour in hours]
    theirs = "all active" if active[0] is None else f"{min(active):.0%} to {max(active):.0%} active"
    head = ["speech", "gate", "rule", "table", "SNN nJ/s", f"twin nJ/s, {theirs}", "SNN wins"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for hour in hours for row in hour["row"]]
    slowest = max(hour["cpu_s"] for hour in hours)
    said = [hour["cost"]["verdict"] for hour in hours]
    for hour, told in zip(hours, said, strict=True):
        met = f"the gate was open at {hour['words_met']:.0%} of the words"
        lines += ["", f"At {hour['share']:.0%} speech, all tables: {told}; {met}."]
    lines += [
        "",
        f"`{arguments.program}`, {arguments.seconds:,} s each, target {arguments.target}: after the features at most "
        f"{slowest:.1f} s of one of {cores_here()} cores.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(ended(main))
