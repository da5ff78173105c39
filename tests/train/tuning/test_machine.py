"""The torch module is the machine: equal spikes and potentials before, during and after tuning."""

from functools import partial

import numpy as np
import pytest
import torch

from sim.engines import run
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.options import Options
from snn2hw.train.tuning.machine import Machine
from snn2hw.train.tuning.machine_scan import FixedRegisters, advance, scan
from tests.compiler.networks import convolutional, cuba, dense, lif, raster, recurrent

NETWORKS = {
    "dense": dense,
    "cuba with bias": partial(dense, neuron=cuba, bias=0.5),
    "leak": partial(dense, neuron=partial(lif, v_leak=0.3, v_reset=-0.2), bias=0.5),
    "subtract": partial(dense, reset="subtract"),
    "convolutional": convolutional,
    "recurrent": recurrent,
}


def _compiled(name, bits=4, target="loihi2", way="axon"):
    rng = np.random.default_rng(5)
    source = NETWORKS[name](rng)
    data = raster(source, rng)
    return compile_source(source, target, data, weight_bits=bits, options=Options(bias=way, headroom=2.0)), data


def _assert_equal(machine, program, data):
    with torch.no_grad():
        got = machine(torch.from_numpy(data))
    trace = run(program, data, record=("spikes", "v"))
    for population in program.populations:
        wanted = trace.spikes[population.name] if population.fires else trace.v[population.name]
        np.testing.assert_array_equal(got[population.name].numpy().swapaxes(0, 1), wanted, err_msg=population.name)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("bits", "target"), [(4, "loihi2"), ("ternary", "loihi2"), (16, "fixed")])
def test_before_tuning_it_is_the_compiled_program(name, bits, target):
    compiled, data = _compiled(name, bits, target)
    _assert_equal(Machine(compiled), compiled.program, data)


@pytest.mark.parametrize("name", NETWORKS)
def test_after_steps_of_an_optimizer_it_is_the_program_it_writes(name):
    compiled, data = _compiled(name, way="preset" if name == "recurrent" else "axon")
    machine = Machine(compiled)
    optimizer = torch.optim.SGD([p for p in machine.parameters() if p.numel()], lr=1.0)
    for _ in range(3):
        output = machine(torch.from_numpy(data))[compiled.program.output.name]
        optimizer.zero_grad()
        (output.mean() / (1.0 if compiled.program.output.fires else 1e4)).backward()
        for p in machine.parameters():
            if p.grad is not None and p.grad.numel() and p.grad.abs().max() > 0:
                p.grad /= 20 * p.grad.abs().max()
        optimizer.step()
        machine.project()
    program = machine.to_program({"steps": 3})
    assert program.digest != compiled.program.digest
    assert program.record["tuned"] == {"steps": 3}
    _assert_equal(machine, program, data)


def test_the_two_ways_through_time_give_equal_numbers_and_gradients():
    rng = np.random.default_rng(0)
    a = torch.from_numpy(rng.integers(-40, 60, (12, 3, 5)).astype(np.float64))
    keep = torch.from_numpy(rng.integers(1000, 4096, (2, 5)).astype(np.float64))
    for subtract in (False, True):
        r = FixedRegisters(keep[0], keep[1], torch.zeros(5).double(), torch.full((5,), -7.0).double(), subtract, True)
        results = []
        for way in ("scan", "advance"):
            inputs = [
                x.clone().requires_grad_()
                for x in (a, torch.full((5,), 64.0 * 90).double(), torch.ones(5).double() * 17)
            ]
            if way == "scan":
                z = scan(*inputs, r)
            else:
                u, v, spikes = r.u0.expand(3, 5), r.v0.expand(3, 5), []
                for t in range(12):
                    u, v, out = advance(u, v, inputs[0][t], inputs[1], inputs[2], r)
                    spikes.append(out)
                z = torch.stack(spikes)
            (z * torch.linspace(0.5, 1.5, 12).double()[:, None, None]).sum().backward()
            results.append([z.detach(), *(x.grad for x in inputs)])
        assert results[0][0].sum() > 5
        np.testing.assert_array_equal(results[0][0], results[1][0])
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(results[0][3], results[1][3], rtol=1e-9, atol=1e-15)


def test_the_gradient_of_a_readout_is_the_derivative_of_the_unrounded_machine():
    """Of a population that never fires everything but rounding is linear: finite differences over many units agree."""
    keep = torch.tensor([3000.0, 3900.0], dtype=torch.float64)
    r = FixedRegisters(keep[0], keep[1], torch.zeros(1).double(), torch.zeros(1).double(), False, False)
    a = torch.full((9, 1, 1), 5000.0, dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1).double()
    scan(a, zero, zero, r)[-1].sum().backward()
    for t in (0, 4, 8):
        moved = a.detach().clone()
        moved[t] += 1000
        slope = (scan(moved, zero, zero, r)[-1] - scan(a.detach(), zero, zero, r)[-1]).item() / 1000
        assert a.grad is not None
        assert a.grad[t].item() == pytest.approx(slope, rel=1e-3)
