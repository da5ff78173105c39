"""A program file gives back exactly the Program that was written, and is a NIR graph to everybody else."""

import time
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings

from exporters.nir_export.store import save
from exporters.program_file import (
    is_program_file,
    read_damaged,
    read_program,
    read_program_file,
    write_program,
)
from sim.errors import FileError, InputError, ProgramError
from sim.program import Connection, Dense, Input, Population, Program
from tests.exporters.small import small_program
from tests.programs import programs


def _assert_comes_back(program, path):
    write_program(program, path)
    assert read_program(path).digest == program.digest


@settings(max_examples=20)
@given(program=programs())
def test_reading_gives_the_identical_digest(tmp_path_factory, program):
    _assert_comes_back(program, tmp_path_factory.mktemp("file") / "p.nir")


@pytest.mark.full
@settings(max_examples=500)
@given(program=programs())
def test_reading_gives_the_identical_digest_of_many_more(tmp_path_factory, program):
    _assert_comes_back(program, tmp_path_factory.mktemp("file") / "p.nir")


def test_every_part_comes_back(tmp_path):
    program = small_program()
    write_program(program, tmp_path / "p.nir")
    read = read_program(tmp_path / "p.nir")
    assert dict(read.record) == dict(program.record)
    assert [p.name for p in read.populations] == ["conv", "fc", "out.1"]
    for ours, theirs in zip(program.populations, read.populations, strict=True):
        assert (ours.reset, ours.fires, ours.shape) == (theirs.reset, theirs.fires, theirs.shape)
        np.testing.assert_array_equal(ours.dv, theirs.dv)
        for a, b in zip(ours.inputs, theirs.inputs, strict=True):
            assert (a.source, a.exponent, a.lag) == (b.source, b.exponent, b.lag)
            np.testing.assert_array_equal(a.wiring.weight, b.wiring.weight)


def test_stock_nir_reads_it_and_what_it_writes_again_is_still_a_program_file(tmp_path):
    program = small_program()
    write_program(program, tmp_path / "p.nir")
    graph = nir.read(tmp_path / "p.nir")
    assert set(graph.inputs) == {"input"}
    assert set(graph.outputs) == {"output"}
    assert [type(graph.nodes[n]).__name__ for n in ("conv", "fc", "out.1")] == ["CubaLIF", "LIF", "LI"]
    np.testing.assert_array_equal(graph.nodes["fc_to_fc"].weight, program.populations[1].inputs[1].wiring.weight)
    nir.write(tmp_path / "again.nir", graph)
    assert read_program(tmp_path / "again.nir").digest == program.digest


def test_a_loop_without_input_has_an_input_that_nobody_reads(tmp_path):
    loop = Population("loop", (2,), (Connection("loop", Dense([[1, 2], [3, 4]]), lag=1),), bias_mantissa=9)
    program = Program(Input((4,)), (loop,))
    write_program(program, tmp_path / "p.nir")
    nir.write(tmp_path / "again.nir", nir.read(tmp_path / "p.nir"))
    assert read_program(tmp_path / "again.nir").digest == program.digest


def test_the_layout_is_that_of_nir_write(tmp_path):
    write_program(small_program(), tmp_path / "ours.nir")
    nir.write(tmp_path / "theirs.nir", nir.read(tmp_path / "ours.nir"))
    layouts = []
    for name in ("ours.nir", "theirs.nir"):
        found = {}
        with h5py.File(tmp_path / name) as file:
            file.visititems(lambda k, v, f=found: f.update({k: (v.shape, v.dtype) if hasattr(v, "shape") else None}))
        layouts.append(found)
    assert layouts[0] == layouts[1]


