"""Foreign HDF5 files are judged by their structure before anything in them is read."""

import os
import struct
import time
import zlib

import h5py
import nir
import numpy as np
import pytest

from exporters.hdf5_border import Limits, check_hdf5, open_checked
from sim.errors import FileError
from tests.recordings import recordings


def _virtual(file):
    layout = h5py.VirtualLayout((10,), dtype="i1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "a", (10,))
    file.create_virtual_dataset("a", layout)


def _own_child(file):
    group = file.create_group("g")
    group["again"] = group


def _nested(file):
    for _ in range(40):
        file = file.create_group("x")


def _bomb(file):
    made = file.create_dataset("a", shape=(1 << 17,), dtype="i1", chunks=(1 << 17,), compression="gzip")
    made.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 26)))


def _many_times_the_same_text(file):
    made = file.create_dataset("a", shape=(2000,), dtype=h5py.string_dtype())
    made[0] = "x" * (1 << 20)
    file.flush()
    file.attrs["reference"] = made.id.get_offset()


def _unnamed(file):
    file.create_dataset(b"\xff\xfe", data=3)


ATTACKS = {
    "a soft link": (lambda f: f.update({"a": h5py.SoftLink("/b")}), "/a: is a link that may lead out"),
    "an external link": (lambda f: f.update({"a": h5py.ExternalLink("/etc/passwd", "/")}), "/a: is a link"),
    "external storage": (lambda f: f.create_dataset("a", (9,), "i1", external=[("/etc/passwd", 0, 9)]), "external"),
    "a virtual dataset": (_virtual, "/a: is a virtual dataset"),
    "a group in itself": (_own_child, "/g/again: is reached by two names"),
    "two names for one array": (lambda f: f.update({"b": f.create_dataset("a", data=3)}), "is reached by two names"),
    "too deep": (_nested, "more than 32 levels deep"),
    "an absurd shape": (lambda f: f.create_dataset("a", (1 << 30, 1 << 30), "f4", chunks=(1, 9)), "claim more than"),
    "more than the file can hold": (lambda f: f.create_dataset("a", (1 << 30,), "f4"), "the file has"),
    "an absurd chunk": (
        lambda f: f.create_dataset("a", (1,), "f8", chunks=(1 << 28,), maxshape=(None,)),
        "the file has",
    ),
    "a chunk that unpacks to more": (_bomb, "unpacks to more than its size"),
    "an unknown filter": (lambda f: f.create_dataset("a", (9,), "i4", chunks=(3,), scaleoffset=2), "unknown filter"),
    "too many axes": (lambda f: f.create_dataset("a", data=np.zeros((1,) * 9)), "has 9 axes"),
    "a table": (lambda f: f.create_dataset("a", data=np.zeros(3, "i4,f4")), "holds neither numbers"),
    "references": (lambda f: f.create_dataset("a", data=f.ref, dtype=h5py.ref_dtype), "holds neither numbers"),
    "lists": (lambda f: f.create_dataset("a", (3,), h5py.vlen_dtype("i4")), "holds neither numbers"),
    "raw bytes": (lambda f: f.create_dataset("a", data=np.zeros(3, "V4")), "holds neither numbers"),
    "complex numbers": (lambda f: f.create_dataset("a", data=np.zeros(3, complex)), "holds neither numbers"),
    "long floats": (lambda f: f.create_dataset("a", data=np.zeros(3, np.longdouble)), "holds neither numbers"),
    "no shape": (lambda f: f.create_dataset("a", data=h5py.Empty("f4")), "an array without a shape"),
    "a named type": (lambda f: f.update({"a": np.dtype("i4")}), "neither a group nor an array"),
    "a name that is no text": (_unnamed, "the name is no UTF-8 text"),
    "a very long name": (lambda f: f.create_dataset("n" * 2000, data=3), "the name is no UTF-8 text"),
    "text in pieces": (lambda f: f.create_dataset("a", (9,), h5py.string_dtype(), chunks=(3,)), "in pieces"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(tmp_path, attack):
    build, message = ATTACKS[attack]
    path = tmp_path / "bad.nir"
    with h5py.File(path, "w") as file:
        build(file)
    with pytest.raises(FileError, match=message) as caught:
        check_hdf5(path)
    assert str(path) in str(caught.value)


def test_many_references_to_one_text_are_summed_up(tmp_path):
    path = tmp_path / "bad.nir"
    with h5py.File(path, "w") as file:
        _many_times_the_same_text(file)
        offset = int(file.attrs["reference"])
    data = bytearray(path.read_bytes())
    data[offset : offset + 16 * 2000] = data[offset : offset + 16] * 2000
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"the arrays claim \d+ bytes, the file has"):
        check_hdf5(path)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_bytes=100), "claim more than 100 bytes"),
        (Limits(max_objects=3), "more than 3"),
        (Limits(max_depth=2), "more than 2 levels"),
        (Limits(max_strings=2), "more than 2 pieces of text"),
    ],
)
def test_the_limits_can_be_set(tmp_path, limits, message):
    nir.write(tmp_path / "net.nir", nir.NIRGraph.from_list(nir.Linear(np.ones((5, 5)))))
    check_hdf5(tmp_path / "net.nir")
    with pytest.raises(FileError, match=message):
        check_hdf5(tmp_path / "net.nir", limits)


