"""No part of a program file can contradict another: every edit is one clear error."""

import json

import h5py
import numpy as np
import pytest

from exporters.program_file import read_program, write_program
from sim.errors import FileError
from tests.exporters.small import small_program


def _set(file, path, value):
    if path in file:
        del file[path]
    file[path] = value


def _edit_header(change):
    def edit(file):
        header = json.loads(file["node/metadata/program"][()])
        change(header)
        _set(file, "node/metadata/program", json.dumps(header, sort_keys=True, separators=(",", ":")))

    return edit


def _population(i, **facts):
    return _edit_header(lambda header: header["populations"][i].update(facts))


def _connection(p, c, **facts):
    return _edit_header(lambda header: header["populations"][p]["inputs"][c].update(facts))


def _wiring(p, c, **facts):
    return _edit_header(lambda header: header["populations"][p]["inputs"][c]["wiring"].update(facts))


def _add(path, value):
    def edit(file):
        file[path][...] = file[path][()] + value

    return edit


def _replace(path, value):
    return lambda file: _set(file, path, value)


def _delete(path):
    def edit(file):
        del file[path]

    return edit


def _reverse_edge(file):
    edges = file["node/edges"][()]
    edges[0] = edges[0][::-1]
    _set(file, "node/edges", edges)


def _add_space(file):
    _set(file, "node/metadata/program", file["node/metadata/program"][()] + b" ")


