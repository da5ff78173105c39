"""Our counts by NeuroBench's rules equal the package's own, to the last digit."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from sim.errors import InputError, UnsupportedError  # noqa: E402
from snn2hw.costs.neurobench_rules.torch_model import NeurobenchCounts, count_model  # noqa: E402
from tests.fixtures.neurobench_models import CASES, Case  # noqa: E402

RECORDED = json.loads((Path(__file__).parent.parent / "fixtures" / "neurobench.json").read_text())["results"]
NAMES = {
    "effective_macs": "Effective_MACs",
    "effective_acs": "Effective_ACs",
    "dense": "Dense",
    "activation_sparsity": "ActivationSparsity",
    "connection_sparsity": "ConnectionSparsity",
    "footprint": "Footprint",
}


def _counted(case: Case) -> NeurobenchCounts:
    if not case.snntorch:
        return count_model(case.model, case.batches)
    import snntorch
    from snntorch import utils

    def over_time(batch: "torch.Tensor") -> None:
        utils.reset(case.model)
        for step in batch.unbind(1):
            case.model(step)

    return count_model(case.model, case.batches, forward=over_time, neurons=(snntorch.SpikingNeuron,))


def _made(name: str) -> Case:
    if "snn" in name:
        pytest.importorskip("snntorch")
    return CASES[name]()


def _named(counts: NeurobenchCounts) -> dict[str, Any]:
    return {NAMES[field]: value for field, value in asdict(counts).items()}


@pytest.mark.parametrize("name", CASES)
def test_counts_equal_what_neurobench_recorded(name: str) -> None:
    assert _named(_counted(_made(name))) == RECORDED[name]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.full
def test_counts_equal_neurobench_where_it_is_installed(name: str) -> None:
    pytest.importorskip("neurobench")
    from tests.fixtures.make_neurobench import recorded

    assert _named(_counted(_made(name))) == recorded(_made(name))


@pytest.mark.parametrize(
    ("name", "dense", "footprint"), [("gsc snn", 29_030_400, 583_900), ("gsc m5", 1_880_256, 109_228)]
)
def test_the_published_dense_counts_and_footprints_are_among_them(name: str, dense: int, footprint: int) -> None:
    assert (RECORDED[name]["Dense"], RECORDED[name]["Footprint"]) == (dense, footprint)


def test_a_bare_layer_is_refused_rather_than_counted_as_zero() -> None:
    with pytest.raises(
        InputError, match=r"Linear: no layer that NeuroBench counts  fix: wrap it in torch\.nn\.Sequential"
    ):
        count_model(torch.nn.Linear(2, 2), [torch.ones(1, 2)])


def test_a_whole_recurrent_layer_is_refused_rather_than_counted_as_zero() -> None:
    model = torch.nn.Sequential(torch.nn.LSTM(2, 3))
    with pytest.raises(UnsupportedError, match="LSTM: NeuroBench has no rule for it  fix: unroll it"):
        count_model(model, [torch.ones(1, 4, 2)])
