"""However samples are stored and cut, the same is computed of them, to the last byte of what is written."""

from dataclasses import replace

import numpy as np
import pytest

from exporters.program_file import write_program
from sim.compare import flat_counts
from sim.engines import run
from sim.errors import InputError, MachineError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import recordable
from snn2hw.chunks.chunked_run import Asked, Here, run_samples
from snn2hw.chunks.input_facts import input_facts, joined_facts
from snn2hw.chunks.samples import SampleSet, chunk_size, read_samples_of, samples_of
from snn2hw.chunks.spool import trace_spool
from snn2hw.codec.decode import decide
from snn2hw.commands import main
from snn2hw.files.rasters import RasterFacts, write_raster, write_trace
from tests.programs import Space, random_program, random_raster

SIZES = (1, 2, 3, 5, 7, 11)


@pytest.fixture(scope="module", params=range(3))
def case(request):
    rng = np.random.default_rng(request.param)
    program = random_program(rng, Space(wide=False))
    return program, random_raster(rng, program, batch=7, steps=5)


def _parted(raster, *lengths):
    """Return samples that come in parts of these lengths."""
    parts = np.split(raster, np.cumsum(lengths)[:-1])
    return SampleSet(RasterFacts(raster.shape, raster.dtype), lambda: iter(parts))


@pytest.mark.parametrize("lengths", [(7,), (1, 6), (3, 3, 1), (1,) * 7, (2, 0, 5)])
@pytest.mark.parametrize("size", SIZES)
def test_chunks_are_the_samples_in_their_order_whatever_parts_they_come_in(case, lengths, size):
    program, raster = case
    chunks = list(_parted(raster, *lengths).chunks(program, size))
    assert [start for start, _ in chunks] == list(range(0, 7, size))
    assert {len(spikes) for _, spikes in chunks[:-1]} <= {size}
    np.testing.assert_array_equal(np.concatenate([spikes for _, spikes in chunks]), raster)


@pytest.mark.parametrize("count", range(1, 8))
def test_the_first_samples_are_taken_across_parts(case, count):
    program, raster = case
    first = _parted(raster, 3, 3, 1).first(count)
    np.testing.assert_array_equal(np.concatenate([s for _, s in first.chunks(program, 2)]), raster[:count])


def test_no_part_is_read_behind_the_last_sample_that_is_wanted(case):
    program, raster = case

    def parts():
        yield raster[:4]
        raise AssertionError("read on")

    samples = replace(_parted(raster, 7), parts=parts)
    assert [len(spikes) for _, spikes in samples.first(3).chunks(program, 2)] == [2, 1]


