"""The steps of a graded input as images: where many messages are not zero, a window is read whole, not as a list."""

from collections.abc import Iterable

from sim.fast.grid import Grid
from sim.program import Conv, Wiring

__all__ = ["NEVER", "image", "window"]

CROSSOVER = 0.1
"""The share of messages that are not zero from which the windows of a convolution are faster read whole; measured, see
docs/fast.md. A Dense reads every message once: its list is never slower."""

NEVER = 1 << 62


def image(source: Grid, read: Iterable[Wiring]) -> dict[str, int]:
    """Return how a step lies as an image: channels last, with zeros around it for the paddings of all that read it."""
    pads = [w.padding for w in read if isinstance(w, Conv)]
    if not pads:
        return {"image_size": 0}
    pad_y, pad_x = (max(p[i] for p in pads) for i in range(2))
    channels, height, width = source.shape
    row = (width + 2 * pad_x) * channels
    first = pad_y * row + pad_x * channels
    return {"image_size": (height + 2 * pad_y) * row, "image_row": row, "image_first": first, "image_width": width}


def window(packing: dict[str, int], wiring: Wiring, source: Grid, fields: dict[str, int]) -> dict[str, int]:
    """Return the fields of a connection that may read its windows whole: their rows must be one group, in one piece."""
    if not isinstance(wiring, Conv) or fields["spans"] > 1 or fields["group"] + 1 != fields["rows"]:
        return {"image_most": NEVER}
    (pad_y, pad_x), row, pixel = wiring.padding, packing["image_row"], source.channels
    first = packing["image_first"] - pad_y * row - pad_x * pixel
    most = int(CROSSOVER * source.size)
    return {"image_first": first, "image_row": row, "image_pixel": pixel, "image_most": most}
