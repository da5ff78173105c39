"""Golden vectors say what the reference says, in every form they come in."""

import json
import re

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import to_golden
from exporters.artifact import MANIFEST, read_artifact
from exporters.golden_export.readmemh import read_bits, read_words, write_bits, write_words
from exporters.registry import export
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, InputError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.exporters.small import small_program
from tests.programs import run_of


def readmemh(path):
    """Read words as the Verilog standard says: comments and white space separate hexadecimal numbers."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return [int(word, 16) for word in text.split()]


def _two_complement(word, bits):
    return word - (1 << bits) if word >> (bits - 1) else word


def _values(folder, memory):
    words = readmemh(folder / memory["file"])
    assert len(words) == memory["depth"]
    assert max(words).bit_length() <= memory["bits"]
    if memory["layout"] == "vector":
        return np.array([[w >> i & 1 for i in range(memory["bits"])] for w in words]).reshape(memory["shape"])
    signed = [_two_complement(w, memory["bits"]) if memory["signed"] else w for w in words]
    return np.array(signed).reshape(memory["shape"])


@pytest.mark.parametrize("seed", range(8))
def test_a_test_bench_that_loads_the_memories_sees_the_program_and_the_reference(tmp_path, seed):
    program, raster, trace = run_of(seed)
    export(program, "golden", tmp_path / "out", raster)
    facts = json.loads((tmp_path / "out" / "golden.json").read_text())
    held = {(m["of"], m["holds"]): _values(tmp_path / "out", m) for m in facts["memories"]}
    np.testing.assert_array_equal(held.pop(("input", "messages")), raster)
    for p, stated in zip(program.populations, facts["program"]["populations"], strict=True):
        for what in RECORDABLE:
            np.testing.assert_array_equal(held.pop((p.name, what)), getattr(trace, what)[p.name])
        for register in p.registers:
            np.testing.assert_array_equal(held.pop((p.name, register)), getattr(p, register))
        for connection, reading in zip(p.inputs, stated["inputs"], strict=True):
            np.testing.assert_array_equal(held.pop((reading["node"], "weight")), connection.wiring.weight)
    assert not held
    assert facts["digest"] == program.digest
    assert {f.name for f in (tmp_path / "out").iterdir()} == {
        "golden.json",
        "golden.npz",
        "golden.data.nir",
        "mem",
        MANIFEST,
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_arrays_and_the_nir_data_say_the_same(tmp_path, seed):
    program, raster, trace = run_of(seed)
    to_golden.export(program, tmp_path / "out", raster)
    data = nir.read_data(tmp_path / "out" / "golden.data.nir")
    flat = (*raster.shape[:2], -1)
    np.testing.assert_array_equal(data.nodes["input"].observables["messages"].data, raster.reshape(flat))
    with np.load(tmp_path / "out" / "golden.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["input"], raster)
        for p in program.populations:
            for what in RECORDABLE:
                expected = getattr(trace, what)[p.name]
                np.testing.assert_array_equal(arrays[f"{what}.{p.name}"], expected)
                observed = data.nodes[p.name].observables[what]
                np.testing.assert_array_equal(observed.data, expected.reshape(flat))
                assert observed.dt == 1e-4
            kind = np.bool_ if p.most_sent <= 1 else np.uint8
            assert data.nodes[p.name].observables["spikes"].data.dtype == kind


def test_u_beyond_24_bits_survives(tmp_path):
    edge = Population(
        "edge", (2,), (Connection("input", Dense([[1], [0]])),), du=0, u0=[2**23, 0], v0=-(2**23) + 1, vth=9
    )
    program = Program(Input((1,)), (edge,))
    raster = np.ones((1, 3, 1), dtype=np.int32)
    trace = run(program, raster, record=RECORDABLE, allow_wrap=True)
    assert first_divergence(program, trace, to_golden.execute(program, raster)) is None


@pytest.mark.parametrize("seed", range(8))
def test_executing_the_memories_gives_what_the_reference_gives(seed):
    program, raster, trace = run_of(seed)
    assert first_divergence(program, trace, to_golden.execute(program, raster)) is None


def test_samples_are_found_among_those_exported_whatever_their_order(tmp_path):
    program = small_program()
    raster = np.random.default_rng(0).integers(0, 2, (4, 6, 2, 5, 5))
    to_golden.export(program, tmp_path / "out", raster)
    wanted = raster[[2, 0]]
    trace = run(program, wanted, record=RECORDABLE, allow_wrap=True)
    assert first_divergence(program, trace, to_golden.execute(program, wanted, folder=tmp_path / "out")) is None
    with pytest.raises(InputError, match="does not hold these samples"):
        to_golden.execute(program, 1 - wanted, folder=tmp_path / "out")
    with pytest.raises(InputError, match="does not hold these samples"):
        to_golden.execute(program, wanted[:, :3], folder=tmp_path / "out")


def _flip_last_digit(path):
    text = path.read_text().rstrip("\n")
    path.write_text(text[:-1] + format(int(text[-1], 16) ^ 1, "x") + "\n")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("fc_to_fc.weight", r"population 'fc': weight \(5, 5\) is -?\d+, expected -?\d+"),
        ("conv.dv", r"population 'conv': dv \(3, 4, 4\) is \d+, expected \d+"),
        ("conv_to_fc.weight", r"conv_to_fc\.weight\.hex: population 'fc': weight \(5, 99\)"),
    ],
)
def test_a_single_flipped_bit_is_found_and_located(tmp_path, file, message):
    program = small_program()
    to_golden.export(program, tmp_path / "out")
    _flip_last_digit(tmp_path / "out" / "mem" / f"{file}.hex")
    with pytest.raises(FileError, match=message):
        to_golden.execute(program, np.zeros((1, 20, 2, 5, 5), dtype=np.int32), folder=tmp_path / "out")


@pytest.mark.parametrize("register", ["u", "v", "spikes"])
def test_a_flipped_bit_in_what_is_expected_is_a_divergence_or_a_changed_file(tmp_path, register):
    program = small_program()
    raster = np.ones((2, 5, 2, 5, 5), dtype=np.int32)
    raster[1] = 0
    to_golden.export(program, tmp_path / "out", raster)
    _flip_last_digit(tmp_path / "out" / "mem" / f"fc.{register}.hex")
    with pytest.raises(FileError, match=rf"mem/fc\.{register}\.hex has been changed"):
        to_golden.execute(program, raster, folder=tmp_path / "out")


def test_golden_vectors_that_would_fill_the_disk_are_refused_before_anything_runs(tmp_path):
    program = Program(Input((1,)), (Population("p", (1 << 20,), (), vth=1),))
    with pytest.raises(UnsupportedError, match="golden vectors of 2000 samples of 300 steps would make"):
        to_golden.export(program, tmp_path / "out", np.zeros((2000, 300, 1), dtype=np.int8))
    assert not list(tmp_path.iterdir())


def test_made_up_samples_are_the_same_for_the_same_program(tmp_path):
    first, second = (to_golden.export(small_program(), tmp_path / n) for n in "ab")
    assert first.files == second.files
    assert read_artifact(tmp_path / "a").digest == read_artifact(tmp_path / "b").digest
    for name in first.files:
        if name.endswith((".hex", ".json")):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40),
    bits=st.integers(1, 32),
    signed=st.booleans(),
)
def test_words_come_back_as_they_were_written(tmp_path_factory, values, bits, signed):
    path = tmp_path_factory.mktemp("hex") / "a.hex"
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    array = np.clip(np.array(values, dtype=np.int64), low, high)
    write_words(path, array, bits, "comment")
    np.testing.assert_array_equal(read_words(path, bits, len(values), signed=signed), array)
    assert readmemh(path) == [int(v) % (1 << bits) for v in array]


@given(rows=st.integers(1, 5), width=st.integers(1, 70), seed=st.integers(0, 99))
def test_bits_come_back_as_they_were_written(tmp_path_factory, rows, width, seed):
    path = tmp_path_factory.mktemp("hex") / "a.hex"
    array = np.random.default_rng(seed).integers(0, 2, (rows, width))
    write_bits(path, array, "comment")
    np.testing.assert_array_equal(read_bits(path, width, rows), array)
    assert readmemh(path) == [sum(int(b) << i for i, b in enumerate(row)) for row in array]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0ff\n", "expected 2 words of 3"),
        ("0ff\n00\n", "expected 2 words of 3"),
        ("0ff\n0x1\n", "something else than hexadecimal"),
        ("0ff\n800\n", "a word of more than 11 bits"),
        ("0ff // the rest is a comment 000", "expected 2 words"),
    ],
)
def test_a_broken_memory_is_refused(tmp_path, text, message):
    (tmp_path / "a.hex").write_text(text)
    with pytest.raises(FileError, match=message):
        read_words(tmp_path / "a.hex", 11, 2, signed=False)
    with pytest.raises(FileError, match="cannot be read"):
        read_words(tmp_path / "none.hex", 11, 2, signed=False)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"samples": 1}', '{"samples": true, "steps": 2}', '{"samples": 0, "steps": 2}']
)
def test_a_broken_manifest_is_refused(tmp_path, text):
    program = small_program()
    to_golden.export(program, tmp_path / "out")
    (tmp_path / "out" / "golden.json").write_text(text)
    with pytest.raises(FileError, match=r"golden\.json: "):
        to_golden.execute(program, np.zeros((1, 20, 2, 5, 5), dtype=np.int32), folder=tmp_path / "out")
