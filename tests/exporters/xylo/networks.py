"""Random programs that a Xylo chip holds, by seed."""

import numpy as np

from snn2hw.fuzz import draw_xylo


def random_xylo(seed, *, harsh=None, widest=8):
    """Return a program of populations of up to ``widest`` and a raster for it; a harsh one saturates."""
    return draw_xylo.random_xylo(np.random.default_rng(seed), harsh=harsh, widest=widest)
