"""NeuroBench's metrics of a Program are those of a torch network that is fed the same messages."""

import numpy as np
import pytest

from sim.engines import run
from sim.program import INPUT, Conv, Dense, Program
from snn2hw.costs.neurobench_rules.program import count_program
from tests.programs import Space, random_program, random_raster

torch = pytest.importorskip("torch")

from snn2hw.costs.neurobench_rules.torch_model import NeurobenchCounts, count_model  # noqa: E402


class Replay(torch.nn.Module):
    """One layer per connection; each step feeds every layer the messages that arrive there."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self.connections = [c for p in program.populations for c in p.inputs]
        self.layers = torch.nn.ModuleList(map(_layer, (c.wiring for c in self.connections)))
        self.neurons = torch.nn.ModuleList([torch.nn.ReLU() for p in program.populations if p.fires])

    def forward(self, sent: dict[str, np.ndarray]) -> None:
        firing = [p.name for p in self.program.populations if p.fires]
        for t in range(sent[INPUT].shape[1]):
            for connection, layer in zip(self.connections, self.layers, strict=True):
                messages = sent[connection.source]
                late = t - connection.lag
                arriving = messages[:, late] if late >= 0 else np.zeros_like(messages[:, 0])
                if isinstance(connection.wiring, Dense):
                    arriving = arriving.reshape(len(arriving), -1)
                layer(torch.from_numpy(arriving.astype(np.float32)))
            for neuron, name in zip(self.neurons, firing, strict=True):
                neuron(torch.from_numpy(sent[name][:, t].astype(np.float32)))


def _layer(wiring: Conv | Dense) -> torch.nn.Module:
    weight = torch.from_numpy(wiring.weight.astype(np.float32))
    layer: torch.nn.Linear | torch.nn.Conv2d
    match wiring:
        case Dense():
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        case Conv(stride=stride, padding=padding, dilation=dilation, groups=groups):
            ins = weight.shape[1] * groups
            kernel = tuple(weight.shape[2:])
            layer = torch.nn.Conv2d(ins, weight.shape[0], kernel, stride, padding, dilation, groups, bias=False)
    layer.weight = torch.nn.Parameter(weight)
    return layer


def _replayed(program: Program, sent: dict[str, np.ndarray]) -> NeurobenchCounts:
    model = Replay(program)
    return count_model(model, [torch.zeros(len(sent[INPUT]))], forward=lambda _: model(sent))


STOCK = Space().without("wide", "many", "unreset", "at_threshold", "refractory")


@pytest.mark.parametrize("seed", range(30))
def test_counts_of_a_program_equal_those_of_the_same_network_in_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(rng, STOCK)
    raster = random_raster(rng, program)
    trace = run(program, raster, engine="reference", allow_wrap=True)
    ours = count_program(program, raster, trace.counts)
    if not any(p.inputs for p in program.populations):
        assert (ours.effective_acs, ours.effective_macs, ours.dense, ours.connection_sparsity) == (0, 0, 0, None)
        return
    theirs = _replayed(program, {INPUT: raster, **trace.spikes})
    for field in ("effective_macs", "effective_acs", "dense", "activation_sparsity", "connection_sparsity"):
        assert getattr(ours, field) == getattr(theirs, field), field


def test_the_random_programs_hold_graded_inputs_and_acs_and_macs_at_once() -> None:
    found = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        program = random_program(rng, STOCK)
        raster = random_raster(rng, program)
        counts = count_program(program, raster, run(program, raster, allow_wrap=True).counts)
        found.add((counts.effective_macs > 0, counts.effective_acs > 0))
    assert found >= {(True, True), (False, True), (True, False)}


def test_the_footprint_is_weights_as_stored_and_two_states_a_neuron() -> None:
    from sim.program import Connection, Input, Population

    wiring = Dense(np.full((3, 5), 2))
    record = {"weights": {"bits": 4, "rule": "signed"}}
    program = Program(Input((5,)), (Population("a", (3,), (Connection(INPUT, wiring),)),), record=record)
    raster = np.ones((1, 2, 5), np.uint8)
    assert count_program(program, raster, run(program, raster).counts).footprint == 8 + 3 * 6  # 60 bits, 3 * 48 bits
