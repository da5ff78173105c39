"""Programs of all kinds with what was made of them, written into folders that a report is made of."""

from itertools import pairwise
from pathlib import Path

import numpy as np

import snn2hw as sw
from exporters.program_file import write_program
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.report import measure
from snn2hw.files.json_file import write_json
from snn2hw.files.rasters import write_raster
from snn2hw.page.lying import ACCURACY
from snn2hw.placement.place import place
from snn2hw.verification.verdict import Verdict, VerdictRow
from tests.placement.pilotnet import pilotnet

EQUAL = 4242


def network(folder: Path, sizes=(6, 9, 3), reset=None, *, numbered=False) -> sw.Source:
    """Return a small float network of dense layers and LIF neurons, weights drawn at random.

    Its nodes are called by what they are, or by bare numbers, as some exporters do.
    """
    import nir

    rng, nodes, edges, before = np.random.default_rng(0), {}, [], "input"
    nodes["input"] = nir.Input({"input": np.array([sizes[0]])})
    for index, (n_in, n_out) in enumerate(pairwise(sizes)):
        ones = np.ones(n_out)
        linear, lif = (str(2 * index), str(2 * index + 1)) if numbered else (f"fc{index}", f"lif{index}")
        nodes[linear] = nir.Linear(rng.normal(0.4, 1.0, (n_out, n_in)))
        nodes[lif] = nir.LIF(tau=ones * 0.005, r=ones, v_leak=ones * 0, v_threshold=ones * 0.3)
        edges += [(before, linear), (linear, lif)]
        before = lif
    nodes["output"] = nir.Output({"output": np.array([sizes[-1]])})
    nir.write(folder / "net.nir", nir.NIRGraph(nodes, [*edges, (before, "output")]))
    return sw.from_nir(folder / "net.nir", dt=1e-3, reset=reset)


def inputs(samples=12, steps=20, shape=(6,)):
    return (np.random.default_rng(1).random((samples, steps, *shape)) < 0.4).astype(np.uint8)


def write_ann(path: Path, steps=20, lines=6, classes=3) -> Path:
    """Write a small network of ReLUs that reads a sample at once."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng, fed, hidden = np.random.default_rng(4), steps * lines, 9
    weights = {"w0": (fed, hidden), "b0": (hidden,), "w1": (hidden, classes), "b1": (classes,)}
    fixed = [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), name) for name, s in weights.items()]
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w1", "b1"], ["y"]),
    ]
    shapes = {"x": ["batch", steps, lines], "y": ["batch", classes]}
    ends = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in shapes.items())
    model = helper.make_model(
        helper.make_graph(nodes, "ann", *ends, fixed), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    model.producer_name, model.producer_version = "a test", "1"
    onnx.save(model, path)
    return path


def verdict_of(program, spikes, **statuses):
    """Return a verdict whose executors have these statuses."""
    first = {"population": "lif0", "neuron": (3,), "step": 2, "sample": 1, "register": "v", "expected": 7, "got": 8}
    rows = [VerdictRow("reference", "baseline", EQUAL, 0.1)]
    for name, status in statuses.items():
        rows.append(VerdictRow(name, status, EQUAL if status in ("equal", "differs") else 0, 0.5))
    found = Verdict(program.digest, "ab" * 32, len(spikes), spikes.shape[1], 1234, tuple(rows)).to_json()
    for row in found["rows"]:
        if row["status"] == "differs":
            row["divergence"] = {**first, "neuron": [3]}
        if row["status"] == "unavailable":
            row["message"] = "no compiler is here"
    return found


def whole_folder(folder: Path) -> Path:
    """Write a program with everything that a report can hold but sounds."""
    source, spikes = network(folder), inputs()
    compiled = compile_source(source, "loihi1", spikes)
    program = compiled.program
    attachments = {
        "certificate": compiled.certificate.to_json(),
        "quantization": measure(compiled, spikes[:4]).to_json(),
        "purpose": {"classes": ["low", "middle", "high"], "decoder": "count", "task": "three tones"},
    }
    write_program(program, folder / "tones.nir", attachments=attachments)
    labels = np.arange(len(spikes)) % 3
    write_raster(folder / "test.npz", spikes, labels, "count", classes=("low", "middle", "high"))
    write_json(folder / "verdict.json", verdict_of(program, spikes, fast="equal", c="unavailable", onnx="equal"))
    ann = write_ann(folder / "twin.onnx")
    report = sw.energy(program, spikes, ann=ann, ann_inputs=spikes.astype(np.float32), task=labels)
    write_json(folder / "energy.json", report.to_json())
    write_json(folder / "place.json", place(program, "loihi1", raster=spikes).to_json())
    known = {"float": {"right": 7, "samples": 12}, "integer": {"right": 6, "samples": 12}}
    write_json(folder / "accuracy.json", {"schema": ACCURACY, "digest": program.digest, "networks": known})
    (folder / "notes.txt").write_text("no file of ours\n")
    return folder


def xylo_folder(folder: Path) -> Path:
    """Write a program for Xylo, and its input."""
    source, spikes = network(folder, (8, 20, 4), "subtract", numbered=True), inputs(4, 24, (8,))
    compiled = compile_source(source, "xylo2", spikes)
    write_program(compiled.program, folder / "xylo.nir", attachments={"certificate": compiled.certificate.to_json()})
    write_raster(folder / "test.npz", spikes)
    return folder


def large_program() -> sw.Program:
    """Return PilotNet's layers, and beside them one more that reads the image: 118,908 neurons."""
    program, rng = pilotnet(), np.random.default_rng(2)
    taps = sw.Conv(2 * rng.integers(-127, 127, (5, 3, 18, 12)), stride=(2, 2))
    more = sw.Population("glance", (5, 25, 95), (sw.Connection("input", taps),), vth=4000, du=1024)
    return sw.Program(program.input, (more, *program.populations), record=dict(program.record))


def large_folder(folder: Path) -> Path:
    """Write a program of PilotNet's size, where it lies on a chip, and two samples."""
    program = large_program()
    write_program(program, folder / "large.nir")
    spikes = (np.random.default_rng(3).random((2, 6, 3, 66, 200)) < 0.05).astype(np.uint8)
    write_raster(folder / "test.npz", spikes)
    write_json(folder / "place.json", place(program, "loihi2", placer="in_order").to_json())
    return folder


def silent_folder(folder: Path) -> Path:
    """Write a program that nothing was made of."""
    layer = sw.Population("only", (4,), (sw.Connection("input", sw.Dense(np.eye(4, dtype=int))),), vth=9)
    write_program(sw.Program(sw.Input((4,)), (layer,)), folder / "alone.nir")
    return folder


def section_of(dossier, name):
    return next(section for section in dossier["sections"] if section["id"] == name)


def table_of(section, name):
    table = next(table for table in section["tables"] if table["id"] == name)
    head = [column["id"] for column in table["columns"]]
    return [dict(zip(head, row, strict=True)) for row in table["rows"]]


def charts_of(dossier):
    for section in dossier["sections"]:
        yield from section["charts"]
        for example in section["examples"]:
            yield from filter(None, (example["picture"], example["scores"]))
