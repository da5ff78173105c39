"""Rounding a trained network for a Xylo chip: ours beside the two published rules, on five networks trained here.

python benchmarks/xylo_quantise.py --data FSDD     trains what is not in --nets yet

Writes benchmarks/results/xylo_quantise.{json,md}.

Spoken digits, the official test part. A network's own outputs in floats are what each rule is held against: how far the
spike counts of the outputs are from them, and what is answered. All three rules round the same weights, and their
programs run on the same engine, which is bit-exact with xylosim. The published rules are those of Rockpool 3.1
(`rockpool.transform.quantize_methods`), after their documentation, written anew here:

    global    one scale for all weights into hidden neurons, one for those into outputs: 127 over the greatest
    channel   one scale for each neuron: 127 over the greatest weight into it

A threshold is scaled as the weights of its neuron; where it leaves 15 bits, it bounds the scale. No shift is used.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, write

from sim.engines import run
from sim.files import make_folder
from sim.program import Connection, Dense, Program

RESULTS = Path(__file__).resolve().parent / "results"
Rule = Literal["global", "channel"]
RULES: tuple[Rule, ...] = ("global", "channel")
GREATEST_WEIGHT, GREATEST_THRESHOLD = 127, 32767
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Net:
    """One of the networks: its hidden layers and its seed."""

    hidden: tuple[int, ...]
    seed: int

    @property
    def name(self) -> str:
        """Return a name for a folder."""
        return f"{'-'.join(map(str, self.hidden))}-seed{self.seed}"


NETS = (Net((64,), 0), Net((64,), 1), Net((96,), 2), Net((64, 48), 3), Net((96, 64), 4))


def scales(weights: Mapping[str, Floats], theta: Mapping[str, Floats], rule: Rule, last: str) -> dict[str, Floats]:
    """Return the scale of every neuron, by population; a population's weights are (neurons, all that it hears)."""
    by_neuron = {name: np.abs(w).max(axis=1) for name, w in weights.items()}
    if rule == "global":
        hidden = max(float(most.max()) for name, most in by_neuron.items() if name != last)
        by_neuron = {
            name: np.full(len(most), float(most.max()) if name == last else hidden) for name, most in by_neuron.items()
        }
    found = {name: GREATEST_WEIGHT / np.where(most > 0, most, 1.0) for name, most in by_neuron.items()}
    bound = {name: np.minimum(scale, GREATEST_THRESHOLD / theta[name]) for name, scale in found.items()}
    if rule == "global":
        low = min(float(scale.min()) for name, scale in bound.items() if name != last)
        bound = {n: np.full(len(s), float(s.min()) if n == last else low) for n, s in bound.items()}
    return bound


def published(compiled: Program, weights: Mapping[str, Floats], rule: Rule) -> Program:
    """Return our program with weights and thresholds as the rule rounds them; all real thresholds are 1."""
    last = compiled.output.name
    theta = {name: np.ones(len(w)) for name, w in weights.items()}
    scale = scales(weights, theta, rule, last)
    made = []
    for p in compiled.populations:
        whole = np.rint(weights[p.name] * scale[p.name][:, None]).astype(np.int16)
        heard = tuple(Connection(c.source, Dense(whole), 0, c.lag) for c in p.inputs)
        registers = dict(p.registers) | {"theta": np.rint(scale[p.name]).astype(np.int32)}
        made.append(replace(p, inputs=heard, registers=registers))
    return Program(compiled.input, tuple(made), "xylo")


def judge(program: Program, raster: NDArray[np.integer], floats: NDArray[np.floating], labels: Any, code: Any) -> Any:
    """Return how far the counts of outputs are from the float network's, and how often each is right."""
    trace = run(program, raster, engine="fast", record=())
    counts = trace.output.sum(axis=1, dtype=np.int64)
    clips = sum(int(c.sum()) for c in trace.counts.clips.values())
    wanted = floats.sum(axis=1)
    answers, own = (values @ code.T for values in (counts, wanted))
    return {
        "accuracy": float((answers.argmax(1) == labels).mean()),
        "float accuracy": float((own.argmax(1) == labels).mean()),
        "same answer": float((answers.argmax(1) == own.argmax(1)).mean()),
        "counts off": float(np.abs(counts - wanted).sum() / wanted.sum()),
        "clips": clips,
    }


def compete(net: Net, data: Path, nets: Path, epochs: int) -> dict[str, Any]:
    """Train the network, or read it, and return what each way of rounding makes of it."""
    import torch

    from snn2hw.audio.corpora import read_corpus
    from snn2hw.models.xylo import XyloLayout
    from snn2hw.train.stream_data import centred, spoken, stream_recipe_for, stream_split
    from snn2hw.train.stream_fit import fit_stream, plain_messages
    from snn2hw.train.stream_program import compiled_stream, rasters_of
    from snn2hw.train.xylo_net import folded_weights

    torch.set_num_threads(1)
    recipe = replace(stream_recipe_for("fsdd", "xylo"), xylo=XyloLayout(net.hidden), seed=net.seed, epochs=epochs)
    corpus = read_corpus("fsdd", data, recipe.front.spectra.rate_hz)
    clips, split = spoken(corpus, recipe), stream_split(corpus, recipe)
    learnt, test = clips.part(split.train), clips.part(split.test)
    recipe = centred(recipe, learnt)
    model: Any = fit_stream(recipe, learnt, None, len(corpus.classes), make_folder(nets / net.name))[0]
    compiled = compiled_stream(model, recipe, learnt).program
    messages = plain_messages(test, recipe)
    step = recipe.front.step_db / recipe.unit_db
    with torch.no_grad():
        floats = model.outputs(torch.from_numpy((messages * step).astype(np.float32))).numpy()
    weights = dict(zip((p.name for p in compiled.populations), folded_weights(model, step), strict=True))
    programs: dict[str, Program] = {"ours": compiled}
    for rule in RULES:
        programs[rule] = published(compiled, weights, rule)
    code = model.code.numpy()
    return {
        "network": f"16-{'-'.join(map(str, net.hidden))}-8, seed {net.seed}",
        "clips": len(test.labels),
        "rules": {name: judge(p, rasters_of(messages), floats, test.labels, code) for name, p in programs.items()},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the results as a table in Markdown."""
    head = ["network", "float", *(f"{name}: right" for name in rows[0]["rules"])]
    head += [f"{name}: counts off" for name in rows[0]["rules"]]
    cells = []
    for row in rows:
        rules = row["rules"]
        line = [row["network"], f"{100 * rules['ours']['float accuracy']:.1f} %"]
        line += [f"{100 * said['accuracy']:.1f} %" for said in rules.values()]
        cells.append(line + [f"{100 * said['counts off']:.1f} %" for said in rules.values()])
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *cells)) + "\n"


def main() -> int:
    """Train, round, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the Free Spoken Digit Dataset")
    parser.add_argument("--nets", type=Path, default=Path("out/xylo_nets"), help="where networks are trained and kept")
    parser.add_argument("--epochs", type=int, default=10, help="of each training (default: 10)")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder (default: benchmarks/results)")
    arguments = parser.parse_args()
    rows = []
    for net in NETS:
        rows.append(compete(net, arguments.data, arguments.nets, arguments.epochs))
        print(table(rows[-1:]), flush=True)
    folder, text = make_folder(arguments.output), table(rows)
    write(folder / "xylo_quantise.json", json.dumps({"epochs": arguments.epochs, "rows": rows}, indent=1) + "\n")
    write(folder / "xylo_quantise.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(ended(main))
