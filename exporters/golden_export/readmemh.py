"""Memory images as Verilog's ``$readmemh`` reads them: hexadecimal words, one per line, first word at address 0.

Two layouts: one number per word (two's complement where signed), or one bit per neuron, neuron 0 in the lowest bit.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.border import read_bytes, unpacked_limit
from sim.errors import FileError

__all__ = ["read_bits", "read_words", "write_bits", "write_words"]

DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
NEWLINE = ord("\n")
COMMENT = re.compile(rb"//[^\n]*")
BLOCK = 1 << 20
"""Words that are turned into text at once."""


def write_words(path: Path, values: NDArray[np.integer], bits: int, comment: str) -> None:
    """Write one number of ``bits`` bits per line, in C order."""
    flat = values.reshape(-1)
    count = -(-bits // 4)
    shifts = np.arange(4 * (count - 1), -1, -4, dtype=np.int64)
    with path.open("wb") as handle:
        handle.write(f"// {comment}\n".encode())
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK].astype(np.int64) & ((1 << bits) - 1)
            handle.write(_lines(DIGITS[(block[:, None] >> shifts) & 15]))


def write_bits(path: Path, rows: NDArray[np.integer], comment: str) -> None:
    """Write one word per row: bit i is 1 where element i is not 0."""
    width = rows.shape[1]
    with path.open("wb") as handle:
        handle.write(f"// {comment}\n".encode())
        for part in np.array_split(rows, max(1, rows.size // BLOCK)):
            padded = np.zeros((len(part), -(-width // 4) * 4), dtype=np.uint8)
            padded[:, :width] = part != 0
            nibbles = padded.reshape(len(part), -1, 4)[:, ::-1] @ np.array([1, 2, 4, 8], dtype=np.uint8)
            handle.write(_lines(DIGITS[nibbles]))


def _lines(characters: NDArray[np.uint8]) -> bytes:
    ends = np.full((len(characters), 1), NEWLINE, dtype=np.uint8)
    return np.concatenate([characters, ends], axis=1).tobytes()


def read_words(path: Path, bits: int, count: int, *, signed: bool) -> NDArray[np.int64]:
    """Read ``count`` numbers back."""
    words = _words(path, bits, count)
    digits = -(-bits // 4)
    values = np.zeros(count, dtype=np.int64)
    for place in range(digits):
        values = values << 4 | words[:, place]
    if (values >> bits).any():
        raise FileError(f"{path}: a word of more than {bits} bits", "export again")
    return np.where(values >> (bits - 1), values - (1 << bits), values) if signed else values


def read_bits(path: Path, width: int, count: int) -> NDArray[np.uint8]:
    """Read ``count`` rows of ``width`` bits back."""
    nibbles = _words(path, width, count)[:, ::-1]
    bits = (nibbles[:, :, None] >> np.arange(4)) & 1
    flat = bits.reshape(count, -1)
    if flat[:, width:].any():
        raise FileError(f"{path}: a word of more than {width} bits", "export again")
    return flat[:, :width].astype(np.uint8)


def _words(path: Path, bits: int, count: int) -> NDArray[np.int8]:
    """Return the digits of every word, (count, digits): every word has them all, as we write it."""
    digits = -(-bits // 4)
    text = COMMENT.sub(b"", read_bytes(path, unpacked_limit(), "export again"))
    words = text.split()
    characters = np.frombuffer(b"".join(words), dtype=np.uint8)
    if len(words) != count or any(len(word) != digits for word in words):
        raise FileError(f"{path}: expected {count} words of {digits} hexadecimal digits", "export again")
    values = np.full(256, -1, dtype=np.int8)
    values[DIGITS] = np.arange(16)
    found = values[characters].reshape(count, digits)
    if (found < 0).any():
        raise FileError(f"{path}: holds something else than hexadecimal digits", "export again")
    return found
