"""What a file may do to a reader: be read, or be refused by one error in little time and memory."""

import io
import json
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import h5py
import nir
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exporters.program_file import is_program_file, read_program_file, write_program
from sim.errors import FileError, InputError, UnsupportedError
from snn2hw.ann.graph import load
from snn2hw.ann.macs import macs
from snn2hw.ann.operators import _taps_inside
from snn2hw.audio.clip import read_clip
from snn2hw.audio.front import from_json, read_front
from snn2hw.chips.target import get_target
from snn2hw.compiler.certify import prove
from snn2hw.compiler.checker import check_certificate
from snn2hw.conversion.onnx_graph import read_onnx
from snn2hw.costs.price_files import get_table
from snn2hw.files.rasters import read_raster, write_raster
from snn2hw.fuzz.readers import _front_text
from snn2hw.sources.from_nir import from_nir
from snn2hw.train.checkpoint import load_trained
from tests.border.test_streams import _program

ROOT = Path(__file__).parents[2]
READERS = {
    "raster.npz": read_raster,
    "program.nir": read_program_file,
    "network.nir": lambda path: from_nir(path, dt=1e-3),
    "front.json": read_front,
    "chip.toml": get_target,
    "prices.toml": get_table,
    "net.onnx": load,
    "relus.onnx": read_onnx,
    "model.pt": load_trained,
    "clip.wav": lambda path: read_clip(path, 8000),
    "clip.flac": lambda path: read_clip(path, 8000),
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_plain_file_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).symlink_to("/dev/zero")
    (tmp_path / "holder" / name).mkdir(parents=True)
    began = time.monotonic()
    for path in (tmp_path / name, tmp_path / "folder" / name, tmp_path / "holder" / name):
        with pytest.raises(InputError, match="is not a plain file"):
            READERS[name](path)
    with pytest.raises(InputError, match="no such file"):
        READERS[name](tmp_path / "nowhere" / name)
    assert time.monotonic() - began < 20


