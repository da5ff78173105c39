"""The formulas of docs/cluster.md give what is measured, at two sizes of every quantity."""

import numpy as np
import pytest

from sim.engines import run
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.chunks.chunked_run import Asked, run_chunk
from snn2hw.cluster.chunk_messages import chunk_message, run_request
from snn2hw.cluster.message import HEAD_BYTES, LENGTH_BYTES, pack
from snn2hw.cluster.plan import CUT_BYTES, answer_bytes, cut_bytes, request_bytes, weight_bytes

SIZES = [(16, 8, 5, 4), (200, 60, 12, 30)]
"""Inputs, neurons of each layer, steps, samples."""


def _network(inputs, hidden):
    rng = np.random.default_rng(0)

    def dense(rows, columns):
        return Dense(rng.integers(-9, 10, (rows, columns)))

    first = Population("first", (hidden,), (Connection("input", dense(hidden, inputs)),), vth=10, dv=300)
    second = Population(
        "second",
        (hidden,),
        (Connection("first", dense(hidden, hidden)), Connection("second", dense(hidden, hidden), lag=1)),
        vth=10,
        dv=300,
    )
    out = Population(
        "out", (5,), (Connection("first", dense(5, hidden)), Connection("second", dense(5, hidden))), fires=False
    )
    return Program(Input((inputs,)), (first, second, out))


@pytest.fixture(params=SIZES, ids=str)
def case(request):
    inputs, hidden, steps, samples = request.param
    rng = np.random.default_rng(1)
    return _network(inputs, hidden), (rng.random((samples, steps, inputs)) < 0.3).astype(np.uint8)


def test_a_request_has_the_bytes_of_its_messages_and_a_head(case):
    _, raster = case
    for array in (raster, raster.astype(np.int32)):
        size = len(pack(run_request(0, array, Asked(decoder="max"))))
        least = request_bytes(*raster.shape, itemsize=array.itemsize)
        assert least < size <= least + HEAD_BYTES


def test_an_answer_has_the_bytes_of_its_counts_and_a_head(case):
    program, raster = case
    data = pack(chunk_message(run_chunk(program, raster, Asked(decoder="max"))))
    head = int.from_bytes(data[:LENGTH_BYTES], "little")
    assert len(data) == LENGTH_BYTES + head + answer_bytes(program, len(raster))


def test_weights_have_the_bytes_that_are_in_memory(case):
    program, _ = case
    inputs, hidden = program.input.shape[0], program.populations[0].size
    stored = hidden * inputs + 2 * hidden * hidden + 2 * 5 * hidden
    itemsize = program.populations[0].inputs[0].wiring.weight.itemsize
    assert weight_bytes(program) == stored * itemsize


def test_what_crosses_a_cut_is_every_spike_to_every_other_machine_once(case):
    program, raster = case
    trace = run(program, raster)
    spikes = {name: int(values.sum()) for name, values in trace.spikes.items()}
    assert min(spikes["first"], spikes["second"]) > 0
    cuts = {
        (0, 0, 0): 0,
        (0, 1, 1): spikes["first"],
        (0, 1, 2): 2 * spikes["first"] + spikes["second"],
        (0, 0, 1): spikes["first"] + spikes["second"],
    }
    for places, messages in cuts.items():
        machines = dict(zip(("first", "second", "out"), places, strict=True))
        assert cut_bytes(program, machines, trace.counts) == CUT_BYTES * messages