def test_the_same_program_makes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_program(small_program(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_attachments_travel_along_and_are_of_this_program(tmp_path):
    program = small_program()
    attached = {"certificate": {"digest": program.digest, "v": [1, 2.5]}, "quantization": {"bits": 8}}
    write_program(program, tmp_path / "p.nir", attachments=attached)
    read = read_program_file(tmp_path / "p.nir")
    assert (read.program.digest, read.attachments) == (program.digest, attached)
    with pytest.raises(InputError, match="attachment 'certificate' is of another program"):
        write_program(program, tmp_path / "q.nir", attachments={"certificate": {"digest": "0" * 64}})
    with pytest.raises(ProgramError, match="not JSON"):
        write_program(program, tmp_path / "q.nir", attachments={"certificate": np.zeros(2)})
    assert not (tmp_path / "q.nir").exists()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "p.nir"
    write_program(small_program(), path)
    old = path.read_bytes()

    def broken(graph, temporary):
        save(graph, temporary)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exporters.program_file.save", broken)
    with pytest.raises(InputError, match="No space left"):
        write_program(small_program(), path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["p.nir"]


def test_a_program_file_is_told_from_other_files(tmp_path):
    write_program(small_program(), tmp_path / "p.nir")
    (tmp_path / "text.nir").write_text("no")
    nir.write(tmp_path / "other.nir", nir.NIRGraph.from_list(nir.Linear(np.ones((2, 2)))))
    assert is_program_file(tmp_path / "p.nir")
    assert not any(is_program_file(tmp_path / n) for n in ("text.nir", "other.nir", "missing.nir", "."))
    with pytest.raises(FileError, match="is a NIR graph, but no program file  fix: compile it"):
        read_program(tmp_path / "other.nir")


def test_a_later_schema_is_named(tmp_path):
    write_program(small_program(), tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        del file["node/metadata/schema"]
        file["node/metadata/schema"] = "snn2hw.program/9"
    with pytest.raises(FileError, match=r"schema 'snn2hw\.program/9', not 'snn2hw\.program/1'"):
        read_program(tmp_path / "p.nir")
    assert is_program_file(tmp_path / "p.nir")


def test_thirty_million_synapses_are_written_and_read_in_seconds(tmp_path):
    weight = np.random.default_rng(0).integers(-127, 128, (5000, 6000), dtype=np.int8)
    program = Program(Input((6000,)), (Population("p", (5000,), (Connection("input", Dense(weight)),), vth=9),))
    start = time.perf_counter()
    write_program(program, tmp_path / "p.nir")
    assert read_program(tmp_path / "p.nir").digest == program.digest
    assert time.perf_counter() - start < 20


def test_a_damaged_file_can_still_be_read_to_tell_where(tmp_path):
    program = small_program()
    write_program(program, tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        file["node/nodes/fc_to_fc/weight"][2, 3] += 1
    with pytest.raises(FileError, match="it was damaged or edited"):
        read_program(tmp_path / "p.nir")
    damaged = read_damaged(tmp_path / "p.nir")
    before, after = (p.populations[1].inputs[1].wiring.weight for p in (program, damaged))
    assert np.argwhere(before != after).tolist() == [[2, 3]]


def test_a_file_that_was_written_once_can_always_be_read():
    """Where this fails, files that users have stop being readable: give the schema a new number and read both."""
    read = read_program(Path(__file__).with_name("written_by_schema_1.nir"))
    assert read.digest == small_program().digest == "a41bf869baba24fb1e04d3b1d28965069aeed46e035c4f2d3fe2ae41cd7f6340"


def test_packed_data_that_do_not_unpack_are_named(tmp_path):
    weight = np.zeros((400, 400), dtype=np.int8)
    weight[::7] = 3
    program = Program(Input((400,)), (Population("p", (400,), (Connection("input", Dense(weight)),), vth=9),))
    write_program(program, tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir") as file:
        chunk = file["node/nodes/input_to_p/weight"].id.get_chunk_info(0)
    data = bytearray((tmp_path / "p.nir").read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 255
    (tmp_path / "p.nir").write_bytes(data)
    with pytest.raises(FileError, match="/node/nodes/input_to_p/weight cannot be read"):
        read_program(tmp_path / "p.nir")