def _peak_mib(code, *words):
    """Return the memory that a piece of code needs at its peak, beyond what importing takes."""
    script = f"""
import resource, sys
from sim.errors import InputError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
{textwrap.dedent(code)}
before = peak()
try:
    attack()
    print("read")
except InputError as error:
    print(error)
print(peak() - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=True)
    *said, grown = done.stdout.splitlines()
    return " ".join(said), int(grown)


def test_a_raster_of_another_shape_is_refused_before_it_is_unpacked(tmp_path):
    write_raster(tmp_path / "x.npz", np.zeros((1, 300, 1000, 1000), np.uint8))
    code = """
    from snn2hw.files.rasters import read_raster
    def attack(): read_raster(sys.argv[1], (3,))
    """
    said, grown = _peak_mib(code, tmp_path / "x.npz")
    assert "spikes: shape (1, 300, 1000, 1000), the program reads (B, T, 3)" in said
    assert grown < 100


def test_an_array_that_nobody_asked_for_is_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", spikes=np.ones((1, 2, 3), np.uint8), other=np.zeros(300 << 20, np.uint8))
    code = """
    from snn2hw.files.rasters import read_raster
    def attack(): read_raster(sys.argv[1])
    """
    assert _peak_mib(code, tmp_path / "x.npz")[1] < 100


def test_the_arrays_of_a_network_take_little_more_than_its_file_may_hold(tmp_path):
    with h5py.File(tmp_path / "net.nir", "w") as file:
        file.create_dataset("node/nodes/a/weight", (20_000, 40_000), "i1", chunks=(10, 40_000), compression="gzip")
        file["node/nodes/a/weight"][:1000] = 0
    code = """
    from snn2hw.sources.from_nir import from_nir
    def attack(): from_nir(sys.argv[1], dt=1e-3)
    """
    said, grown = _peak_mib(code, tmp_path / "net.nir")
    assert "claim more than" in said
    assert grown < 300


def test_parameters_that_grow_when_they_are_combined_are_refused_before(tmp_path):
    sides = np.ones((60_000, 1)), np.ones((1, 60_000))
    node = nir.LIF(*(np.ones(1) for _ in range(4)), v_reset=np.zeros(1))
    nir.write(tmp_path / "net.nir", nir.NIRGraph.from_list(node))
    with h5py.File(tmp_path / "net.nir", "r+") as file:
        group = next(g for g in file["node/nodes"].values() if g["type"][()] == b"LIF")
        for name, values in zip(("tau", "r"), sides, strict=True):
            del group[name]
            group[name] = values
    with pytest.raises(UnsupportedError, match=r"would take \d+ bytes, the limit is"):
        from_nir(tmp_path / "net.nir", dt=1e-3)


def test_the_limit_on_memory_can_be_set(tmp_path, monkeypatch):
    write_raster(tmp_path / "x.npz", np.zeros((1, 20, 100), np.uint8))
    monkeypatch.setenv("SNN2HW_MAX_BYTES", "1K")
    with pytest.raises(FileError, match=r"unpacks to 2000 bytes, the limit is 1024  fix: .* SNN2HW_MAX_BYTES"):
        read_raster(tmp_path / "x.npz")
    monkeypatch.setenv("SNN2HW_MAX_BYTES", "2K")
    assert read_raster(tmp_path / "x.npz").spikes.size == 2000
    monkeypatch.setenv("SNN2HW_MAX_BYTES", "lots")
    with pytest.raises(InputError, match="SNN2HW_MAX_BYTES is 'lots'"):
        read_raster(tmp_path / "x.npz")


def test_a_sound_whose_header_claims_2_to_the_36_samples_is_read_as_it_is(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 4000), 8000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] |= 0x0F  # the highest bits of the number of samples in STREAMINFO
    data[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(data)
    code = """
    from pathlib import Path
    from snn2hw.audio.clip import read_clip
    def attack(): read_clip(Path(sys.argv[1]), 8000)
    """
    assert _peak_mib(code, tmp_path / "a.flac")[1] < 200


def _conv(path, side, kernel):
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [1, 1, 1, kernel])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, kernel]),
    ]
    values = [helper.make_tensor_value_info(n, 1, [1, 1, 1, s]) for n, s in (("x", side), ("y", side - kernel + 1))]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], [shape])), path)


def test_a_convolution_of_any_width_is_counted_at_once(tmp_path):
    _conv(tmp_path / "wide.onnx", 1 << 40, 1 << 20)
    began = time.monotonic()
    assert macs(load(tmp_path / "wide.onnx")).total == ((1 << 40) - (1 << 20) + 1) << 20
    assert time.monotonic() - began < 5
    _conv(tmp_path / "wide.onnx", 1 << 40, 1 << 39)
    with pytest.raises(InputError, match="would take"):
        read_onnx(tmp_path / "wide.onnx")


def test_pairs_of_positions_and_taps_are_counted_as_one_by_one():
    rng = np.random.default_rng(0)
    for _ in range(500):
        side, positions, kernel, step, gap = map(int, rng.integers(1, 9, 5))
        pad = int(rng.integers(-5, 12))
        one_by_one = sum(0 <= p * step + k * gap - pad < side for p in range(positions) for k in range(kernel))
        assert _taps_inside(side, positions, kernel, step, gap, pad) == one_by_one


def test_a_certificate_of_a_billion_steps_is_refused_at_once():
    stated = prove(_program(), 10).to_json() | {"steps": 10**9}
    assert check_certificate(_program(), stated) == ["holds for 1000000000 steps, at most 131072 are checked"]
    with pytest.raises(UnsupportedError, match="at most 131072 are checked"):
        prove(_program(), 10**9)


def _archive(entries, packing=zipfile.ZIP_STORED, before=b""):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return before + made.getvalue()


def _npy(header, data=b""):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


SPIKES = _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3)}", bytes(6))
ARCHIVES = {
    "packed with LZMA": _archive({"spikes.npy": SPIKES}, zipfile.ZIP_LZMA),
    "a header that never ends": _archive({"spikes.npy": _npy("{'shape': (((((")}),
    "a header deep in brackets": _archive({"spikes.npy": _npy("[" * 9000)}),
    "more elements than numbers count": _archive(
        {"spikes.npy": _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808, 0, 2)}")}
    ),
    "an array before the archive": _archive({"spikes.npy": SPIKES}, before=SPIKES),
    "elements without bytes": _archive(
        {"spikes.npy": _npy("{'descr': '|V0', 'fortran_order': False, 'shape': (1099511627776, 1, 1)}")}
    ),
}


@pytest.mark.parametrize("attack", ARCHIVES)
def test_an_archive_that_lies_is_one_error(tmp_path, attack):
    (tmp_path / "x.npz").write_bytes(ARCHIVES[attack])
    with pytest.raises(FileError, match=r"x\.npz: .*  fix: "):
        read_raster(tmp_path / "x.npz")


CHIP = (ROOT / "snn2hw" / "chips" / "loihi1.toml").read_text()
PRICES = (ROOT / "snn2hw" / "costs" / "tables" / "cmos45_fp32.toml").read_text()
TABLES = {
    "resets = true": (get_target, CHIP.replace('resets = ["zero"]', "resets = true")),
    "resets of tables": (get_target, CHIP.replace('resets = ["zero"]', "resets = [{a = 1}]")),
    "weights = []": (get_target, CHIP + '\n[[weights]]\nx = 1\n[["core"]]'),
    "rule = []": (get_target, CHIP.replace('rule = "loihi"', "rule = []")),
    "5,000 digits": (get_target, CHIP.replace("delay_steps = 62", f"delay_steps = 0x{'f' * 5000}")),
    "nesting": (get_target, "a = " + "[" * 100_000),
    "a key of 100,000 parts": (get_target, ".".join(["a"] * 100_000) + " = 1"),
    "left over": (get_target, "onfigs = 32\n" + CHIP),
    "price = ['x']": (get_table, PRICES.partition("[[price]]")[0] + 'price = ["x"]'),
    "view = []": (get_table, PRICES.replace('view = "', 'view = ["').replace('"\nunit', '"]\nunit')),
    "extends = []": (get_table, "extends = []"),
    "extends nothing known": (get_table, "extends = {a = 1}"),
}


@pytest.mark.parametrize("attack", TABLES)
def test_a_table_of_the_wrong_kind_is_one_error(tmp_path, attack):
    read, text = TABLES[attack]
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(InputError, match=r"t\.toml: .*  fix: "):
        read(tmp_path / "t.toml")


FRONT = json.loads(_front_text())
FRONTS = {
    "null": "null",
    "nesting": "[" * 100_000,
    "a list": "[1]",
    "mel null": json.dumps(FRONT | {"mel": None}),
    "bands of text": json.dumps(FRONT | {"mel": FRONT["mel"] | {"bands": "16"}}),
    "a billion bands": json.dumps(FRONT | {"mel": FRONT["mel"] | {"bands": 10**9}}),
    "classes of numbers": json.dumps(FRONT | {"classes": [1, 2]}),
    "a decoder in a list": json.dumps(FRONT | {"decoder": ["mean"]}),
    "NaN": json.dumps(FRONT | {"normaliser": FRONT["normaliser"] | {"low_db": [float("nan")] * 16}}),
    "bands that do not fit": json.dumps(FRONT | {"mel": FRONT["mel"] | {"bands": 17}}),
    "steps without end": json.dumps(FRONT | {"encoder": FRONT["encoder"] | {"steps": 10**12}}),
    "a field too many": json.dumps(FRONT | {"extra": 1}),
}


@pytest.mark.parametrize("attack", FRONTS)
def test_a_front_end_of_the_wrong_kind_is_one_error(attack):
    assert from_json(json.dumps(FRONT), "front.json").classes == ("no", "yes")
    with pytest.raises(FileError, match=r"front\.json: not a front end.*  fix: "):
        from_json(FRONTS[attack], "front.json")


@pytest.mark.parametrize(("name", "value"), [("snn2hw_dt", "abc"), ("snn2hw_reset", 3), ("snn2hw_scheme", "never")])
def test_metadata_of_the_wrong_kind_are_one_error(tmp_path, name, value):
    lif = nir.LIF(np.ones(2), np.ones(2), np.zeros(2), np.ones(2), v_reset=np.zeros(2))
    graph = nir.NIRGraph.from_list(nir.Input({"input": np.array([2])}), lif)
    graph.metadata = {name: value}
    nir.write(tmp_path / "net.nir", graph)
    with pytest.raises(FileError, match=rf"net\.nir: says the {name.removeprefix('snn2hw_')}"):
        from_nir(tmp_path / "net.nir", dt=1e-3)


@pytest.mark.parametrize("name", ["schema", "digest", "program"])
def test_arrays_where_a_program_has_texts_are_one_error(tmp_path, name):
    write_program(_program(), tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        del file[f"node/metadata/{name}"]
        file[f"node/metadata/{name}"] = np.arange(3)
    with pytest.raises(FileError, match=r"p\.nir: "):
        read_program_file(tmp_path / "p.nir")


def test_an_index_that_is_its_own_neighbour_is_not_followed_for_ever(tmp_path):
    with h5py.File(tmp_path / "p.nir", "w") as file:
        file["node/x"] = 1
    data = bytearray((tmp_path / "p.nir").read_bytes())
    tree = data.index(b"TREE")
    data[tree + 16 : tree + 24] = tree.to_bytes(8, "little")
    (tmp_path / "p.nir").write_bytes(data)
    code = """
    from exporters.program_file import read_program_file
    def attack(): read_program_file(sys.argv[1])
    """
    assert "p.nir" in _peak_mib(code, tmp_path / "p.nir")[0]
    assert not is_program_file(tmp_path / "p.nir")


def test_a_checkpoint_whose_entries_share_their_bytes_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    data = _archive({"archive/data.pkl": bytes(1000)})
    end = data.rindex(b"PK\x05\x06")
    start = data.index(b"PK\x01\x02")
    many = data[:start] + data[start:end] * 50 + b"PK\x05\x06\0\0\0\0" + (50).to_bytes(2, "little") * 2
    many += ((end - start) * 50).to_bytes(4, "little") + start.to_bytes(4, "little") + b"\0\0"
    path.write_bytes(many)
    with pytest.raises(FileError, match=r"not a checkpoint.*  fix: "):
        load_trained(path)
