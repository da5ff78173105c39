"""An input file of which a byte has changed is refused, or the change means nothing: never other samples or labels."""

import numpy as np
import pytest

from sim.errors import FileError
from snn2hw.files.rasters import read_raster, write_raster

SPIKES = np.random.default_rng(0).integers(0, 2, (4, 5, 30)).astype(np.uint8)
LABELS = np.arange(4)


@pytest.mark.parametrize("mask", [1, 8, 64, 255])
def test_a_flipped_byte_anywhere_is_refused_or_means_nothing(tmp_path, mask):
    path = tmp_path / "x.npz"
    write_raster(path, SPIKES, LABELS, "mean")
    data = path.read_bytes()
    refused = 0
    for place in range(len(data)):
        wrong = bytearray(data)
        wrong[place] ^= mask
        path.write_bytes(wrong)
        try:
            found = read_raster(path)
        except FileError:
            refused += 1
            continue
        assert np.array_equal(found.spikes, SPIKES), place
        assert found.labels is not None, place
        assert np.array_equal(found.labels, LABELS), place
        assert found.decoder == "mean", place
    assert refused > len(data) / 2