@pytest.mark.parametrize("size", SIZES)
def test_a_run_in_chunks_is_the_run_and_its_file_the_same_bytes(case, size, tmp_path):
    program, raster = case
    record = recordable(program)
    whole = run(program, raster, record=record, allow_wrap=True)
    write_trace(tmp_path / "whole.npz", whole)
    asked = Asked(record=record, trace=True, allow_wrap=True, decoder="max", facts=True)
    with trace_spool(tmp_path / "parts.npz") as spool:
        totals = run_samples(program, _parted(raster, 3, 4), asked, runner=Here(), size=size, keep=spool.add)
        spool.write(tmp_path / "parts.npz", totals.digest)
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    ours, theirs = flat_counts(totals.counts), flat_counts(whole.counts)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values, err_msg=name)
    for kind in ("reads", "writes"):
        for name, accesses in getattr(whole.counts, kind).items():
            for a, b in zip(getattr(totals.counts, kind)[name], accesses, strict=True):
                assert (a.what, a.bits) == (b.what, b.bits)
                np.testing.assert_array_equal(a.count, b.count)
    np.testing.assert_array_equal(totals.answers, decide(whole.output.reshape(7, 5, -1), "max"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["parts.npz", "whole.npz"]


@pytest.mark.parametrize("seed", range(6))
def test_facts_of_parts_are_the_facts_of_the_whole(seed):
    rng = np.random.default_rng(seed)
    program = Program(
        Input((3,), -4, 9),
        (Population("p", (2,), (Connection("input", Dense(rng.integers(-3, 4, (2, 3))), lag=1),), fires=False),),
    )
    raster = rng.integers(-1, 2, (6, 4, 3))
    raster[3] = raster[3, :1]
    raster[rng.integers(6), rng.integers(4), 0] = 7
    whole = input_facts(program, raster)
    parts = None
    for start in range(0, 6, 2):
        parts = joined_facts(parts, input_facts(program, raster[start : start + 2]))
    assert parts is not None
    assert (parts.samples, parts.steps, parts.held) == (whole.samples, whole.steps, whole.held)
    np.testing.assert_array_equal(parts.graded, whole.graded)
    np.testing.assert_array_equal(parts.synops, whole.synops)
    assert whole.graded.any()
    assert input_facts(program, np.repeat(raster[:, :1], 4, axis=1)).held


def test_a_refusal_names_the_sample_of_the_whole():
    wraps = Population("p", (1,), (Connection("input", Dense([[200]]), exponent=7),), du=0, fires=False)
    raster = np.zeros((6, 9, 1), np.uint8)
    raster[4] = 1
    with pytest.raises(MachineError, match=r"(in|of) sample 4"):
        run_samples(Program(Input((1,)), (wraps,)), _parted(raster, 6), Asked(), runner=Here(), size=3)


def test_a_chunk_holds_what_its_bytes_allow(case):
    program, raster = case
    samples = samples_of(program, raster)
    inputs, neurons = int(np.prod(program.input.shape)), sum(p.size for p in program.populations)
    for states, spikes in ((0, False), (2, True)):
        each = 5 * (inputs * raster.itemsize + neurons * (4 * states + spikes) + 4 * program.output.size)
        sizes = [chunk_size(program, samples, most, states=states, spikes=spikes) for most in (0, each, 3 * each)]
        assert sizes == [1, 1, 3]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A program, its samples in one file, and the same in a folder of three."""
    out = Population("out", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), fires=False)
    write_program(Program(Input((3,)), (out,)), tmp_path / "p.nir")
    rng = np.random.default_rng(1)
    spikes, labels = rng.integers(0, 2, (7, 4, 3)).astype(np.uint8), rng.integers(0, 3, 7)
    write_raster(tmp_path / "all.npz", spikes, labels, "last")
    (tmp_path / "many").mkdir()
    for name, part in (("a", slice(0, 2)), ("b", slice(2, 3)), ("c", slice(3, 7))):
        write_raster(tmp_path / "many" / f"{name}.npz", spikes[part], labels[part], "last")
    (tmp_path / "many" / "notes.txt").write_text("no samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_a_folder_of_files_runs_is_priced_and_verified_as_one_file(folder, capsys, chunk):
    for verb, more, new in (("run", "--record spikes,u,v", "npz"), ("energy", "", "json")):
        outputs = []
        for source in ("all.npz", "many"):
            name = f"{verb}-{source}.{new}"
            assert main([verb, "p.nir", "--input", source, *more.split(), "--chunk", str(chunk), "-o", name]) == 0
            said = capsys.readouterr().out.replace(name, "NAME").replace(source, "SOURCE")
            outputs.append((said, (folder / name).read_bytes()))
        assert outputs[0] == outputs[1]
    assert main(["verify", "p.nir", "--input", "many", "--against", "fast", "--chunk", str(chunk)]) == 0


def test_labels_and_decoder_of_a_folder_are_those_of_all_its_files(folder):
    from exporters.program_file import read_program

    program = read_program(folder / "p.nir")
    one, many = (read_samples_of(folder / name, program) for name in ("all.npz", "many"))
    assert (many.count, many.steps, many.facts.decoder) == (one.count, one.steps, one.facts.decoder) == (7, 4, "last")
    np.testing.assert_array_equal(many.facts.labels, one.facts.labels)
    np.testing.assert_array_equal(many.first(2).facts.labels, one.facts.labels[:2])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"spikes": np.zeros((1, 5, 3), np.uint8), "labels": np.array([1])}, "steps differ"),
        ({"spikes": np.zeros((1, 4, 3), np.int32), "labels": np.array([1])}, "dtype differ"),
        ({"spikes": np.zeros((1, 4, 3), np.uint8)}, "labels or none differ"),
        ({"spikes": np.zeros((1, 4, 2), np.uint8)}, "the program reads"),
        ({"spikes": np.zeros((1, 4, 3), np.uint8), "labels": np.array([1]), "decoder": "max"}, "decoder differ"),
    ],
)
def test_a_file_of_another_set_is_refused_by_its_name(folder, capsys, more, said):
    write_raster(folder / "many" / "d.npz", **{"decoder": "last", **more})
    assert main(["run", "p.nir", "--input", "many"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "d.npz" in error


def test_messages_out_of_range_are_refused_where_they_are_met(folder):
    from exporters.program_file import read_program

    program = read_program(folder / "p.nir")
    write_raster(folder / "many" / "d.npz", np.full((1, 4, 3), 7, np.uint8), np.array([1]), "last")
    with pytest.raises(InputError, match="messages 7"):
        list(read_samples_of(folder / "many", program).chunks(program, 7))