def _heap(path):
    """Return the file's bytes and where the heap object that holds b"Linear" has its header."""
    nir.write(path, nir.NIRGraph.from_list(nir.Linear(np.ones((5, 5)))))
    data = bytearray(path.read_bytes())
    return data, data.index(b"Linear") - 16


def test_a_heap_that_would_be_followed_for_ever_is_refused_at_once(tmp_path):
    path = tmp_path / "bad.nir"
    data, place = _heap(path)
    data[place : place + 16] = struct.pack("<HH4xQ", 0, 0, 0)  # free space of size 0: the next object is itself
    path.write_bytes(data)
    start = time.perf_counter()
    with pytest.raises(FileError, match="does not fit into it"):
        check_hdf5(path)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [(0, 999, "refers to object"), (8, 5, "refers to object"), (8, 1 << 20, "does not fit into it")],
)
def test_a_heap_that_contradicts_its_references_is_refused(tmp_path, offset, value, message):
    path = tmp_path / "bad.nir"
    data, place = _heap(path)
    struct.pack_into("<H" if offset == 0 else "<Q", data, place + offset, value)
    path.write_bytes(data)
    with pytest.raises(FileError, match=message):
        check_hdf5(path)


def test_addresses_that_are_not_what_all_writers_make_are_refused(tmp_path):
    data, _ = _heap(tmp_path / "bad.nir")
    for place, value in ((13, 4), (14, 2), (24, 1), (8, 7)):
        wrong = bytearray(data)
        wrong[place] = value
        (tmp_path / "bad.nir").write_bytes(wrong)
        with pytest.raises(FileError, match=r"superblock of unknown version|addresses are not 8 bytes"):
            check_hdf5(tmp_path / "bad.nir")


def test_what_is_no_plain_hdf5_file_is_named(tmp_path):
    (tmp_path / "empty.nir").touch()
    (tmp_path / "text.nir").write_text("hello, this is text")
    os.mkfifo(tmp_path / "pipe.nir")
    for name, message in {
        "missing.nir": "no such file",
        ".": "is not a plain file",
        "pipe.nir": "is not a plain file",
        "empty.nir": "is not an HDF5 file",
        "text.nir": "is not an HDF5 file",
    }.items():
        with pytest.raises(FileError, match=message):
            check_hdf5(tmp_path / name)


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"compression": "lzf", "shuffle": True}])
@pytest.mark.parametrize("fletcher32", [False, True])
def test_honest_ways_to_pack_pass(tmp_path, options, fletcher32):
    values = np.random.default_rng(0).integers(0, 9, (1000, 300), dtype=np.int8)
    with h5py.File(tmp_path / "a.nir", "w") as file:
        file.create_dataset("a", data=values, fletcher32=fletcher32, **options)
        file.create_dataset("flags", data=np.zeros(3, bool))
        file.create_dataset("names", data=[["a", "b"]])
        file.create_dataset("none", (3,), h5py.string_dtype())
    with open_checked(tmp_path / "a.nir") as file:
        np.testing.assert_array_equal(file["a"][()], values)


def test_files_of_other_frameworks_pass():
    for path in recordings("cases", "nir_corpus").glob("*.nir"):
        check_hdf5(path)
