"""One picture of a spectrogram in: an image of bands and frames in [0, 1], or an error with the file's name.

    grey    = (299 R + 587 G + 114 B) / 1000, over black where it is transparent, from 0 (black) to 1 (white)
    I[m, t] = the mean of grey over the part of the picture that cell (m, t) covers, pixels at its edge by their share

Band 0, the lowest, is the bottom of the picture, and the first frame its left edge. Its file, its sides and its
pixels are counted from the header before anything is unpacked.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import foreign_errors, read_bytes
from sim.cures import install
from sim.errors import FileError, InputError, MissingToolError
from snn2hw.audio.clip import Clip

__all__ = ["BANDS", "FRAMES", "MOST_PIXELS", "MOST_SIDE", "PICTURES", "covered", "is_picture", "read_picture"]

PICTURES = (".png", ".jpg", ".jpeg")
BANDS, FRAMES = 32, 32
"""Cells of the images that networks hear."""

PICTURE_BYTES = 1 << 26
"""Bytes of a file."""
MOST_SIDE = 1 << 14
"""Pixels along a side."""
MOST_PIXELS = 1 << 24
"""Pixels of a picture: 4096 x 4096."""
WORDS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
"""What Pillow calls grey of 16 bits."""
_REPLACE = "remove it, or replace it by a good copy"


def is_picture(path: Path) -> bool:
    """Return whether a file is named as a picture."""
    return path.suffix.lower() in PICTURES


def read_picture(path: Path, rate_hz: int, bands: int = BANDS, frames: int = FRAMES) -> Clip:
    """Read a PNG or JPEG as an image (bands, frames), in the place of a clip's samples at ``rate_hz``."""
    grey, coloured = _read(path)
    if grey.min() == grey.max():
        raise FileError(f"{path}: is of one colour", _REPLACE)
    high, wide = grey.shape
    image = covered(high, bands) @ grey[::-1] @ covered(wide, frames).T
    changes = ["colour mixed to grey"] if coloured else []
    if (high, wide) != (bands, frames):
        changes.append(f"scaled from {wide} x {high} to {frames} x {bands}")
    return Clip(np.clip(image, 0.0, 1.0).astype(np.float32), rate_hz, tuple(changes))


def _read(path: Path) -> tuple[NDArray[np.float64], bool]:
    """Return grey (height, width) in [0, 1], and whether there was colour."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingToolError("reading pictures needs Pillow", install("PIL")) from None
    try:
        data = io.BytesIO(read_bytes(path, PICTURE_BYTES, _REPLACE))
    except InputError as error:
        reason = error.what.removeprefix(f"{path}: ")
        raise FileError(f"{path}: not a readable picture ({reason})", _REPLACE) from None
    _check_size(_stated_size(data.getvalue()), path)
    readable = foreign_errors(path, "not a readable picture", _REPLACE)
    with readable, warnings.catch_warnings(), _opened(Image, data) as picture:
        _check_size(picture.size, path)
        picture.load()
        return _grey(Image, picture)


def _opened(image: Any, data: io.BytesIO) -> Any:
    """Open the header of a picture; a warning about its size or its metadata is an error."""
    warnings.simplefilter("error")
    return image.open(data, formats=("PNG", "JPEG"))


def _stated_size(data: bytes) -> tuple[int, int]:
    """Return width and height as the header of a PNG says, before any library looks at it; of anything else 1 x 1."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or len(data) < 24:
        return 1, 1
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _check_size(size: tuple[int, int], path: Path) -> None:
    wide, high = size
    if min(wide, high) < 1 or max(wide, high) > MOST_SIDE or wide * high > MOST_PIXELS:
        most = f"at most {MOST_SIDE} a side and {MOST_PIXELS} in all are read"
        raise FileError(f"{path}: a picture of {wide} x {high} pixels, {most}", "scale it down")


def _grey(image: Any, picture: Any) -> tuple[NDArray[np.float64], bool]:
    if picture.mode in WORDS:
        return np.clip(np.asarray(picture, dtype=np.float64) / 65535.0, 0.0, 1.0), False
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"), dtype=np.float64) / 255.0, False
    whole = picture.convert("RGBA")
    whole = image.alpha_composite(image.new("RGBA", whole.size, (0, 0, 0, 255)), whole)
    pixels = np.asarray(whole)
    mixed = pixels[..., 0] * np.uint32(299) + pixels[..., 1] * np.uint32(587) + pixels[..., 2] * np.uint32(114)
    coloured = bool((pixels[..., 0] != pixels[..., 1]).any() or (pixels[..., 1] != pixels[..., 2]).any())
    return mixed / 255000.0, coloured


def covered(pixels: int, cells: int) -> NDArray[np.float64]:
    """Return the share that each pixel has in each cell along one side, (cells, pixels); a cell's shares sum to 1.

    >>> covered(3, 2).tolist()
    [[0.6666666666666666, 0.3333333333333333, 0.0], [0.0, 0.3333333333333333, 0.6666666666666666]]
    """
    edges, places = np.arange(cells + 1) * pixels, np.arange(pixels) * cells  # of both, in pixels times cells
    first = np.maximum(edges[:-1, None], places)
    last = np.minimum(edges[1:, None], places + cells)
    shares: NDArray[np.float64] = np.maximum(last - first, 0) / pixels
    return shares
