"""Networks that others published, each with its twin, trained once on spoken digits: the tables of docs/training.md.

python benchmarks/pairs.py --data FSDD --runs FOLDER [--page]
python benchmarks/pairs.py --page                        only the tables, of the runs in pairs.json

M5, Piczak, HJH and TCY at widths that two cores train in minutes: the spiking network against its twin, over numbers of
steps, with decays as they are and learnt; from random weights; and from the twin: converted (`snn2hw convert`), its
weights as they are, and trained further. The official parts of FSDD, seed 0, one run each, settings set once. A run
that is in FOLDER already is not repeated. Writes benchmarks/results/pairs.{json,md} after every run.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, into_page, write
from tabulate import tabulate

from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import Corpus, official
from snn2hw.codec.share import Share
from snn2hw.conversion import convert, read_ann
from snn2hw.conversion.judge import judge
from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.pair_fit import fit_pair, pair_answers, pair_clips, pair_model, taken_over
from snn2hw.train.pair_recipe import PairRecipe
from snn2hw.train.pairs import DECAY
from snn2hw.train.processor import compute_with

RESULTS = Path(__file__).resolve().parent / "results"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "training.md"
WIDTHS = {"tcy": 1.0, "hjh": 1.0, "piczak": 1 / 4, "m5": 1 / 16}
OVER_STEPS = ("m5", "tcy")
"""Networks that are trained at every number of steps."""
STEPS = (1, 2, 4, 8)
USUAL_STEPS, FAR = 4, 32
"""Steps of the other networks, and of a conversion that is given time."""
FURTHER = {"epochs": 8, "rate": 1e-3}
"""How a network is trained that began with its twin's weights."""
EPOCHS = 32
BALANCED_ON = 256
"""Training clips that a conversion sets its thresholds by."""


def main() -> int:
    given = _arguments()
    compute_with(1)
    path = RESULTS / "pairs.json"
    found: dict[str, Any] = {"schema": "snn2hw.benchmark.pairs/1", "epochs": EPOCHS, "further": FURTHER, "runs": {}}
    if path.is_file():
        found["runs"] = json.loads(path.read_text())["runs"]
    corpus = read_corpus("fsdd", given.data, 8000) if given.data and given.runs else None
    for name, recipe, start in _plan() if corpus else []:
        if name in found["runs"]:
            continue
        if start and not (given.runs / start / "last.pt").is_file():
            _run(corpus, _twin(recipe.network), given.runs, start, "")  # its figures are known, its weights are gone
        found["runs"][name] = _run(corpus, recipe, given.runs, name, start)
        print(name, found["runs"][name], flush=True)
        write(path, json.dumps(found, indent=1) + "\n")
    text = tables(found["runs"])
    write(RESULTS / "pairs.md", text)
    if given.page:
        into_page("pairs.py", text, PAGE)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the FSDD folder")
    parser.add_argument("--runs", type=Path, help="where runs are kept")
    parser.add_argument("--page", action="store_true", help="put the tables into docs/training.md")
    return parser.parse_args()


def _plan() -> list[tuple[str, PairRecipe, str]]:
    """Return all runs, name, recipe, and the run it begins with: one of every kind first, then over steps."""
    runs, over_steps = [], []
    for network, width in WIDTHS.items():
        usual: dict[str, Any] = {"network": network, "width": width, "epochs": EPOCHS}
        twin = f"{network}-twin"
        runs.append((twin, _twin(network), ""))
        for steps in STEPS if network in OVER_STEPS else (USUAL_STEPS,):
            into = runs if steps == USUAL_STEPS else over_steps
            for learnt in (False, True):
                name = f"{network}-{steps}{'-learnt' if learnt else ''}"
                into.append((name, PairRecipe(**usual, steps=steps, learnt=learnt), ""))
        more = PairRecipe(**{**usual, **FURTHER}, steps=USUAL_STEPS, start="twin")
        runs.append((f"{network}-{USUAL_STEPS}-from-twin", more, twin))
    return [*runs, *over_steps]


