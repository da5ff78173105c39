"""The Pareto study: what is trained in which order, how a strength is chosen, and that pages say what the rows say."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")
pytest.importorskip("norse")

import pareto
import pareto_page
import pareto_plan
from pareto_plan import NETS, STRENGTHS, Run

ROOT = Path(__file__).parents[2]
ROWS = json.loads((ROOT / "benchmarks" / "results" / "pareto.json").read_text())["rows"]


def end(run: Run, work: Path, validate: float) -> None:
    run.folder(work).mkdir(parents=True)
    summary = {"accuracy": {"validate": validate, "test": 0.9}, "validated": 270, "tested": 300}
    (run.folder(work) / "summary.json").write_text(json.dumps(summary))
    (run.folder(work) / "model.pt").write_bytes(run.name.encode())


def test_every_training_comes_after_what_it_begins_with(tmp_path: Path) -> None:
    done: list[Run] = []
    while (run := pareto_plan.next_run(("digits",), 2, tmp_path)) is not None:
        for other in (Run("digits", run.net, "dense", "", run.seed), Run("digits", "cnn", "dense", "", run.seed)):
            needed = {"lean": other.net == run.net, "taught": True}.get(run.kind, False)
            assert not needed or other in done
        end(run, tmp_path, 0.9)
        done.append(run)
    assert len(done) == len(set(done))
    last = list(STRENGTHS)[-1]
    kinds = {(r.net, r.kind, r.seed) for r in done if r.kind == "dense" or r.strength == last}
    assert len(kinds) == 2 * (2 * len(NETS) + len(pareto_plan.TAUGHT))


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [((0.97, 0.97), "strong"), ((0.97, 0.90), "medium"), ((0.90, 0.97), "strong"), ((0.90, 0.90), "medium")],
)
def test_the_strength_is_the_strongest_that_validation_cannot_tell_from_dense(
    tmp_path: Path, accuracies: tuple[float, ...], expected: str
) -> None:
    assert pareto_plan.chosen("digits", "snn1", tmp_path) is None
    end(pareto_plan.dense("digits", "snn1", 0), tmp_path, 0.975)
    for run, accuracy in zip(pareto_plan.candidates("digits", "snn1"), accuracies, strict=True):
        end(run, tmp_path, accuracy)
    assert pareto_plan.chosen("digits", "snn1", tmp_path) == expected


def test_spiking_networks_and_the_cnn_are_trained_by_the_same_recipe(tmp_path: Path) -> None:
    for seed, net in ((0, "cnn"), (0, "snn2")):
        end(pareto_plan.dense("digits", net, seed), tmp_path, 0.9)
    one, two = (pareto_plan.recipe_of(Run("digits", net, "lean", "strong", 0), tmp_path) for net in ("cnn", "snn2"))
    apart = {n for n in vars(one) if getattr(one, n) != getattr(two, n)}
    assert apart == {"model", "steps", "start"}
    assert (one.prune, one.quiet) == STRENGTHS["strong"]


@pytest.mark.parametrize("page", pareto.texts(ROWS))
def test_every_page_says_what_the_rows_say(page: Path) -> None:
    """Nobody edits between the marks: table and sentences are made from the numbers."""
    said = page.read_text(encoding="utf-8").partition("<!-- table of benchmarks/pareto.py -->")[2]
    assert said.partition("<!-- end of benchmarks/pareto.py -->")[0].strip() == pareto.texts(ROWS)[page].strip()


def test_the_rows_are_of_chosen_strengths_and_hold_together() -> None:
    for row in ROWS:
        assert 0 <= row["right"] <= row["tested"]
        assert row["products_held"] <= row["products"]
        assert row["kind"] != "dense" or row["used"]
        assert row["zeros"] >= row["prune"] - 0.001


def row(net: str, kind: str, right: int, pj: float, seed: int = 0) -> dict[str, object]:
    what = SimpleNamespace(task="digits", net=net, kind=kind, seed=seed, right=right, tested=100, used=True, float=0.9)
    costs = {"pj": dict.fromkeys(pareto_page.UNITS, pj), "products": 2000.0, "products_held": 1000.0, "prune": 0.9}
    return vars(what) | costs


def test_the_sentence_says_who_wins_where_and_by_which_factor() -> None:
    cnn = row("cnn", "lean", 95, 2000.0)
    said = pareto_page.sentences([row("snn1", "dense", 90, 8000.0), row("snn1", "lean", 80, 500.0), cnn])
    assert "each other SNN of the front costs 4 times what a CNN at least as accurate does" in said
    worse = "less accurate than every CNN here: SNN, 1 step, pruned 90%, quiet (80.0%, 4 times)"
    assert f"cheaper than the cheapest CNN (95.0%), but {worse}" in said
    assert "wins" not in said, "cheaper and worse than all that a CNN was made for is no win"
    lost = pareto_page.sentences([row("snn1", "dense", 90, 8000.0), cnn])
    assert "By arithmetic alone: every SNN of the front costs 4 times what a CNN at least as accurate does." in lost
    won = pareto_page.sentences([row("snn1", "dense", 95, 500.0), row("snn2", "dense", 96, 9000.0), cnn])
    assert "an SNN wins: SNN, 1 step (95.0%) costs 4 times less than CNN twin, pruned 90%, quiet (95.0%)" in won
    assert "an SNN wins: SNN, 2 steps (96.0%) is more accurate than every CNN here" in won
    few = pareto_page.sentences([row("snn1", "dense", 90, 8000.0)])
    assert "one of the kinds has not been trained" in few


def test_the_table_gives_means_over_seeds() -> None:
    table = pareto_page.table([row("cnn", "dense", 90, 1000.0), row("cnn", "dense", 96, 3000.0, seed=1)])
    assert "| digits | CNN twin | 2 | 90.0 | 93.0 (86.3 to 96.6) |" in table
    assert "2k (1k with the input summed once) | 2 | 2 |" in table
