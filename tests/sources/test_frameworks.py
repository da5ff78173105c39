"""Graphs that other frameworks exported, read back: their own spikes come out. tests/fixtures/make_*.py made them."""

import nir
import numpy as np
import pytest

from sim.engines import run
from snn2hw.chips.preflight import check
from snn2hw.compiler.compile import compile
from snn2hw.network.float_reference import float_reference
from snn2hw.network.to_nir import write_nir
from snn2hw.network.view import lower
from snn2hw.sources.from_nir import from_nir
from tests.sources.nir_nets import cases, recorded, written

REFUSED = {
    "a residue above threshold is tested twice": (
        "snntorch/leaky_subtract_now",
        "snntorch/rleaky_subtract_now",
        "snntorch/synaptic_subtract_now",
    ),
}
"""What the integer machine cannot say, and which recordings need it."""

LONG = "spyx/conv"
"""Takes as long as ten others together: in the short form it is compiled once."""


def refusal(case: str) -> str | None:
    """Return why a case cannot be compiled: by its whole name, or by its framework."""
    return next(
        (why for why, names in REFUSED.items() if any(n in (case, case.split("/")[0] + "/") for n in names)), None
    )


@pytest.fixture(params=cases())
def case(request):
    return request.param


@pytest.fixture
def source(case, tmp_path):
    return from_nir(written(tmp_path, recorded(case).file), **recorded(case).how)


def assert_same_outputs(trace, case):
    outputs = recorded(case).outputs
    if outputs.dtype.kind == "f":  # a membrane, computed in float32 there
        np.testing.assert_allclose(trace.output, outputs, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(trace.output, outputs)


def test_there_are_recordings_of_every_framework():
    assert len(cases()) >= 40
    assert {c.split("/")[0] for c in cases()} == {"snntorch", "spikingjelly", "sinabs", "rockpool", "spyx"}


def test_a_dialect_reproduces_its_frameworks_outputs(case, source):
    assert np.abs(recorded(case).outputs).sum() > 0
    assert_same_outputs(float_reference(source, recorded(case).rasters), case)


def test_exports_that_nirs_own_reader_refuses_are_read(tmp_path):
    """Sizes that the exporter left out, or an Input that counts the batch: the other tests read these all the same."""
    refused = []
    for case in cases():
        try:
            nir.read(written(tmp_path, recorded(case).file))
        except ValueError:
            refused.append(case)
    assert {case.split("/")[0] for case in refused} == {"snntorch", "rockpool", "sinabs"}
    assert len(refused) >= 20


def test_lowering_changes_nothing(case, source):
    before, after = (float_reference(s, recorded(case).rasters) for s in (source, lower(source)))
    assert before.spikes.keys() == after.spikes.keys()
    for name in before.spikes:
        np.testing.assert_array_equal(before.spikes[name], after.spikes[name])
    for name in before.v:
        assert np.abs(before.v[name] - after.v[name]).max() < 1e-9


def test_our_own_nir_of_it_reads_back_as_the_same_network(case, source, tmp_path):
    write_nir(source, tmp_path / "ours.nir")
    again = from_nir(tmp_path / "ours.nir")
    assert (again.reset, again.semantics) == (source.reset, source.semantics)
    assert_same_outputs(float_reference(again, recorded(case).rasters), case)


def test_it_compiles_to_nearly_the_same_spikes_or_is_refused_by_name(case, source):
    problems = check(source)
    why = refusal(case)
    if why is not None:
        assert problems
        assert all(why in problem.what for problem in problems)
        return
    assert problems == []
    messages = recorded(case).rasters.astype(np.int32)
    program = compile(source, "fixed", messages, weight_bits=16)
    output, outputs = run(program, messages, engine="reference").output, recorded(case).outputs
    if not program.output.fires:  # a membrane, in register units
        assert np.corrcoef(output.reshape(-1), outputs.reshape(-1))[0, 1] > 0.999
        return
    differ = output != outputs
    assert differ.mean() < 0.05  # weights and thresholds are rounded, so a spike at the threshold may move


@pytest.mark.parametrize(("target", "bits"), [("fixed", 16), ("fixed", 8), ("loihi2", 8)])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(c, marks=[pytest.mark.full] * (c == LONG))
        for c in cases()
        if c.startswith(("sinabs/", "rockpool/l", "spyx/")) or c.endswith("synaptic_zero")
    ],
)
def test_orders_of_events_that_loihi_1_lacks_compile_for_loihi_2_and_fixed(name, target, bits, tmp_path):
    kept = recorded(name)
    messages = kept.rasters.astype(np.int32)
    source = from_nir(written(tmp_path, kept.file), **kept.how)
    assert check(source, target) == []
    program = compile(source, target, messages, weight_bits=bits)
    off = np.abs(run(program, messages).output.astype(int) - kept.outputs)
    assert (off > 0).mean() <= (0.05 if bits == 8 else 0.01)
    assert (off > 1).mean() <= 0.02


@pytest.mark.parametrize(
    "case",
    [
        "spikingjelly/ties",
        "snntorch/leaky_subtract",
        "snntorch/synaptic_zero",
        "snntorch/rsynaptic_zero",
        "sinabs/lif",
        "rockpool/lif",
        "spyx/lif",
    ],
)
def test_the_plain_reading_gives_other_spikes(case, tmp_path):
    """Without this the dialects would prove nothing."""
    kept = recorded(case)
    plain = from_nir(written(tmp_path, kept.file), dt=kept.how.get("dt", 1e-4))
    assert plain.semantics.name == "nir"
    assert not np.array_equal(float_reference(plain, kept.rasters).output, kept.outputs)


@pytest.mark.parametrize(
    ("case", "other"),
    [
        ("snntorch/leaky_subtract", {"dialect": "snntorch-reset-now", "reset": "subtract"}),
        ("snntorch/leaky_zero", {"dialect": "snntorch", "reset": "subtract"}),
        ("snntorch/synaptic_zero", {"dialect": "snntorch-reset-now", "reset": "value"}),
        ("snntorch/leaky_subtract_now", {"dialect": "nir", "dt": 1e-4, "reset": "subtract"}),
        ("sinabs/lif", {"dialect": "sinabs-unnormalised"}),
        ("spikingjelly/ties", {"dialect": "norse", "dt": 1e-4}),
    ],
)
def test_the_neighbouring_dialect_gives_other_spikes(case, other, tmp_path):
    kept = recorded(case)
    wrong = from_nir(written(tmp_path, kept.file), **other)
    assert not np.array_equal(float_reference(wrong, kept.rasters).output, kept.outputs)
