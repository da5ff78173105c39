"""Both networks on one microcontroller: what firmware counts is what `energy --device` says."""

import json

import numpy as np
import pytest

from exporters.program_file import write_program
from exporters.to_firmware import measure
from sim.errors import InputError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from snn2hw.commands import main
from snn2hw.costs.on_device import on_device
from snn2hw.page.sections.energy import _devices
from snn2hw.schemas import get_schema
from tests.ann.test_firmware import SHAPE, _write, needs_qemu


def spiking() -> tuple[Program, np.ndarray]:
    rng = np.random.default_rng(0)
    conv = Population(
        "conv", (4, 9, 7), (Connection("input", Conv(rng.integers(-9, 9, (4, 3, 3, 3)), padding=(1, 1))),)
    )
    out = Population("out", (3,), (Connection("conv", Dense(rng.integers(-9, 9, (3, 252)))),), vth=90)
    return Program(Input(SHAPE), (conv, out)), (rng.random((2, 4, *SHAPE)) < 0.3).astype(np.int32)


@needs_qemu
def test_energy_says_what_both_take_on_a_device(tmp_path, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    program, spikes = spiking()
    write_program(program, tmp_path / "p.nir")
    np.savez(tmp_path / "x.npz", spikes=spikes)
    _write(tmp_path / "cnn.onnx", np.random.default_rng(2))
    np.savez(tmp_path / "ann.npz", features=np.random.default_rng(1).normal(0, 1, (5, *SHAPE)).astype(np.float32))
    words = ["energy", str(tmp_path / "p.nir"), "--input", str(tmp_path / "x.npz"), "--ann", str(tmp_path / "cnn.onnx")]
    assert main([*words, "--ann-input", str(tmp_path / "ann.npz"), "--device", "m4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, get_schema(found["schema"]))
    device, counted = found["device"], measure(program, spikes)
    assert device["snn"]["instructions"] == counted.instructions.sum() / len(spikes)
    assert device["snn"]["flash"] == counted.image.flash
    assert list(device["snn"]["parts"]) == ["input", "conv", "out"]
    assert 0 < device["ann"]["instructions"] == sum(device["ann"]["parts"].values())
    (table,) = _devices(found)
    assert [row[0] for row in table.rows] == ["this program", "ANN, 8 bit"]
    assert table.rows[0][1] == device["snn"]["instructions"]
    assert not list(_devices({"device": None}))


def test_what_a_device_cannot_be_told_is_refused():
    program, spikes = spiking()
    with pytest.raises(InputError, match=r"processor 'm9' is unknown"):
        on_device(program, spikes, "m9")
    with pytest.raises(InputError, match=r"no samples  fix: name them: --ann-input"):
        on_device(program, spikes, "m4", ann="cnn.onnx")
