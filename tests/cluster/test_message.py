"""What goes between client and worker comes back as it was, has the bytes that it should, and is judged before use."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sim.errors import FileError, InputError, MachineError
from snn2hw.chunks.chunked_run import Asked, run_chunk
from snn2hw.cluster.address import check_address, require_listener
from snn2hw.cluster.asking import asked_for
from snn2hw.cluster.chunk_messages import chunk_message, chunk_of_message, run_request
from snn2hw.cluster.code import code_digest
from snn2hw.cluster.message import LENGTH_BYTES, Message, pack, unpack
from snn2hw.cluster.program_bytes import program_bytes
from snn2hw.cluster.work import held, perform, raise_refusal
from tests.programs import Space, random_program, random_raster

NUMBERS = arrays.arrays(
    st.sampled_from([np.uint8, np.int32, np.int64, np.bool_]), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
)


@given(st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3), st.dictionaries(st.text(), st.integers()))
def test_a_message_survives_and_has_the_bytes_of_its_numbers(found, facts):
    data = pack(Message(facts, found))
    back = unpack(data)
    assert back.facts == facts
    assert back.arrays.keys() == found.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(back.arrays[name], values)
        assert back.arrays[name].dtype == values.dtype
    head = int.from_bytes(data[:LENGTH_BYTES], "little")
    assert len(data) == LENGTH_BYTES + head + sum(values.nbytes for values in found.values())


@pytest.mark.parametrize("cut", range(0, 90, 7))
def test_a_message_that_ends_early_is_refused(cut):
    data = pack(Message({"do": "run"}, {"spikes": np.arange(12, dtype=np.int32).reshape(3, 4)}))
    with pytest.raises(FileError, match="a message of the cluster"):
        unpack(data[: min(cut, len(data) - 1)])


def test_a_message_of_objects_is_refused():
    data = pack(Message({}, {"x": np.zeros(1, np.uint8)})).replace(b"|u1", b"|O8")
    with pytest.raises(FileError, match="not of integers"):
        unpack(data)
    for head in (b"[]", b'{"facts": [], "arrays": []}', b'{"facts": {}, "arrays": {}}'):
        with pytest.raises(FileError, match="no facts or no arrays"):
            unpack(len(head).to_bytes(8, "little") + head)


@pytest.mark.parametrize("seed", range(4))
def test_a_worker_computes_a_chunk_as_it_is_computed_here(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, Space(wide=False))
    spikes = random_raster(rng, program, batch=3, steps=4)
    asked = Asked(record=("spikes", "u"), trace=True, allow_wrap=True, decoder="last", facts=True)
    ours = run_chunk(program, spikes, asked)
    theirs = chunk_of_message(unpack(perform(pack(run_request(0, spikes, asked)), program_bytes(program))))
    assert pack(chunk_message(theirs)) == pack(chunk_message(ours))
    assert theirs.arrays.keys() == ours.arrays.keys()
    assert "output" in theirs.arrays


def test_what_a_worker_refuses_is_refused_here_by_the_same_name():
    from sim.program import Connection, Dense, Input, Population, Program

    wraps = Population("p", (1,), (Connection("input", Dense([[200]]), exponent=7),), du=0, fires=False)
    request = pack(run_request(10, np.ones((1, 9, 1), np.uint8), Asked()))
    answer = unpack(perform(request, program_bytes(Program(Input((1,)), (wraps,)))))
    with pytest.raises(MachineError, match="sample 10"):
        raise_refusal(answer)


@pytest.mark.parametrize("change", [{"version": "0.0.1"}, {"code": "0" * 64}, {"version": None, "code": None}])
def test_a_client_of_other_code_is_refused_by_name(change):
    answer = unpack(perform(pack(Message({**asked_for("run"), **change}))))
    with pytest.raises(InputError, match=r"has snn2hw .* the client .*install the same snn2hw on every machine"):
        raise_refusal(answer)


def test_the_digest_of_the_code_follows_its_sources(tmp_path, monkeypatch):
    from snn2hw.cluster import code

    (tmp_path / "snn2hw" / "cluster").mkdir(parents=True)
    source = tmp_path / "snn2hw" / "cluster" / "code.py"
    source.write_text("a")
    monkeypatch.setattr(code, "__file__", str(source))
    digests = []
    for text in ("a", "b", "a"):
        source.write_text(text)
        code_digest.cache_clear()
        digests.append(code_digest())
    code_digest.cache_clear()
    assert digests[0] == digests[2] != digests[1]


def test_a_worker_forgets_the_folder_it_was_started_in(tmp_path, monkeypatch):
    import sys

    from snn2hw.cluster.work import _forget_working_folder

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "elsewhere", *sys.path])
    _forget_working_folder()
    assert "" not in sys.path
    assert str(tmp_path) not in sys.path
    assert "elsewhere" in sys.path


def test_what_is_shared_is_what_was_sent():
    assert held(b"abc") == b"abc"


@pytest.mark.parametrize("address", ["", "localhost:8786", "tcp://x", "tcp://x:0", "tcp://x:65536", "tcp://a b:1"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InputError, match="is no address"):
        check_address(address)


def test_addresses_of_both_kinds_are_read():
    assert check_address("tls://node-3.lab:8786") == ("node-3.lab", 8786)
    assert check_address("tcp://[::1]:8786") == ("::1", 8786)


def test_an_address_where_nobody_listens_is_refused_at_once():
    import socket
    import time

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(InputError, match="no scheduler answers there"):
        require_listener(f"tcp://127.0.0.1:{port}")
    assert time.monotonic() - began < 10
