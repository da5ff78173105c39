"""What weights take in memory, against bits written out one by one."""

import numpy as np
import pytest

from snn2hw.ann.weight_forms import RUN_BITS
from snn2hw.costs.weight_storage import stored


def run_length(weights: list[int], bits: int) -> int:
    """Write the entries one by one and count their bits."""
    zeros = entries = 0
    for w in weights:
        if w == 0:
            zeros += 1
            continue
        while zeros > 15:
            entries, zeros = entries + 1, zeros - 16  # fifteen zeros before a filler, which is the sixteenth
        entries, zeros = entries + 1, 0
    return entries * (bits + RUN_BITS)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("bits", [2, 8])
def test_every_form_equals_bits_written_one_by_one(share: float, bits: int) -> None:
    rng = np.random.default_rng(round(100 * share) + bits)
    weights = rng.integers(1, 2, (7, 41)) * (rng.random((7, 41)) >= share)
    flat = weights.reshape(-1).tolist()
    found = stored(weights, bits)
    assert found.dense == bits * len(flat)
    assert found.bitmap == sum(1 + bits * (w != 0) for w in flat)
    assert found.run_length == run_length(flat, bits)


def test_nothing_is_gained_by_an_index_where_nothing_is_pruned() -> None:
    assert stored(np.ones((4, 4), int), 8).smallest == "dense"
    assert stored(np.eye(13, dtype=int), 8).smallest == "run length"
    assert stored(np.tile([1, 0], 32), 8).smallest == "bitmap"
