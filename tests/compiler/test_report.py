"""What the compiler says about its work: the table, its JSON, and the layers that went silent or saturated."""

import json

import numpy as np
import pytest

from sim.engines import run
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.report import measure
from snn2hw.network.float_reference import float_reference
from tests.compiler.networks import convolutional, dense, raster
from tests.compiler.xylo_networks import events, feed_forward


@pytest.fixture
def compiled():
    rng = np.random.default_rng(0)
    source = convolutional(rng)
    data = raster(source, rng)
    return source, compile_source(source, "loihi1", data, weight_bits=4), data


def test_every_number_of_the_report_is_measured(compiled):
    source, made, data = compiled
    report = measure(made, data, engine="reference")
    ideal, trace = float_reference(source, data), run(made.program, data)
    row = next(r for r in report.rows if r.name == "lif1")
    assert report.digest == made.program.digest
    assert row.agreement == (trace.spikes["lif1"] == ideal.spikes["lif1"]).mean()
    assert row.rate == trace.spikes["lif1"].mean()
    assert row.rate_float == ideal.spikes["lif1"].mean()
    assert row.bits == (4,)
    bounds = made.certificate.bounds["lif1"]
    used = max(max(map(abs, bounds.a)) / 2**21, max(map(abs, bounds.u)) / 2**23)
    assert row.margin_bits == round(-np.log2(used), 2)
    weight = made.layers[0].layer.links[0].map.weight
    stored = made.program.by_name["lif1"].inputs[0]
    scale = made.layers[0].scale[:, :1, :1, None] if made.layers[0].scale.ndim == 3 else 1
    error = stored.wiring.weight * 2.0**stored.exponent / scale - weight
    power = made.ranges.power["input"].mean(axis=(1, 2))[None, :, None, None]
    ratio = (weight**2 * power).sum() / (error**2 * power).sum()
    assert row.sqnr_db[0] == pytest.approx(10 * np.log10(ratio), abs=0.02)


def test_the_report_is_a_table_and_plain_json(compiled):
    _, made, data = compiled
    report = measure(made, data, engine="reference")
    text = str(report)
    for name in ("lif1", "or", "lif2", "readout", "SQNR dB", "exact", "r=0."):
        assert name in text
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["rows"][0]["name"] == "lif1"


def test_a_silent_layer_is_named():
    rng = np.random.default_rng(0)
    source = dense(rng)
    quiet = np.zeros((2, 10, 20), np.uint8)
    compiled = compile_source(source, "loihi1", raster(source, rng, steps=10))
    rows = measure(compiled, quiet, engine="reference").rows
    assert [row.warnings for row in rows] == [("SILENT: no neuron fired, as in float",)] * 2
    assert "one 16: SILENT" in str(measure(compiled, quiet, engine="reference"))


def test_a_saturating_layer_is_named():
    rng = np.random.default_rng(0)
    source = dense(rng, bias=40.0)
    data = raster(source, rng)
    rows = measure(compile_source(source, "loihi1", data), data, engine="reference").rows
    assert rows[0].warnings[0].startswith("SATURATING: ")


def test_a_program_of_xylo_is_measured_too_and_its_margin_is_below_0_where_it_may_saturate():
    source, data = feed_forward(sizes=(16, 20, 4)), events(samples=2, steps=40)
    made = compile_source(source, "xylo2", data)
    report = measure(made, data, engine="reference")
    trace = run(made.program, data, engine="reference")
    for row, population in zip(report.rows, made.program.populations, strict=True):
        bounds = made.certificate.bounds[population.name]
        worst = max(max(-low, high) for low, high in bounds.states.values())
        assert row.vth == (population.theta.min(), population.theta.max())
        assert row.rate == trace.counts.spikes[row.name].sum() / (2 * 40 * row.neurons)
        assert row.margin_bits == round(-np.log2(worst / 32767), 2)
        assert (row.margin_bits >= 0) == bounds.clip_free
