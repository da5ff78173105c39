"""Means and intervals of samples that were taken apart block by block are those of all samples at once."""

import numpy as np
import pytest

import snn2hw as sw
from sim.engines import run
from snn2hw.costs import moments
from snn2hw.costs.estimate import estimate
from snn2hw.costs.moments import BLOCK, SampleMoments, blocks, over_blocks
from snn2hw.costs.price_files import TABLES
from tests.costs.test_report import program, raster, write_cnn


@pytest.mark.parametrize("parts", [(5,), (1, 1), (3, 1, 7), (1, 100)])
def test_joined_moments_are_those_of_all_samples(parts):
    rng = np.random.default_rng(sum(parts))
    samples = [rng.normal(1e6, 3, n) for n in parts]
    found = SampleMoments.of(samples[0])
    for more in samples[1:]:
        found = found.joined(SampleMoments.of(more))
    whole = estimate(np.concatenate(samples), 0.9)
    assert found.samples == sum(parts)
    assert found.estimate(0.9).mean == pytest.approx(whole.mean, rel=1e-12)
    assert found.estimate(0.9).low == pytest.approx(whole.low, rel=1e-9)
    assert found.estimate(0.9).high == pytest.approx(whole.high, rel=1e-9)
    assert found.over(4).estimate(0.9).high == pytest.approx(whole.high / 4, rel=1e-9)


def test_one_block_is_estimated_to_the_last_bit_as_its_samples_are():
    values = np.random.default_rng(0).normal(5, 2, BLOCK)
    assert SampleMoments.of(values).estimate(0.95) == estimate(values, 0.95)
    assert SampleMoments.of(values[:1]).estimate(0.95) == estimate(values[:1], 0.95)


def test_blocks_are_all_samples_once(monkeypatch):
    counts = run(program(), raster(samples=7)).counts
    monkeypatch.setattr(moments, "BLOCK", 3)
    parts = list(blocks(counts))
    assert [len(part.spikes["conv"]) for part, _ in parts] == [3, 3, 1]
    assert [np.arange(7)[which].tolist() for _, which in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    for field in moments.COUNTED:
        for name, values in getattr(counts, field).items():
            joined = np.concatenate([getattr(part, field)[name] for part, _ in parts], axis=-1)
            np.testing.assert_array_equal(joined, values)
    found = over_blocks(counts, lambda part: {"synops": part.synops["conv"]})
    assert found["synops"].samples == 7


@pytest.mark.parametrize("held", [False, True])
def test_a_report_of_blocks_is_the_report_of_all_samples(held, monkeypatch, tmp_path):
    cnn, images = write_cnn(tmp_path / "cnn.onnx"), np.random.default_rng(0).random((4, 1, 6, 6)).astype(np.float32)
    given = raster(samples=9)
    if held:  # by a bias, in neurons that forget u at once
        given = np.repeat(given[:, :1], given.shape[1], axis=1)
    network = program() if not held else forgetful()
    whole = sw.energy(network, given, ann=cnn, ann_inputs=images, tables=TABLES).to_json()
    monkeypatch.setattr(moments, "BLOCK", 2)
    parts = sw.energy(network, given, ann=cnn, ann_inputs=images, tables=TABLES, chunk=4).to_json()
    same(whole, parts)
    spared = whole["equal_rule"]["products"][0]["snn_held"]
    assert (spared is not None) is held
    assert not held or spared["mean"] < whole["equal_rule"]["products"][0]["snn"]["mean"]


def forgetful():
    conv, out = program().populations
    return sw.Program(program().input, (sw.Population("conv", conv.shape, conv.inputs, vth=5, du=4095, dv=400), out))


def same(one, other):
    """Compare documents, numbers but for the order of their sums."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            same(*pair)
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=1e-9, abs=1e-9)
    else:
        assert one == other
