"""A checkpoint whose bytes have changed is refused, or the change means nothing: never another network."""

import numpy as np
import pytest
import torch

from sim.errors import FileError
from snn2hw.commands import main
from snn2hw.files.tensor_file import read_tensors, write_tensors
from snn2hw.train.checkpoint import SCHEMA

VALUES = {
    "schema": SCHEMA,
    "weights": {"a": torch.arange(300.0).reshape(20, 15), "b": torch.arange(9)},
    "recipe": {"steps": 8, "encoder": "direct", "rate": 1e-2, "layers": [1, 2, 3]},
}


def _read(path):
    return read_tensors(path, "checkpoint", "train again")


def _same(found):
    plain = {name: value for name, value in found.items() if name != "weights"}
    weights = found["weights"]
    return plain == {n: v for n, v in VALUES.items() if n != "weights"} and all(
        weights[name].dtype == value.dtype and torch.equal(weights[name], value)
        for name, value in VALUES["weights"].items()
    )


def test_what_was_written_is_read(tmp_path):
    write_tensors(tmp_path / "x.pt", VALUES)
    assert _same(_read(tmp_path / "x.pt"))


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_byte_anywhere_is_refused_or_means_nothing(tmp_path, seed):
    path = tmp_path / "x.pt"
    write_tensors(path, VALUES)
    data, rng = path.read_bytes(), np.random.default_rng(seed)
    refused = 0
    for place in rng.choice(len(data), 200, replace=False):
        wrong = bytearray(data)
        wrong[place] ^= int(rng.integers(1, 256))
        path.write_bytes(wrong)
        try:
            found = _read(path)
        except FileError:
            refused += 1
            continue
        assert _same(found), place
    assert refused > 50


def test_a_flipped_byte_of_a_weight_is_refused_with_its_place_and_the_cure(tmp_path, capsys):
    path = tmp_path / "model.pt"
    write_tensors(path, VALUES)
    data = bytearray(path.read_bytes())
    place = bytes(data).index(VALUES["weights"]["a"].numpy().tobytes())
    data[place + 100] ^= 1
    path.write_bytes(data)
    assert main(["compile", str(path), "-o", str(tmp_path / "p.nir")]) == 2
    said = capsys.readouterr().err
    assert "model.pt: not a checkpoint, or a damaged one (Bad CRC-32 for file 'archive/data/0')  fix: give one" in said
    assert not (tmp_path / "p.nir").exists()