def _twin(network: str) -> PairRecipe:
    return PairRecipe(network=network, width=WIDTHS[network], epochs=EPOCHS, model="ann", steps=1)


def _run(corpus: Corpus, recipe: PairRecipe, runs: Path, name: str, start: str) -> dict[str, Any]:
    """Train one network, or take it up, and judge it on the test part; with a start, judge it before training too."""
    split, classes = official(corpus), len(corpus.classes)
    inputs, labels = pair_clips(corpus, recipe)
    test = inputs[split.test], labels[split.test]
    begun = taken_over(runs / start / "last.pt", recipe, inputs.shape[1:], classes) if start else None
    facts: dict[str, Any] = {}
    if begun is not None:
        facts |= _converted(recipe.network, begun, (inputs[split.train][:BALANCED_ON], *test), classes)
        for steps in (recipe.steps, FAR):
            asis = PairRecipe(network=recipe.network, width=recipe.width, steps=steps)
            model = pair_model(asis, inputs.shape[1:], classes)
            model.load_state_dict(begun)
            facts[f"as_it_is_{steps}"] = _right(model, asis, test)
    learnt = inputs[split.train], labels[split.train]
    model, state = fit_pair(recipe, learnt, None, classes, runs / name, start=begun)
    seconds = sum(row["seconds"] for row in state.rows)
    facts |= {"test": _right(model, recipe, test), "seconds": round(seconds, 1)}
    decays = [round(m.decay, 3) for m in model.modules() if isinstance(m, LearntLeak)]
    return facts | ({"decays": decays} if decays else {})


def _converted(network: str, weights: Any, clips: Any, classes: int) -> dict[str, Any]:
    """Return how often the twin is right when it was converted, over as many steps as the others and given time."""
    seen, tested, labels = clips
    twin = pair_model(_twin(network), seen.shape[1:], classes)
    twin.load_state_dict(weights)
    judged = judge(convert(read_ann(twin.eval(), seen.shape[1:]), seen), tested, labels, FAR)
    return {f"converted_{n}": {"accuracy": judged.accuracy(n), "clips": len(labels)} for n in (USUAL_STEPS, FAR)}


def _right(model: Any, recipe: PairRecipe, test: Any) -> dict[str, Any]:
    found = pair_answers(model, recipe, test[0]).argmax(1)
    return Share(int((found == test[1]).sum()), len(found)).to_json()


def tables(runs: Mapping[str, Any]) -> str:
    """Return the table over steps, and that of conversions."""

    def cell(name: str, part: str = "test") -> str:
        return f"{runs[name][part]['accuracy']:.1%}" if part in runs.get(name, {}) else ""

    rows = []
    for network in OVER_STEPS:
        for end, said in (("", f"decay {DECAY:g}"), ("-learnt", "decay learnt")):
            rows.append((network, said, *(cell(f"{network}-{steps}{end}") for steps in STEPS), cell(f"{network}-twin")))
    first = tabulate(rows, ("network", "", *(f"T = {n}" for n in STEPS), "twin"), tablefmt="github")
    ends = []
    for network in WIDTHS:
        name = f"{network}-{USUAL_STEPS}"
        taken = f"{name}-from-twin"
        as_is = [cell(taken, f"{how}_{steps}") for how in ("converted", "as_it_is") for steps in (USUAL_STEPS, FAR)]
        scratch = cell(name), cell(f"{name}-learnt")
        ends.append((network, f"{WIDTHS[network]:g}", cell(f"{network}-twin"), *as_is, cell(taken), *scratch))
    heads = ["network", "width", "twin", f"converted, {USUAL_STEPS} steps", f"{FAR}"]
    heads += [f"its weights, {USUAL_STEPS} steps", f"{FAR}", "trained further", "from random weights", "decay learnt"]
    second = tabulate(ends, heads, tablefmt="github")
    return f"{first}\n\n{second}\n"


if __name__ == "__main__":
    sys.exit(ended(main))