NODES = "node/nodes"
CASES = {
    "a weight changed": (_add(f"{NODES}/fc_to_fc/weight", 1), "holds the program .* damaged or edited"),
    "a weight in the expanded kernel changed": (_add(f"{NODES}/input_to_conv/weight", 1), "'input_to_conv': weight"),
    "an exact weight changed": (_add(f"{NODES}/input_to_conv/metadata/weight", 1), "damaged or edited"),
    "weights as floats": (
        lambda f: _set(f, f"{NODES}/fc_to_fc/weight", f[f"{NODES}/fc_to_fc/weight"][()] * 0.5),
        "expected integers, got float64",
    ),
    "a register per neuron": (_replace(f"{NODES}/out.1/metadata/register_dv", [200, 201]), "damaged or edited"),
    "weights as text": (_replace(f"{NODES}/fc_to_fc/weight", "none"), "holds no weight of shape"),
    "no weights": (_delete(f"{NODES}/fc_to_fc/weight"), "node 'fc_to_fc' holds no weight of shape"),
    "a register changed": (_replace(f"{NODES}/fc/metadata/register_vth", 4001), "damaged or edited"),
    "a register out of range": (_replace(f"{NODES}/fc/metadata/register_vth", 1 << 20), "outside the register's"),
    "a register of another shape": (_replace(f"{NODES}/fc/metadata/register_vth", [1, 2]), "does not fit"),
    "a register as float": (_replace(f"{NODES}/fc/metadata/register_vth", 4000.0), "register_vth is missing"),
    "a register as floats": (_replace(f"{NODES}/fc/metadata/register_vth", np.zeros(6)), "expected integers"),
    "a register missing": (_delete(f"{NODES}/fc/metadata/register_du"), "register_du is missing"),
    "no registers": (_delete(f"{NODES}/fc/metadata"), "is missing or of the wrong kind"),
    "another threshold in the graph": (_add(f"{NODES}/fc/v_threshold", 1), "node 'fc': v_threshold contradicts"),
    "another time constant in the graph": (_add(f"{NODES}/conv/tau_mem", 1e-9), "node 'conv': tau_mem contradicts"),
    "another scale in the graph": (_add(f"{NODES}/input_to_conv_scale/scale", 1), "scale contradicts"),
    "another delay in the graph": (_add(f"{NODES}/fc_to_fc_delay/delay", 1), "delay contradicts"),
    "another stride in the graph": (_add(f"{NODES}/input_to_conv/stride", 1), "stride contradicts"),
    "another type in the graph": (_replace(f"{NODES}/fc/type", "LI"), "node 'fc': type 'LI' contradicts"),
    "a field too many": (_replace(f"{NODES}/fc/extra", 1.0), "is not that of its node"),
    "metadata too many": (_replace(f"{NODES}/fc/metadata/extra", 1.0), "metadata extra contradicts"),
    "a node too many": (_replace(f"{NODES}/more/type", "Scale"), "node 'more' contradicts"),
    "a neuron missing": (_delete(f"{NODES}/fc"), "population 'fc': node 'fc' is missing"),
    "a weight node missing": (_delete(f"{NODES}/fc_to_fc"), "node 'fc_to_fc' is missing"),
    "an output missing": (_delete(f"{NODES}/output"), "node 'output' contradicts"),
    "all nodes missing": (_delete(NODES), "/node/nodes is not a group"),
    "a node that is an array": (_replace(f"{NODES}/output", 3), "output is not a group"),
    "a field that is a group": (_replace(f"{NODES}/fc/more/inside", 3), "more is a group"),
    "a node without type": (_delete(f"{NODES}/fc/type"), "fc/type is not text"),
    "edges missing": (_delete("node/edges"), "edges"),
    "edges as numbers": (_replace("node/edges", [[1, 2]]), "is not a list of pairs"),
    "edges turned round": (_reverse_edge, "the list of edges contradicts"),
    "no graph": (_delete("node"), "/node is not a group"),
    "a node at the top": (_replace("node/type", "LIF"), "is not a NIRGraph"),
    "digest changed": (_replace("node/metadata/digest", "0" * 64), "says 0{64}"),
    "digest missing": (_delete("node/metadata/digest"), "says None"),
    "header missing": (_delete("node/metadata/program"), "header: is not a JSON object"),
    "header cut": (_replace("node/metadata/program", '{"input":'), "header: is not JSON"),
    "header a list": (_replace("node/metadata/program", "[]"), "header: is not a JSON object"),
    "header very deep": (_replace("node/metadata/program", "[" * 10**5), "header: is not JSON"),
    "type_check changed": (_replace("node/metadata/type_check", 0), "metadata type_check contradicts"),
    "a cycle of lag 0": (_connection(1, 1, lag=0), "closes a cycle"),
    "a negative lag": (_connection(1, 1, lag=-1), "with lag -1"),
    "a lag of true": (_connection(1, 1, lag=True), "lag is missing or of the wrong kind"),
    "an exponent out of range": (_connection(1, 1, exponent=9), "with exponent 9"),
    "an unknown source": (_connection(1, 0, source="none"), "reads 'none', which does not exist"),
    "another node's weights": (_connection(1, 0, node="fc_to_fc"), "holds no weight of shape"),
    "no such node": (_connection(1, 0, node="none"), "node 'none' is missing"),
    "an unknown wiring": (_wiring(1, 0, kind="Magic"), "wiring 'Magic' is unknown"),
    "a wiring of no kind": (_wiring(1, 0, kind=None), "kind is missing"),
    "groups of 0": (_wiring(0, 0, groups=0), "0 does not divide"),
    "absurd dilation": (_wiring(0, 0, dilation=[1, 2**30]), "does not fit into"),
    "absurd padding": (_wiring(0, 0, padding=[1, 2**30]), "the wiring makes"),
    "padding beyond integers": (_wiring(0, 0, padding=[1, 10**30]), "is not a short list of sizes"),
    "a shape without data": (_population(0, shape=[4, 2**14, 2**14]), "is not that of its node"),
    "a shape of text": (_population(0, shape="abc"), "shape is missing"),
    "a shape of fractions": (_population(0, shape=[4, 5, 5.0]), "is not a short list of sizes"),
    "a population without name": (_population(0, name=None), "population 0: name is missing"),
    "a name used twice": (_population(0, name="fc", shape=[6]), "."),
    "a population that is text": (_edit_header(lambda h: h["populations"].append("p")), "population 3: name"),
    "no populations": (_edit_header(lambda h: h["populations"].clear()), "at least one population"),
    "unknown reset": (_population(0, reset="hard"), "reset 'hard'"),
    "fires as number": (_population(0, fires=1), "fires is missing or of the wrong kind"),
    "another reset": (_population(0, reset="subtract"), "damaged or edited"),
    "another record": (_edit_header(lambda h: h["record"].update(dt=2.0)), "damaged or edited"),
    "another order": (_edit_header(lambda h: h["populations"].reverse()), "damaged or edited"),
    "another arithmetic": (_edit_header(lambda h: h.update(arithmetic="none")), "arithmetic 'none' is unknown"),
    "an input of another shape": (_edit_header(lambda h: h["input"].update(shape=[2, 5, 6])), "the wiring makes"),
    "an input range of text": (_edit_header(lambda h: h["input"].update(lo="0")), "lo is missing"),
    "header written differently": (_add_space, "metadata program contradicts"),
    "attachment of others": (_replace("node/metadata/attachments", '{"c":{"digest":"1"}}'), "of another program"),
    "attachments not sealed": (_replace("node/metadata/attachments", '{"c":1}'), "attachments_sha256 contradicts"),
    "attachments as number": (_replace("node/metadata/attachments", 5), "attachments: is not a JSON object"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("tamper") / "p.nir"
    write_program(small_program(), path)
    return path.read_bytes()


@pytest.mark.parametrize("case", CASES)
def test_an_edited_file_is_refused_with_its_place(tmp_path, written, case):
    edit, message = CASES[case]
    path = tmp_path / "p.nir"
    path.write_bytes(written)
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(FileError, match=message) as caught:
        read_program(path)
    assert str(path) in str(caught.value)
    assert "fix: " in str(caught.value)


def test_a_changed_attachment_is_found(tmp_path):
    program = small_program()
    write_program(program, tmp_path / "p.nir", attachments={"certificate": {"bound": 5}})
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        _set(file, "node/metadata/attachments", '{"certificate":{"bound":6}}')
    with pytest.raises(FileError, match="attachments_sha256 contradicts"):
        read_program(tmp_path / "p.nir")
